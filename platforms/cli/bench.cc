// `ligero bench`: how long a model takes on this machine and what memory it needs, whole recordings
// or live. Not: quality (`score`), other people's runtimes.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "model/speech/graph_run.h"
#include "model/speech/session.h"
#include "model/speech/stream.h"
#include "platforms/cli/block_options.h"
#include "platforms/cli/commands.h"
#include "platforms/cli/machine.h"
#include "platforms/cli/model_file.h"
#include "platforms/cli/node_times.h"
#include "platforms/cli/peaks.h"
#include "platforms/cli/refusal.h"

namespace ligero::cli {

namespace {

using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

constexpr double kHopMs = 1000.0 * kHopSamples / kSampleRateHz;
constexpr int kWarmUpHops = 100;
constexpr int kWarmUpRuns = 2;
constexpr int kLoads = 11;
constexpr double kMib = 1024.0 * 1024.0;

struct Options {
  std::string model;
  std::string profile;
  std::string mode = "offline";
  double seconds = 4.0;
  int runs = 11;
  int threads = 1;
  BlockOptions block;
  bool ops = false;
  bool json = false;
};

/// Noise of one fixed seed at -26 dBFS: what a network computes takes as long for any sound.
std::vector<float> noise(int64_t samples) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal(0.0f, 0.05f);
  std::vector<float> out(static_cast<size_t>(samples));
  std::generate(out.begin(), out.end(), [&] { return normal(random); });
  return out;
}

Profile profile_for(const ModelFile& model, const Options& options, const Threads& threads) {
  if (!options.profile.empty()) {
    return load_profile(options.profile);
  }
  if (model.model.graph("enroll") == nullptr) {
    refuse("model '", model.path, "' cannot enrol; expected --profile");
  }
  Result<Profile> profile = enroll(model.model, noise(3 * kSampleRateHz), threads.options());
  if (!profile.ok()) {
    refuse_status(text("model '", model.path, "', enrolling noise"), profile.status());
  }
  return std::move(profile.value());
}

template <typename Work>
double ms_of(const Work& work) {
  const Clock::time_point start = Clock::now();
  work();
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

Json times(std::vector<double> ms) {
  std::sort(ms.begin(), ms.end());
  const auto at = [&](double share) {
    return ms[static_cast<size_t>(share * static_cast<double>(ms.size() - 1) + 0.5)];
  };
  return {{"p50", at(0.5)},
          {"p95", at(0.95)},
          {"p99", at(0.99)},
          {"max", ms.back()},
          {"min", ms.front()}};
}

Json bench_offline(const ModelFile& model,
                   const Profile& profile,
                   const Options& options,
                   const Threads& threads,
                   NodeTimes* nodes) {
  RunOptions run_options = threads.options();
  run_options.watch = nodes;
  const std::vector<float> mixture = noise(static_cast<int64_t>(options.seconds * kSampleRateHz));
  std::vector<float> voice(mixture.size());
  SessionReport report;
  std::vector<double> ms;
  for (int run = 0; run < kWarmUpRuns + options.runs; ++run) {
    Status status;
    const double taken = ms_of(
        [&] { status = extract(model.model, profile, mixture, voice, run_options, &report); });
    if (!status.ok()) {
      refuse_status(text("model '", model.path, "'"), status);
    }
    if (run < kWarmUpRuns) {
      if (nodes != nullptr) {
        nodes->clear();
      }
    } else {
      ms.push_back(taken);
    }
  }
  const Json time = times(ms);
  return {{"seconds", options.seconds},
          {"runs", options.runs},
          {"ms", time},
          {"real_time_factor", time["p50"].get<double>() / (1000.0 * options.seconds)},
          {"block_bytes", report.block_bytes},
          {"memory", memory_json(report.memory)}};
}

/// A stream and the block it runs in.
struct LiveSession {
  StreamConfig config;
  AlignedBlock block;
  Stream stream;

  LiveSession(const ModelFile& model,
              const Options& options,
              const Threads& threads,
              NodeTimes* nodes) {
    config.watch = nodes;
    config.cpu = cpu_features();
    config.pool = threads.options().pool;
    if (options.block.asked_for()) {
      config.block = options.block.config();
    }
    const Result<size_t> bytes = Stream::bytes_needed(model.model, config);
    Status status = bytes.status();
    if (status.ok() && !block.allocate(bytes.value())) {
      refuse("no memory for a session of ", bytes.value(), " bytes");
    }
    if (status.ok()) {
      status = stream.create(model.model, config, block.data(), block.size());
    }
    if (!status.ok()) {
      refuse_status(text("model '", model.path, "', live"),
                    status,
                    options.block.asked_for() ? "" : "--block runs any model");
    }
  }
};

/// A session's memory by kind; `around` is what the network has no part in: sound on its way in and
/// out, profiles.
Json live_memory(const LiveSession& session) {
  const MemoryReport& memory = session.stream.memory();
  Json json = memory_json(memory);
  json["around"] = session.block.size() - memory.bytes();
  return json;
}

void prepare_offline(const ModelFile& model, const Options& options, const Threads& threads) {
  const auto samples = static_cast<int64_t>(options.seconds * kSampleRateHz);
  const Status status = GraphRun::prepare(graph_of(model, "extract"),
                                          static_cast<int32_t>(hops_of(samples)),
                                          samples,
                                          GraphRun::Keep::kOutputs,
                                          threads.options())
                            .status();
  if (!status.ok()) {
    refuse_status(text("model '", model.path, "'"), status);
  }
}

Json bench_stream(const ModelFile& model,
                  const Profile& profile,
                  const Options& options,
                  const Threads& threads,
                  NodeTimes* nodes) {
  LiveSession session(model, options, threads, nodes);
  Stream& stream = session.stream;
  if (const Status status = stream.set_target(profile); !status.ok()) {
    refuse_status(text("model '", model.path, "', live"), status);
  }
  const int hops = static_cast<int>(1000.0 * options.seconds / kHopMs);
  std::vector<float> sound = noise(int64_t{kHopSamples} * (kWarmUpHops + hops));
  std::vector<double> ms;
  double sum = 0.0;
  for (int hop = 0; hop < kWarmUpHops + hops; ++hop) {
    float* samples = sound.data() + static_cast<ptrdiff_t>(hop) * kHopSamples;
    const double taken = ms_of([&] { stream.process(&samples, &samples, kHopSamples); });
    if (hop + 1 == kWarmUpHops && nodes != nullptr) {
      nodes->clear();
    }
    if (hop >= kWarmUpHops) {
      ms.push_back(taken);
      sum += taken;
    }
  }
  return {{"seconds", options.seconds},
          {"ms_per_hop", times(ms)},
          {"real_time_factor", sum / (kHopMs * static_cast<double>(hops))},
          {"latency_ms", 1000.0 * stream.latency_samples() / session.config.rate_hz},
          {"session_bytes", session.block.size()},
          {"memory", live_memory(session)},
          {"healed_hops", stream.statistics().healed_hops}};
}

/// What it takes until the first sample can come: the file opened and verified, a session or a run
/// prepared. The medians of some times.
Json load_times(const ModelFile& model, const Options& options, const Threads& threads) {
  std::vector<double> open;
  std::vector<double> prepare;
  for (int run = 0; run < kLoads; ++run) {
    open.push_back(ms_of([&] { open_model(model.path); }));
    prepare.push_back(ms_of([&] {
      if (options.mode == "stream") {
        LiveSession(model, options, threads, nullptr);
      } else {
        prepare_offline(model, options, threads);
      }
    }));
  }
  const double open_ms = times(open)["p50"];
  const double prepare_ms = times(prepare)["p50"];
  return {{"open", open_ms}, {"prepare", prepare_ms}, {"total", open_ms + prepare_ms}};
}

void print(const Json& report) {
  const bool live = report.contains("ms_per_hop");
  const Json& ms = report[live ? "ms_per_hop" : "ms"];
  const Json& memory = report["memory"];
  const Json& load = report["load_ms"];
  std::printf("%s: p50 %.3f ms, p95 %.3f, p99 %.3f, max %.3f\n",
              live ? "each hop of 10 ms" : "a recording",
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
  const Peaks peaks = measure_peaks(machine, cpu_features(), threads.options().pool);
  const char* block = report->contains("session_bytes") ? "session_bytes" : "block_bytes";
  const int64_t working_set =
      (*report)["weight_bytes"].get<int64_t>() + (*report)[block].get<int64_t>();
  (*report)["peaks"] = to_json(peaks);
  (*report)["nodes"] = nodes.report(peaks, working_set);
  return peaks;
}

void bench_command(const Options& options) {
  const Threads threads(options.threads);
  const ModelFile model = open_model(options.model);
  const Profile profile = profile_for(model, options, threads);
  const Machine machine = describe_machine();
  const KernelSets kernels = kernel_sets(cpu_features());
  Json report = {{"model", model.model.metadata("name")},
                 {"mode", options.mode},
                 {"machine", to_json(machine)},
                 {"kernels", to_json(kernels)},
                 {"threads", options.threads},
                 {"weight_bytes", weight_bytes(graph_of(model, "extract"))}};
  NodeTimes nodes(graph_of(model, "extract"));
  NodeTimes* watch = options.ops ? &nodes : nullptr;
  report.update(options.mode == "stream" ? bench_stream(model, profile, options, threads, watch)
                                         : bench_offline(model, profile, options, threads, watch));
  report["peak_resident_bytes"] = peak_resident_bytes();
  report["load_ms"] = load_times(model, options, threads);
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

}  // namespace

void add_bench(CLI::App* app) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app->add_subcommand("bench", "how long a model takes on this machine");
  command->footer(
      "Example:\n"
      "  ligero bench --model small-live.lgm --mode stream --seconds 60");
  command->add_option("--model", options->model, "model file (.lgm)")->required();
  command->add_option("--profile",
                      options->profile,
                      "profile to extract with (else one of noise: the time is the same)");
  command->add_option("--mode", options->mode, "whole recordings, or hop by hop as in a session")
      ->check(CLI::IsMember({"offline", "stream"}))
      ->capture_default_str();
  command->add_option("--seconds", options->seconds, "of sound")
      ->check(CLI::Range(0.1, 3600.0))
      ->capture_default_str();
  command->add_option("--runs", options->runs, "recordings (offline)")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  command->add_option("--threads", options->threads, "threads to compute with")
      ->capture_default_str();
  add_block_options(command, &options->block);
  command->add_flag("--ops",
                    options->ops,
                    "how long each node takes, the longest first, beside what "
                    "this machine reaches at best, measured then and there");
  command->add_flag("--json", options->json, "print JSON");
  command->callback([options] { bench_command(*options); });
}

}  // namespace ligero::cli
