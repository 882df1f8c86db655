// `ligero bench`: how long a model takes on this machine and what memory it needs, whole recordings
// or live. Not: quality (`score`), other people's runtimes.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "model/speech/session.h"
#include "model/speech/stream.h"
#include "platforms/cli/block_options.h"
#include "platforms/cli/commands.h"
#include "platforms/cli/model_file.h"
#include "platforms/cli/node_times.h"
#include "platforms/cli/refusal.h"

namespace ligero::cli {

namespace {

using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

constexpr double kHopMs = 1000.0 * kHopSamples / kSampleRateHz;
constexpr int kWarmUpHops = 100;
constexpr int kWarmUpRuns = 2;

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
  return {{"p50", at(0.5)}, {"p95", at(0.95)}, {"p99", at(0.99)}, {"max", ms.back()},
          {"min", ms.front()}};
}

Json bench_offline(const ModelFile& model, const Profile& profile, const Options& options,
                   const Threads& threads, NodeTimes* nodes) {
  RunOptions run_options = threads.options();
  run_options.watch = nodes;
  const std::vector<float> mixture =
      noise(static_cast<int64_t>(options.seconds * kSampleRateHz));
  std::vector<float> voice(mixture.size());
  SessionReport report;
  std::vector<double> ms;
  for (int run = 0; run < kWarmUpRuns + options.runs; ++run) {
    Status status;
    const double taken = ms_of([&] {
      status = extract(model.model, profile, mixture, voice, run_options, &report);
    });
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

Json bench_stream(const ModelFile& model, const Profile& profile, const Options& options,
                  const Threads& threads, NodeTimes* nodes) {
  StreamConfig config;
  config.watch = nodes;
  config.cpu = cpu_features();
  config.pool = threads.options().pool;
  if (options.block.asked_for()) {
    config.block = options.block.config();
  }
  const Result<size_t> bytes = Stream::bytes_needed(model.model, config);
  AlignedBlock block;
  Stream stream;
  Status status = bytes.status();
  if (status.ok() && !block.allocate(bytes.value())) {
    refuse("no memory for a session of ", bytes.value(), " bytes");
  }
  if (status.ok()) {
    status = stream.create(model.model, config, block.data(), block.size());
  }
  if (status.ok()) {
    status = stream.set_target(profile);
  }
  if (!status.ok()) {
    refuse_status(text("model '", model.path, "', live"), status,
                  options.block.asked_for() ? "" : "--block runs any model");
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
          {"latency_ms", 1000.0 * stream.latency_samples() / config.rate_hz},
          {"session_bytes", bytes.value()},
          {"healed_hops", stream.statistics().healed_hops}};
}

/// What the processor calls itself; "unknown" where the system does not tell.
std::string processor() {
  std::ifstream cpus("/proc/cpuinfo");
  for (std::string line; std::getline(cpus, line);) {
    const size_t colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) {
      return line.substr(colon + 2);
    }
  }
  return "unknown";
}

std::string kernels(uint32_t cpu) {
  constexpr std::pair<uint32_t, const char*> kNames[] = {{kCpuVnni, "avx512 and vnni"},
                                                         {kCpuAvx512, "avx512"}, {kCpuAvx2, "avx2"},
                                                         {kCpuSse4, "sse4"},     {kCpuNeon, "neon"}};
  for (const auto& [bit, name] : kNames) {
    if ((cpu & bit) != 0) {
      return name;
    }
  }
  return "scalar";
}

void print(const Json& report) {
  const bool live = report.contains("ms_per_hop");
  const Json& ms = report[live ? "ms_per_hop" : "ms"];
  std::printf("%s, %s, %s kernels, %d thread%s\n",
              report["model"].get<std::string>().c_str(),
              report["processor"].get<std::string>().c_str(),
              report["kernels"].get<std::string>().c_str(),
              report["threads"].get<int>(),
              report["threads"] == 1 ? "" : "s");
  std::printf("%s: p50 %.3f ms, p95 %.3f, p99 %.3f, max %.3f\n",
              live ? "each hop of 10 ms" : "a recording",
              ms["p50"].get<double>(),
              ms["p95"].get<double>(),
              ms["p99"].get<double>(),
              ms["max"].get<double>());
  std::printf("real-time factor %.4f over %.0f s\n",
              report["real_time_factor"].get<double>(),
              report["seconds"].get<double>());
  std::printf("weights of the graph %" PRId64 " bytes, ", report["weight_bytes"].get<int64_t>());
  if (live) {
    std::printf("session %zu bytes, latency %.0f ms\n",
                report["session_bytes"].get<size_t>(),
                report["latency_ms"].get<double>());
  } else {
    std::printf("block %zu bytes: activations %zu, scratch %zu, state %zu\n",
                report["block_bytes"].get<size_t>(),
                report["memory"]["activations"].get<size_t>(),
                report["memory"]["scratch"].get<size_t>(),
                report["memory"]["state"].get<size_t>());
  }
}

void bench_command(const Options& options) {
  const Threads threads(options.threads);
  const ModelFile model = open_model(options.model);
  const Profile profile = profile_for(model, options, threads);
  Json report = {{"model", model.model.metadata("name")},
                 {"mode", options.mode},
                 {"processor", processor()},
                 {"kernels", kernels(cpu_features())},
                 {"threads", options.threads},
                 {"weight_bytes", weight_bytes(graph_of(model, "extract"))}};
  NodeTimes nodes(graph_of(model, "extract"));
  NodeTimes* watch = options.ops ? &nodes : nullptr;
  report.update(options.mode == "stream" ? bench_stream(model, profile, options, threads, watch)
                                         : bench_offline(model, profile, options, threads, watch));
  if (options.ops) {
    report["nodes"] = nodes.report();
  }
  if (options.json) {
    std::printf("%s\n", report.dump(2).c_str());
  } else {
    print(report);
    if (options.ops) {
      print_node_times(report["nodes"]);
    }
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
  command->add_option("--profile", options->profile,
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
  command->add_flag("--ops", options->ops, "how long each node takes, the longest first");
  command->add_flag("--json", options->json, "print JSON");
  command->callback([options] { bench_command(*options); });
}

}  // namespace ligero::cli
