// SPDX-License-Identifier: Apache-2.0
// A child process in which every system call but its end kills. Not: what runs in it.
#ifndef LIGERO_TESTS_STREAM_SECCOMP_H_
#define LIGERO_TESTS_STREAM_SECCOMP_H_

#include <functional>

namespace ligero::testing {

enum class Verdict {
  kClean,      ///< `work` returned true and made no system call
  kFailed,     ///< `work` returned false, or died of something else
  kKilled,     ///< `work` called the system
  kForbidden,  ///< this machine or container lets no process filter itself
};

/// Forks, bars the child from every system call, and runs `work` there.
Verdict run_without_system_calls(const std::function<bool()>& work);

}  // namespace ligero::testing

#endif  // LIGERO_TESTS_STREAM_SECCOMP_H_
