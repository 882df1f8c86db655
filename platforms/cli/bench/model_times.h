// SPDX-License-Identifier: Apache-2.0
// How long a model takes on this machine and what memory it needs: whole recordings, hops of a live
// session, opening. Not: which nodes take the time (node_times.h), printing.
#ifndef LIGERO_PLATFORMS_CLI_BENCH_MODEL_TIMES_H_
#define LIGERO_PLATFORMS_CLI_BENCH_MODEL_TIMES_H_

#include <limits>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "platforms/cli/bench/node_times.h"
#include "platforms/cli/block_options.h"
#include "platforms/cli/model_file.h"
#include "runtime/run.h"

namespace ligero::cli {

/// Sound of one hop: the most time that it may take in a live session.
double hop_ms_of(const ModelFile& model);

struct TimingOptions {
  bool live = false;     ///< hop by hop as in a session, else whole recordings
  double seconds = 4.0;  ///< of sound
  int runs = 11;         ///< recordings
  BlockOptions block;
  const Backend* accelerator = nullptr;  ///< null: the processor alone
  /// No further run or hop is begun after so long; one at least is measured.
  double most_s = std::numeric_limits<double>::infinity();
};

/// The profile at `path`; if that is empty, one of noise: the time is the same. Nothing for a model
/// that takes no profile.
std::optional<Profile> profile_for(const ModelFile& model, const std::string& path, const Threads& threads);

/// Times on noise, after a warm-up: what a network computes takes as long for any sound. Both
/// modes: seconds (of the sound measured), real_time_factor, memory by kind, peak_resident_bytes
/// (of the process meanwhile), load_ms. Whole recordings: runs, ms (p50, p95, p99, max, min),
/// block_bytes. Live: ms_per_hop, hop_ms, hops, missed_hops (that took longer than hop_ms), latency_ms,
/// session_bytes, healed_hops; hop follows hop without waiting for its sound. `nodes` (null:
/// nobody) sees what is measured. Refuses what the model does not do.
nlohmann::ordered_json time_model(const ModelFile& model,
                                  const Profile* profile,
                                  const TimingOptions& options,
                                  const Threads& threads,
                                  NodeTimes* nodes);

}  // namespace ligero::cli

#endif  // LIGERO_PLATFORMS_CLI_BENCH_MODEL_TIMES_H_
