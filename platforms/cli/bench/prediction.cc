// SPDX-License-Identifier: Apache-2.0
// A roofline with the rates that published kernels reach.
#include "platforms/cli/bench/prediction.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string_view>

#include "platforms/cli/bench/model_times.h"
#include "platforms/cli/refusal.h"
#include "runtime/base/cpu.h"

namespace ligero::cli {

namespace {

using Json = nlohmann::ordered_json;

constexpr double kMsPerGiga = 1e-6;  // ms of one operation at 1e9 a second
constexpr double kMsPerUs = 1e-3;
constexpr double kUsPerNs = 1e-3;
constexpr double kMsPerNs = 1e-6;

/// What one core reaches, in operations (two for each multiply-add) and bytes a cycle.
///
/// f32, int8: matrix products by hand-written kernels. A53 and A57, whose vector units the A72 has:
/// 6.03 and 12.29 Gop/s of f32, 8.87 and 22.61 of int8 without dot products, at 1.44 and 1.82 GHz
/// (gemmlowp's sheet of kernels on a Nexus 5X). A76: 29.8 GFLOP/s of f32 and 108 GOP/s of int8 with
/// dot products at 2.4 GHz (README of github.com/n4hy's GEMM for the Raspberry Pi 5).
/// memory: STREAM of the TI AM62L (SPRADO9, two A53 at 1.25 GHz, copy) and of the Raspberry Pi 4
/// (sci-pi.org.uk). None was found for an A76: it is given the Pi 4's, which is too little.
/// Caches: sizes of those boards. No published rate was found; a quarter, half and all of a 128-bit
/// load a cycle are assumptions.
/// The last two: cycles of each output of a convolution, to gather its row and to finish it, and of
/// each node, for the call and the first misses: about 3 and 260 on the x86 core here, assumed to
/// be those on the A76 and more on the narrower cores.
struct Core {
  const char* key;
  const char* name;
  double ghz;
  double memory_gb_s;
  double f32_per_cycle;
  double int8_per_cycle;
  double cache_bytes_per_cycle;
  int64_t cache_bytes;
  double convolution_cycles;
  double node_cycles;
};
constexpr Core kCores[] = {
    {"a53", "Cortex-A53", 1.25, 2.35, 6.03 / 1.44, 8.87 / 1.44, 4.0, 512 << 10, 9, 600},
    {"a72", "Cortex-A72", 1.5, 5.56, 12.29 / 1.82, 22.61 / 1.82, 8.0, 1 << 20, 5, 400},
    {"a76", "Cortex-A76", 2.4, 5.56, 29.8 / 2.4, 108.0 / 2.4, 16.0, 2 << 20, 3, 300},
};

/// The shares of the peaks that `bench --ops` finds large products to reach here, on an x86 server
/// core with AVX-512, and what a convolution's output takes besides: gathering its row, bias,
/// activation, scales.
constexpr double kF32Share = 0.75;
constexpr double kInt8Share = 0.5;
constexpr double kReadShare = 0.8;
constexpr double kConvolutionNsHere = 1.2;
constexpr double kNodeUsHere = 0.1;

/// Operations of an op on each value that it reads or writes, at the rate of f32 products, as found
/// with `bench --ops` here. What is not named, products among it, copies or rescales.
struct ValueCost {
  std::string_view op;
  double operations;
};
constexpr ValueCost kValueCosts[] = {
    {"stft", 400.0},
    {"istft", 400.0},
    {"fbank", 400.0},
    {"attention", 240.0},
    {"compress", 150.0},
    {"power", 150.0},
    {"lstm", 100.0},
    {"gru", 100.0},
    {"magnitude", 75.0},
    {"deep_filter", 60.0},
    {"softmax", 45.0},
    {"sigmoid", 45.0},
    {"tanh", 45.0},
    {"gelu", 45.0},
    {"elu", 45.0},
    {"layer_norm", 35.0},
    {"cumulative_norm", 35.0},
    {"complex_multiply", 30.0},
    {"concat", 15.0},
};
constexpr double kOtherValueCost = 7.0;

double value_cost(std::string_view op) {
  const auto* found = std::find_if(std::begin(kValueCosts),
                                   std::end(kValueCosts),
                                   [&](const ValueCost& cost) { return cost.op == op; });
  return found != std::end(kValueCosts) ? found->operations : kOtherValueCost;
}

}  // namespace

std::vector<std::string> core_keys() {
  std::vector<std::string> keys;
  for (const Core& core : kCores) {
    keys.emplace_back(core.key);
  }
  return keys;
}

Target core_target(const std::string& key, double ghz, double memory_gb_s) {
  if (std::isnan(ghz) || std::isnan(memory_gb_s)) {
    refuse("--clock and --memory: expected numbers");
  }
  for (const Core& core : kCores) {
    if (core.key == key) {
      const double clock = ghz > 0.0 ? ghz : core.ghz;
      Target target;
      target.name = core.name;
      target.ghz = clock;
      target.node_us = core.node_cycles / clock * kUsPerNs;
      target.convolution_ns = core.convolution_cycles / clock;
      Peaks& reached = target.reached;
      reached.f32_gflops = core.f32_per_cycle * clock;
      reached.int8_gops = core.int8_per_cycle * clock;
      reached.memory_gb_s = memory_gb_s > 0.0 ? memory_gb_s : core.memory_gb_s;
      reached.last_cache_gb_s = reached.core_cache_gb_s = core.cache_bytes_per_cycle * clock;
      reached.last_cache_bytes = reached.core_cache_bytes = core.cache_bytes;
      return target;
    }
  }
  refuse("no constants for core '", key, "'");
}

Target this_machine(const Peaks& peaks) {
  Target target;
  target.name = "this machine";
  target.node_us = kNodeUsHere;
  target.convolution_ns = kConvolutionNsHere;
  target.reached = peaks;
  target.reached.f32_gflops *= kF32Share;
  target.reached.int8_gops *= kInt8Share;
  target.reached.memory_gb_s *= kReadShare;
  target.reached.last_cache_gb_s *= kReadShare;
  target.reached.core_cache_gb_s *= kReadShare;
  return target;
}

RunShape shape_of(const Graph& graph, const PredictedRun& run) {
  PlanOptions options;
  options.cpu = cpu_features();
  if (run.live) {
    options.mode = Mode::kStream;
  } else {
    options.max_frames =
        1 + static_cast<int32_t>(std::ceil(run.seconds * 1000.0 / run.hop_ms));
  }
  const Result<Plan> plan = make_plan(graph, options);
  if (!plan.ok()) {
    const int32_t index = plan.status().index;
    const std::string node =
        index >= 0 && static_cast<size_t>(index) < graph.nodes.size()
            ? text(", node '", graph.nodes[static_cast<size_t>(index)].name, "'")
            : "";
    refuse_status(text("predicting", run.live ? " frame by frame" : "", node), plan.status());
  }
  return {static_cast<double>(options.max_frames),
          weight_bytes(graph) + static_cast<int64_t>(plan.value().bytes())};
}

double predict_ms(const Node& node, const NodeWork& work, const Target& target) {
  if (work.parts.empty()) {
    return 0.0;
  }
  double ms = target.node_us * kMsPerUs;
  for (const Work& part : work.parts) {
    ms += bound_of(part, target.reached).ms;
  }
  if (std::string_view(node.op->name).starts_with("conv2d")) {
    ms += target.convolution_ns * work.outputs * kMsPerNs;
  }
  return ms + value_cost(node.op->name) * work.values / target.reached.f32_gflops * kMsPerGiga;
}

namespace {

/// Constants stay from hop to hop, and are worked out anew for each recording.
double frames_of(const GraphWork& work, size_t n, const PredictedRun& run, const RunShape& shape) {
  return !work.facts(n).constant ? shape.frames : run.live ? 0.0 : 1.0;
}

}  // namespace

Json predict(const Graph& graph, const PredictedRun& run, const Target& target) {
  const GraphWork work(graph);
  const RunShape shape = shape_of(graph, run);
  double ms = 0.0;
  for (size_t n = 0; n < graph.nodes.size(); ++n) {
    ms += predict_ms(graph.nodes[n],
                     work.of(n, frames_of(work, n, run, shape), shape.working_set_bytes),
                     target);
  }
  const double sound_ms = run.live ? run.hop_ms : 1000.0 * run.seconds;
  return {{"core", target.name},
          {"ghz", target.ghz},
          {"memory_gb_s", target.reached.memory_gb_s},
          {"ms", ms},
          {"real_time_factor", ms / sound_ms}};
}

Json check_prediction(const Graph& graph,
                      const PredictedRun& run,
                      const Target& target,
                      const NodeTimes& measured) {
  const GraphWork work(graph);
  const RunShape shape = shape_of(graph, run);
  std::vector<Json> rows;
  double all_measured = 0.0;
  double all_predicted = 0.0;
  double missed = 0.0;
  for (size_t n = 0; n < graph.nodes.size(); ++n) {
    const double took = measured.ms_of_run(n);
    const double expected =
        predict_ms(graph.nodes[n],
                   work.of(n, frames_of(work, n, run, shape), shape.working_set_bytes),
                   target);
    all_measured += took;
    all_predicted += expected;
    missed += std::abs(expected - took);
    rows.push_back({{"node", graph.nodes[n].name},
                    {"op", graph.nodes[n].op->name},
                    {"measured_ms", took},
                    {"predicted_ms", expected},
                    {"error", took > 0.0 ? expected / took - 1.0 : 0.0}});
  }
  std::stable_sort(rows.begin(), rows.end(), [](const Json& a, const Json& b) {
    return a["measured_ms"].get<double>() > b["measured_ms"].get<double>();
  });
  return {{"nodes", rows},
          {"measured_ms", all_measured},
          {"predicted_ms", all_predicted},
          {"error", all_predicted / all_measured - 1.0},
          {"op_error", missed / all_measured}};
}

}  // namespace ligero::cli
