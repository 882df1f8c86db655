// SPDX-License-Identifier: Apache-2.0
// Many live sessions of one model: in one group, beside as many groups of one. Not: one session
// (model_times.h).
#ifndef LIGERO_PLATFORMS_CLI_BENCH_GROUP_TIMES_H_
#define LIGERO_PLATFORMS_CLI_BENCH_GROUP_TIMES_H_

#include <nlohmann/json_fwd.hpp>

#include "model/format/profile.h"
#include "platforms/cli/model_file.h"

namespace ligero::cli {

/// For 1, 2, 4 and 16 sessions, on noise: {sessions, bytes (of the group's block), us_per_hop (median
/// of a hop of all of them in one group), apart_us_per_hop (of as many groups of one, one after
/// another, measured in turn with it)}. `profile`: null for a model that takes none. Refuses a model
/// that cannot run frame by frame.
nlohmann::ordered_json time_groups(const ModelFile& model,
                                   const Profile* profile,
                                   const Threads& threads,
                                   double seconds);

/// The same as a table.
void print_groups(const nlohmann::ordered_json& groups);

}  // namespace ligero::cli

#endif  // LIGERO_PLATFORMS_CLI_BENCH_GROUP_TIMES_H_
