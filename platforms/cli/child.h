// SPDX-License-Identifier: Apache-2.0
// Work in a process of its own. Not: threads.
#ifndef LIGERO_PLATFORMS_CLI_CHILD_H_
#define LIGERO_PLATFORMS_CLI_CHILD_H_

#include <functional>
#include <nlohmann/json_fwd.hpp>

namespace ligero::cli {

/// What `work` returns, from a copy of this process, so that its peak of memory is its own and its
/// end, where memory runs out, is not ours. This process must have no other thread. Throws Refusal
/// with what `work` threw, or with how the process ended.
nlohmann::ordered_json in_child(const std::function<nlohmann::ordered_json()>& work);

}  // namespace ligero::cli

#endif  // LIGERO_PLATFORMS_CLI_CHILD_H_
