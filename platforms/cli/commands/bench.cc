// SPDX-License-Identifier: Apache-2.0
// `ligero bench`: how long a model takes on this machine and what memory it needs, whole recordings
// or live; bench_modes.h has what else it does. Not: quality (`score`), other people's runtimes.
#include <CLI/CLI.hpp>
#include <cinttypes>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "platforms/cli/bench/bench_modes.h"
#include "platforms/cli/bench/machine.h"
#include "platforms/cli/bench/group_times.h"
#include "platforms/cli/bench/model_times.h"
#include "platforms/cli/bench/node_times.h"
#include "platforms/cli/bench/peaks.h"
#include "platforms/cli/block_options.h"
#include "platforms/cli/commands/commands.h"
#include "platforms/cli/device_option.h"
#include "platforms/cli/model_file.h"
#include "platforms/cli/refusal.h"
#include "runtime/base/cpu.h"

namespace ligero::cli {

namespace {

using Json = nlohmann::ordered_json;

constexpr double kMib = 1024.0 * 1024.0;

struct Options {
  std::string model;
  std::string profile;
  std::string mode = "offline";
  TimingOptions timing;
  DeviceOption on = {.option = "--on", .automatic = false};
  int threads = 1;
  bool ops = false;
  bool sessions = false;
  bool json = false;
  bool device = false;
  DeviceOptions on_device;
  std::vector<std::string> table;
  std::string into;
  bool predict = false;
  PredictOptions prediction;
};

void print(const Json& report) {
  const bool live = report.contains("ms_per_hop");
  const Json& ms = report[live ? "ms_per_hop" : "ms"];
  const Json& memory = report["memory"];
  const Json& load = report["load_ms"];
  const std::string what =
      live ? text("each hop of ", report["hop_ms"].get<double>(), " ms") : "a recording";
  std::printf("%s: p50 %.3f ms, p95 %.3f, p99 %.3f, max %.3f\n",
              what.c_str(),
              ms["p50"].get<double>(),
              ms["p95"].get<double>(),
              ms["p99"].get<double>(),
              ms["max"].get<double>());
  std::printf("real-time factor %.4f over %.0f s\n",
              report["real_time_factor"].get<double>(),
              report["seconds"].get<double>());
  if (live) {
    std::printf("latency %.0f ms\n", report["latency_ms"].get<double>());
  }
  std::printf("opened and verified in %.2f ms, prepared in %.2f ms\n",
              load["open"].get<double>(),
              load["prepare"].get<double>());
  std::printf("weights of the graph %" PRId64
              " bytes, %s %zu: activations %zu, scratch %zu, state %zu, "
              "worked out at load %zu\n",
              report["weight_bytes"].get<int64_t>(),
              live ? "session" : "block",
              report[live ? "session_bytes" : "block_bytes"].get<size_t>(),
              memory["activations"].get<size_t>(),
              memory["scratch"].get<size_t>(),
              memory["state"].get<size_t>(),
              memory["worked_out_at_load"].get<size_t>());
  std::printf("the process had %.1f MiB at most\n",
              report["peak_resident_bytes"].get<double>() / kMib);
}

/// --ops: the peaks, and each node beside them.
Peaks add_nodes(const NodeTimes& nodes,
                const Machine& machine,
                const Threads& threads,
                Json* report) {
  const Peaks peaks = measure_peaks(machine, cpu_features(), threads.processor().pool);
  const char* block = report->contains("session_bytes") ? "session_bytes" : "block_bytes";
  const int64_t working_set =
      (*report)["weight_bytes"].get<int64_t>() + (*report)[block].get<int64_t>();
  (*report)["peaks"] = to_json(peaks);
  (*report)["nodes"] = nodes.report(peaks, working_set);
  return peaks;
}

void model_command(Options options) {
  options.timing.accelerator = options.on.find();
  if (options.timing.accelerator != nullptr && options.ops) {
    refuse("--ops times the nodes on the processor; expected --on cpu");
  }
  const Threads threads(options.threads);
  const ModelFile model = open_model(options.model);
  const std::optional<Profile> profile = profile_for(model, options.profile, threads);
  if (options.sessions) {
    const Json groups =
        time_groups(model, profile ? &*profile : nullptr, threads, options.timing.seconds);
    if (options.json) {
      std::printf("%s\n", groups.dump(2).c_str());
    } else {
      print_groups(groups);
    }
    return;
  }
  const Machine machine = describe_machine();
  const KernelSets kernels = kernel_sets(cpu_features());
  Json report = {{"model", model.model.metadata("name")},
                 {"mode", options.mode},
                 {"machine", to_json(machine)},
                 {"kernels", to_json(kernels)},
                 {"threads", options.threads},
                 {"device",
                  options.timing.accelerator != nullptr ? options.timing.accelerator->name() : "cpu"},
                 {"weight_bytes", weight_bytes(graph_of(model, "extract"))}};
  NodeTimes nodes(graph_of(model, "extract"));
  report.update(time_model(model,
                           profile ? &*profile : nullptr,
                           options.timing,
                           threads,
                           options.ops ? &nodes : nullptr));
  Peaks peaks;
  if (options.ops) {
    peaks = add_nodes(nodes, machine, threads, &report);
  }
  if (options.json) {
    std::printf("%s\n", report.dump(2, ' ', false, Json::error_handler_t::replace).c_str());
    return;
  }
  std::printf("%s\n%s, kernels %s, %d thread%s\n",
              to_text(machine).c_str(),
              report["model"].get<std::string>().c_str(),
              to_text(kernels).c_str(),
              options.threads,
              options.threads == 1 ? "" : "s");
  print(report);
  if (options.ops) {
    std::printf("%s\n", to_text(peaks).c_str());
    print_node_times(report["nodes"]);
  }
}

void bench_command(Options* options, bool has_seconds) {
  if (!options->table.empty()) {
    table_command(options->table, options->into);
    return;
  }
  if (options->device) {
    if (has_seconds) {
      options->on_device.seconds = options->timing.seconds;
    }
    device_command(options->on_device);
    return;
  }
  if (options->model.empty()) {
    throw CLI::RequiredError("--model");
  }
  options->timing.live = options->mode == "stream";
  if (!options->predict) {
    model_command(*options);
    return;
  }
  PredictOptions& prediction = options->prediction;
  prediction.model = options->model;
  prediction.run = {options->timing.live, options->timing.seconds};
  prediction.json = options->json;
  predict_command(prediction);
}

/// What is not about one model on this machine.
void add_modes(CLI::App* command, Options* options) {
  constexpr double kMostGhz = 10.0;
  constexpr double kMostGbS = 1000.0;
  CLI::Option* device = command->add_flag(
      "--device", options->device, "report on this device: is it fast enough, with which model?");
  DeviceOptions& report = options->on_device;
  command->add_option("--models", report.models, "files, or folders of .lgm (else the archive's)")
      ->needs(device);
  command->add_option("-o,--output", report.folder, "folder for device.json and device.html")
      ->needs(device)
      ->capture_default_str();
  command->add_option("--label", report.label, "what the device is, for people")->needs(device);
  CLI::Option* table =
      command->add_option("--table", options->table, "reports (.json) as a table in Markdown")
          ->excludes(device);
  command->add_option("--into", options->into, "file to put the table into, between its markers")
      ->needs(table);
  CLI::Option* predict = command
                             ->add_flag("--predict",
                                        options->predict,
                                        "the model's time on one core of a processor elsewhere")
                             ->excludes(device)
                             ->excludes(table);
  PredictOptions& prediction = options->prediction;
  CLI::Option* core = command->add_option("--core", prediction.core, "which (else all)")
                          ->check(CLI::IsMember(core_keys()))
                          ->needs(predict);
  command->add_option("--clock", prediction.ghz, "in GHz (else a published board's)")
      ->check(CLI::Range(0.1, kMostGhz))
      ->needs(core);
  command->add_option("--memory", prediction.memory_gb_s, "in GB/s (else a published board's)")
      ->check(CLI::Range(0.1, kMostGbS))
      ->needs(core);
  command->add_flag("--check", prediction.check, "and of this machine, beside what is measured")
      ->needs(predict);
}

}  // namespace

void add_bench(CLI::App* app) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app->add_subcommand("bench", "how long a model takes on this machine");
  command->footer(
      "Example:\n"
      "  ligero bench --model small-live.lgm --mode stream --seconds 60\n"
      "  ligero bench --device --models models -o report\n"
      "  ligero bench --predict --model small-live.lgm --mode stream --core a53 --clock 1.4");
  command->add_option("--model", options->model, "model file (.lgm)");
  command->add_option("--profile",
                      options->profile,
                      "profile to extract with (else one of noise: the time is the same)");
  command->add_option("--mode", options->mode, "whole recordings, or hop by hop as in a session")
      ->check(CLI::IsMember({"offline", "stream"}))
      ->capture_default_str();
  auto* seconds =
      command
          ->add_option("--seconds", options->timing.seconds, "of sound (--device: hop by hop, 60)")
          ->check(CLI::Range(0.1, 3600.0))
          ->capture_default_str();
  command->add_option("--runs", options->timing.runs, "recordings (offline)")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  command->add_option("--threads", options->threads, "threads to compute with")
      ->capture_default_str();
  add_block_options(command, &options->timing.block);
  add_device_option(command, &options->on);
  command->add_flag("--ops",
                    options->ops,
                    "how long each node takes, the longest first, beside what "
                    "this machine reaches at best, measured then and there");
  command->add_flag("--sessions",
                    options->sessions,
                    "1, 2, 4 and 16 live sessions in one group, beside as many one by one");
  command->add_flag("--json", options->json, "print JSON");
  add_modes(command, options.get());
  command->callback([options, seconds] { bench_command(options.get(), seconds->count() > 0); });
}

}  // namespace ligero::cli
