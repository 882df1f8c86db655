// SPDX-License-Identifier: Apache-2.0
// `ligero bench --predict`: what a model would take on a processor that is not here.
#include <cstdio>
#include <nlohmann/json.hpp>

#include "platforms/cli/bench/bench_modes.h"
#include "platforms/cli/bench/machine.h"
#include "platforms/cli/bench/model_times.h"
#include "platforms/cli/model_file.h"
#include "platforms/cli/refusal.h"
#include "runtime/base/cpu.h"

namespace ligero::cli {

namespace {

using Json = nlohmann::ordered_json;

/// Recordings, and seconds of a session, that a check measures.
constexpr int kCheckRuns = 11;
constexpr double kCheckSeconds = 4.0;

Json check(const ModelFile& model, const PredictedRun& run) {
  const Threads one(1);
  const Graph& graph = graph_of(model, "extract");
  const Target target = this_machine(measure_peaks(describe_machine(), cpu_features(), nullptr));
  NodeTimes nodes(graph);
  TimingOptions timing;
  timing.live = run.live;
  timing.seconds = run.live ? kCheckSeconds : run.seconds;
  timing.runs = kCheckRuns;
  const std::optional<Profile> profile = profile_for(model, "", one);
  time_model(model, profile ? &*profile : nullptr, timing, one, &nodes);
  return check_prediction(graph, run, target, nodes);
}

void print_check(const Json& report) {
  std::printf("\nthis machine, with its own peaks, beside what was measured\n");
  std::printf("%12s %12s %8s  node\n", "measured ms", "predicted", "error");
  for (const Json& node : report["nodes"]) {
    std::printf("%12.4f %12.4f %+7.0f%%  %s (%s)\n",
                node["measured_ms"].get<double>(),
                node["predicted_ms"].get<double>(),
                100.0 * node["error"].get<double>(),
                node["node"].get<std::string>().c_str(),
                node["op"].get<std::string>().c_str());
  }
  std::printf("%12.4f %12.4f %+7.0f%%  all; the nodes are off by %.0f%% of their time\n",
              report["measured_ms"].get<double>(),
              report["predicted_ms"].get<double>(),
              100.0 * report["error"].get<double>(),
              100.0 * report["op_error"].get<double>());
}

}  // namespace

void predict_command(const PredictOptions& options) {
  const ModelFile model = open_model(options.model);
  PredictedRun run = options.run;
  run.hop_ms = hop_ms_of(model);
  const Graph& graph = graph_of(model, "extract");
  Json report = {{"model", model.model.metadata("name")},
                 {"mode", options.run.live ? "stream" : "offline"},
                 {"threads", 1},
                 {"cores", Json::array()}};
  for (const std::string& key : core_keys()) {
    if (options.core.empty() || options.core == key) {
      report["cores"].push_back(
          predict(graph, run, core_target(key, options.ghz, options.memory_gb_s)));
    }
  }
  if (options.check) {
    report["check"] = check(model, run);
  }
  if (options.json) {
    std::printf("%s\n", report.dump(2, ' ', false, Json::error_handler_t::replace).c_str());
    return;
  }
  const std::string what =
      options.run.live ? text("each hop of ", run.hop_ms, " ms") : "whole recordings";
  std::printf("%s, %s, one core; predicted, not measured\n",
              report["model"].get<std::string>().c_str(),
              what.c_str());
  std::printf("%-12s %6s %12s %12s %12s\n", "core", "GHz", "memory GB/s", "ms", "real-time");
  for (const Json& core : report["cores"]) {
    std::printf("%-12s %6.2f %12.2f %12.3f %12.4f\n",
                core["core"].get<std::string>().c_str(),
                core["ghz"].get<double>(),
                core["memory_gb_s"].get<double>(),
                core["ms"].get<double>(),
                core["real_time_factor"].get<double>());
  }
  if (options.check) {
    print_check(report["check"]);
  }
}

}  // namespace ligero::cli
