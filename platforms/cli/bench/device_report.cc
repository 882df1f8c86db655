// SPDX-License-Identifier: Apache-2.0
// Measures a device and judges.
#include "platforms/cli/bench/device_report.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "platforms/cli/bench/machine.h"
#include "platforms/cli/bench/model_times.h"
#include "platforms/cli/bench/peaks.h"
#include "platforms/cli/child.h"
#include "platforms/cli/files.h"
#include "platforms/cli/model_file.h"
#include "platforms/cli/refusal.h"
#include "runtime/base/cpu.h"

namespace ligero::cli {

namespace {

using Json = nlohmann::ordered_json;

constexpr double kRecordingSeconds = 4.0;
constexpr int kRecordings = 5;

/// Nothing, or why the model cannot run hop by hop.
std::string refusal_to_stream(const ModelFile& model) {
  const Status status = plan_sessions(model.model, {}).status();
  return status.ok() ? "" : status.message;
}

Json time_run(const std::string& file, bool live, int threads, double seconds) {
  const Threads pool(threads);
  const ModelFile model = open_model(file);
  TimingOptions options;
  options.live = live;
  options.seconds = live ? seconds : kRecordingSeconds;
  options.runs = kRecordings;
  options.most_s = seconds;
  const std::optional<Profile> profile = profile_for(model, "", pool);
  return time_model(model, profile ? &*profile : nullptr, options, pool, nullptr);
}

Json measure_run(const std::string& file, bool live, int threads, double seconds) {
  Json run = {{"mode", live ? "stream" : "offline"}, {"threads", threads}};
  try {
    run.update(in_child([&] { return time_run(file, live, threads, seconds); }));
  } catch (const Refusal& problem) {
    run["refused"] = problem.what();
  }
  return run;
}

/// One, and all.
std::vector<int> thread_counts(int cores) {
  return cores > 1 ? std::vector<int>{1, cores} : std::vector<int>{1};
}

Json measure_peaks_with(const Machine& machine, int threads) {
  return in_child([&] {
    const Threads pool(threads);
    return to_json(measure_peaks(machine, cpu_features(), pool.processor().pool));
  });
}

/// Sound of a hop; reports of ligero before 0.2 do not state it.
double hop_ms_of(const Json& run) {
  constexpr double kUsualHopMs = 10.0;
  return run.value("hop_ms", kUsualHopMs);
}

/// What a run leaves free of its time: below 0 it is too slow.
double spare_of(const Json& run) {
  return 1.0 - (run["mode"] == "stream" ? run["ms_per_hop"]["p99"].get<double>() / hop_ms_of(run)
                                        : run["real_time_factor"].get<double>());
}

bool fits(const Json& run) {
  return !run.contains("refused") && spare_of(run) >= 0.0 &&
         (run["mode"] != "stream" ||
          run["missed_hops"].get<double>() <= kMissedShare * run["hops"].get<double>());
}

/// The first run that fits, live ones first, few threads first; else the first that ran at all;
/// null where none did.
const Json* deciding_run(const Json& model) {
  const bool live = model["live_refused"].get<std::string>().empty();
  const Json* found = nullptr;
  for (const Json& run : model["runs"]) {
    if (run.contains("refused") || (run["mode"] == "stream") != live) {
      continue;
    }
    if (fits(run)) {
      return &run;
    }
    found = found == nullptr ? &run : found;
  }
  return found;
}

std::string cores_text(const Json& run) {
  const int threads = run["threads"];
  return threads == 1 ? "on one core" : text("on ", threads, " cores");
}

/// "p99 0.13 ms of 10 ms, 0 of 6000 hops late", "0.0071 of real time".
std::string figures(const Json& run) {
  char line[96];
  if (run["mode"] == "stream") {
    std::snprintf(line,
                  sizeof(line),
                  "p99 %.2f ms of %.0f ms, %d of %d hops late",
                  run["ms_per_hop"]["p99"].get<double>(),
                  hop_ms_of(run),
                  run["missed_hops"].get<int>(),
                  run["hops"].get<int>());
  } else {
    std::snprintf(line, sizeof(line), "%.4f of real time", run["real_time_factor"].get<double>());
  }
  return line;
}

std::string percent(double share) {
  char line[32];
  std::snprintf(line, sizeof(line), "%.1f %%", 100.0 * share);
  return line;
}

Json verdict_of(const Json& model) {
  const Json* run = deciding_run(model);
  if (run == nullptr) {
    return {{"fits", false},
            {"text", text("did not run: ", model["runs"][0]["refused"].get<std::string>())}};
  }
  const std::string what = (*run)["mode"] == "stream" ? "" : "recordings only: ";
  const double spare = spare_of(*run);
  Json verdict = {{"fits", fits(*run)},
                  {"spare", spare},
                  {"mode", (*run)["mode"]},
                  {"threads", (*run)["threads"]}};
  verdict["text"] = verdict["fits"].get<bool>()
                        ? text(what,
                               "fits ",
                               cores_text(*run),
                               " with ",
                               percent(spare),
                               " to spare (",
                               figures(*run),
                               ")")
                        : text(what, "does not fit ", cores_text(*run), " (", figures(*run), ")");
  return verdict;
}

}  // namespace

Json measure_device(const std::vector<std::string>& models,
                    const std::string& label,
                    double seconds) {
  const Machine machine = describe_machine();
  Json measured = Json::array();
  for (const std::string& file : models) {
    const ModelFile model = open_model(file);
    measured.push_back({{"name", model.model.metadata("name")},
                        {"file", std::filesystem::path(file).filename().string()},
                        {"weight_bytes", weight_bytes(graph_of(model, "extract"))},
                        {"live_refused", refusal_to_stream(model)}});
  }
  Json report = {{"format", kDeviceReportFormat},
                 {"label", label},
                 {"machine", to_json(machine)},
                 {"kernels", to_json(kernel_sets(cpu_features()))},
                 {"mhz", {{"before", machine.mhz}}},
                 {"celsius", {{"before", temperatures()}}},
                 {"peaks", Json::array()}};
  const std::vector<int> threads = thread_counts(machine.cores);
  std::fprintf(stderr, "measuring the machine\n");
  for (int count : threads) {
    report["peaks"].push_back(measure_peaks_with(machine, count));
  }
  for (size_t m = 0; m < models.size(); ++m) {
    const std::string file = measured[m]["file"];
    std::fprintf(stderr, "measuring %s\n", file.c_str());
    Json runs = Json::array();
    for (bool live : {true, false}) {
      for (int count : threads) {
        if (!live || measured[m]["live_refused"].get<std::string>().empty()) {
          runs.push_back(measure_run(models[m], live, count, seconds));
        }
      }
    }
    measured[m]["runs"] = runs;
  }
  report["mhz"]["after"] = describe_machine().mhz;
  report["celsius"]["after"] = temperatures();
  report["models"] = measured;
  add_verdicts(&report);
  return report;
}

void add_verdicts(Json* report) {
  std::string best;
  double most = -1.0;
  for (Json& model : (*report)["models"]) {
    model["verdict"] = verdict_of(model);
    const Json& verdict = model["verdict"];
    if (verdict["fits"].get<bool>() && verdict["mode"] == "stream" && verdict["spare"] > most) {
      most = verdict["spare"];
      best = model["file"];
    }
  }
  for (Json& model : (*report)["models"]) {
    Json& verdict = model["verdict"];
    if (verdict["fits"].get<bool>() && verdict["mode"] == "stream") {
      continue;
    }
    const std::string said = verdict["text"];
    verdict["text"] = said + (best.empty() ? "; none of these models fits live"
                                           : text("; live, ", best, " fits"));
  }
}

Json read_device_report(const std::string& path) {
  const Json report = Json::parse(read_input(path), nullptr, false);
  if (!report.is_object() || !report.contains("format") || !report["format"].is_number_integer()) {
    refuse("'", path, "' is no device report: expected JSON with a format");
  }
  if (report["format"] != kDeviceReportFormat) {
    refuse("report '",
           path,
           "' has format ",
           report["format"].get<int64_t>(),
           "; this ligero reads format ",
           kDeviceReportFormat,
           ": measure again with `ligero bench --device`, or use the ligero that wrote it");
  }
  return report;
}

}  // namespace ligero::cli
