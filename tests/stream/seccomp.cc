// SPDX-License-Identifier: Apache-2.0
// The filter and the child. Not: any check.
#include "tests/stream/seccomp.h"

#if defined(__linux__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstddef>

namespace ligero::testing {
namespace {

constexpr int kDone = 0;
constexpr int kWorkFailed = 1;
constexpr int kNoFilter = 2;

bool bar_system_calls() {
  sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
  };
  const sock_fprog program = {static_cast<unsigned short>(sizeof(code) / sizeof(code[0])), code};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

[[noreturn]] void child(const std::function<bool()>& work) {
  // Its end is wanted: no handler of the test's may speak of it.
  std::signal(SIGSYS, SIG_DFL);
  if (!bar_system_calls()) {
    _exit(kNoFilter);
  }
  _exit(work() ? kDone : kWorkFailed);
}

}  // namespace

Verdict run_without_system_calls(const std::function<bool()>& work) {
  const pid_t pid = fork();
  if (pid < 0) {
    return Verdict::kForbidden;
  }
  if (pid == 0) {
    child(work);
  }
  int status = 0;
  if (waitpid(pid, &status, 0) != pid) {
    return Verdict::kFailed;
  }
  if (WIFSIGNALED(status)) {
    return WTERMSIG(status) == SIGSYS ? Verdict::kKilled : Verdict::kFailed;
  }
  switch (WEXITSTATUS(status)) {
    case kDone:
      return Verdict::kClean;
    case kNoFilter:
      return Verdict::kForbidden;
    default:
      return Verdict::kFailed;
  }
}

}  // namespace ligero::testing

#else

namespace ligero::testing {

Verdict run_without_system_calls(const std::function<bool()>&) {
  return Verdict::kForbidden;
}

}  // namespace ligero::testing

#endif
