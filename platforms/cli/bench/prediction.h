// SPDX-License-Identifier: Apache-2.0
// How long a model would take on a processor that is not here, from what its nodes compute and
// read. Not: measuring (model_times.h), what nodes compute (node_work.h).
#ifndef LIGERO_PLATFORMS_CLI_BENCH_PREDICTION_H_
#define LIGERO_PLATFORMS_CLI_BENCH_PREDICTION_H_

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "platforms/cli/bench/node_times.h"
#include "platforms/cli/bench/node_work.h"
#include "platforms/cli/bench/peaks.h"

namespace ligero::cli {

/// One core of a processor: the rates that products reach on it, not those at best.
struct Target {
  std::string name;
  double ghz = 0.0;  ///< 0: not stated
  Peaks reached;
  double node_us = 0.0;         ///< that a node takes besides
  double convolution_ns = 0.0;  ///< that each output of a convolution takes besides
};

/// The keys of cores that there are constants for: a53, a72, a76.
std::vector<std::string> core_keys();

/// A core by its key. `ghz`, `memory_gb_s`: 0 for those of a board that it was published on.
Target core_target(const std::string& key, double ghz, double memory_gb_s);

/// This machine, of the peaks measured on it.
Target this_machine(const Peaks& peaks);

/// What is run.
struct PredictedRun {
  bool live = false;
  double seconds = 4.0;  ///< of sound, whole recordings
  double hop_ms = 10.0;  ///< sound of a hop
};

/// Frames of each node in a run, and what a run reads again when the next one comes. Refuses a
/// model that cannot run frame by frame where it is asked to.
struct RunShape {
  double frames = 1.0;
  int64_t working_set_bytes = 0;
};
RunShape shape_of(const Graph& graph, const PredictedRun& run);

/// In ms: the roofline of each part of a node, the work on each value, and what any node takes.
double predict_ms(const Node& node, const NodeWork& work, const Target& target);

/// {core, ghz, memory_gb_s, ms, real_time_factor} of a run.
nlohmann::ordered_json predict(const Graph& graph, const PredictedRun& run, const Target& target);

/// Prediction beside measurement: nodes (node, op, measured_ms, predicted_ms, error: predicted over
/// measured less one; the longest first), measured_ms, predicted_ms and error of all of them, and
/// op_error: the mean of the nodes' |error|, weighted by their measured time.
nlohmann::ordered_json check_prediction(const Graph& graph,
                                        const PredictedRun& run,
                                        const Target& target,
                                        const NodeTimes& measured);

}  // namespace ligero::cli

#endif  // LIGERO_PLATFORMS_CLI_BENCH_PREDICTION_H_
