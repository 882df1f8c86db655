// SPDX-License-Identifier: Apache-2.0
// Where the time of a graph goes, node by node. Not: the time of a whole run (bench.cc).
#ifndef LIGERO_PLATFORMS_CLI_BENCH_NODE_TIMES_H_
#define LIGERO_PLATFORMS_CLI_BENCH_NODE_TIMES_H_

#include <chrono>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <vector>

#include "platforms/cli/bench/node_work.h"
#include "platforms/cli/bench/peaks.h"
#include "runtime/cpu_run.h"

namespace ligero::cli {

/// Adds up the time of each node over all runs that it watches.
class NodeTimes : public NodeWatch {
 public:
  explicit NodeTimes(const Graph& graph);
  void begins() noexcept override;
  void computed(size_t node, int32_t frames) noexcept override;
  /// Forgets what it has seen, a warm-up.
  void clear();
  /// Mean time of node `n` in a run.
  double ms_of_run(size_t n) const;
  /// One object for each node, the longest first: node, op, ms (of a run), share (of the time),
  /// type (of its matrix), gflops (GOP/s of int8; 2 for each multiply-add), bytes (weights and
  /// constants once a run, the frames of its inputs and outputs once each, the matrix of a
  /// recurrence once a step), gb_per_s, bound ("compute" or "memory") and of_peak: the least time
  /// that `peaks` allow over that taken. `working_set_bytes` is what a run reads again when the
  /// next one comes.
  nlohmann::ordered_json report(const Peaks& peaks, int64_t working_set_bytes) const;

 private:
  using Clock = std::chrono::steady_clock;
  GraphWork work_;
  std::vector<Clock::duration> times_;
  std::vector<int64_t> frames_;
  int64_t runs_ = 0;
  Clock::time_point last_;
};

/// report() for people.
void print_node_times(const nlohmann::ordered_json& report);

}  // namespace ligero::cli

#endif  // LIGERO_PLATFORMS_CLI_BENCH_NODE_TIMES_H_
