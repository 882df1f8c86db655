// SPDX-License-Identifier: Apache-2.0
// Times runs, hops and loads.
#include "platforms/cli/bench/model_times.h"

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <numeric>
#include <random>
#include <utility>
#include <vector>

#include "model/session/recording.h"
#include "model/session/session.h"
#include "platforms/cli/bench/machine.h"
#include "platforms/cli/refusal.h"
#include "runtime/base/aligned_block.h"

namespace ligero::cli {

namespace {

using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

constexpr int kWarmUpHops = 100;
constexpr int kWarmUpRuns = 2;
constexpr int kLoads = 11;

/// Noise of one fixed seed at -26 dBFS: what a network computes takes as long for any sound.
std::vector<float> noise(int64_t samples) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal(0.0f, 0.05f);
  std::vector<float> out(static_cast<size_t>(samples));
  std::generate(out.begin(), out.end(), [&] { return normal(random); });
  return out;
}

template <typename Function>
double ms_of(const Function& work) {
  const Clock::time_point start = Clock::now();
  work();
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

/// Whether so many seconds have passed since it was made.
class Budget {
 public:
  explicit Budget(double seconds) : seconds_(seconds) {}
  bool spent() const {
    return std::chrono::duration<double>(Clock::now() - start_).count() > seconds_;
  }

 private:
  Clock::time_point start_ = Clock::now();
  double seconds_;
};

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

Json time_recordings(const ModelFile& model,
                     const Profile* profile,
                     const TimingOptions& options,
                     const Threads& threads,
                     NodeTimes* nodes) {
  Processor processor = threads.processor(options.accelerator);
  processor.watch = nodes;
  const std::vector<float> mixture =
      noise(static_cast<int64_t>(options.seconds * model.model.rate_hz()));
  std::vector<float> voice(mixture.size());
  RecordingReport report;
  const auto run_ms = [&] {
    Status status;
    const double ms = ms_of(
        [&] { status = extract(model.model, profile, mixture, voice, processor, &report); });
    if (!status.ok()) {
      refuse_status(text("model '", model.path, "'"), status);
    }
    return ms;
  };
  Budget budget(options.most_s);
  for (int run = 0; run < kWarmUpRuns && !budget.spent(); ++run) {
    run_ms();
  }
  if (nodes != nullptr) {
    nodes->clear();
  }
  std::vector<double> ms;
  do {
    ms.push_back(run_ms());
  } while (static_cast<int>(ms.size()) < options.runs && !budget.spent());
  const Json time = times(ms);
  return {{"seconds", options.seconds},
          {"runs", ms.size()},
          {"ms", time},
          {"real_time_factor", time["p50"].get<double>() / (1000.0 * options.seconds)},
          {"block_bytes", report.memory.bytes()},
          {"memory", memory_json(report.memory)}};
}

/// A session and the block it runs in.
struct TimedSession {
  SessionConfig config;
  AlignedBlock block;
  SessionGroup group;

  TimedSession(const ModelFile& model,
               const TimingOptions& options,
               const Threads& threads,
               NodeTimes* nodes) {
    config.rate_hz = model.model.rate_hz();
    config.processor = threads.processor(options.accelerator);
    config.processor.watch = nodes;
    if (options.block.asked_for()) {
      config.block = options.block.config(model.model);
    }
    Result<SessionPlan> plan = plan_sessions(model.model, config);
    Status status = plan.status();
    if (status.ok() && !block.allocate(plan.value().bytes)) {
      refuse("no memory for a session of ", plan.value().bytes, " bytes");
    }
    if (status.ok()) {
      status = group.start(std::move(plan.value()), block.data(), block.size());
    }
    if (!status.ok()) {
      refuse_status(text("model '", model.path, "', live"),
                    status,
                    options.block.asked_for() ? "" : "--block runs any model");
    }
  }
};

/// A session's memory by kind; `around` is outside the network: sound on its way in and out,
/// profiles.
Json live_memory(const TimedSession& session) {
  const MemoryReport& memory = session.group.memory();
  Json json = memory_json(memory);
  json["around"] = session.block.size() - memory.bytes();
  return json;
}

void prepare_offline(const ModelFile& model, const TimingOptions& options, const Threads& threads) {
  const Ports ports = ports_of(model);
  const auto samples = static_cast<int64_t>(options.seconds * ports.rate_hz);
  const Status status =
      threads.processor(options.accelerator)
          .open(*ports.graph, {.max_frames = static_cast<int32_t>(ports.rows_of(samples))})
          .status();
  if (!status.ok()) {
    refuse_status(text("model '", model.path, "'"), status);
  }
}

Json time_hops(const ModelFile& model,
               const Profile* profile,
               const TimingOptions& options,
               const Threads& threads,
               NodeTimes* nodes) {
  TimedSession session(model, options, threads, nodes);
  if (profile != nullptr) {
    if (const Status status = session.group[0].set_target(*profile); !status.ok()) {
      refuse_status(text("model '", model.path, "', live"), status);
    }
  }
  const double sound_ms_of_hop = hop_ms_of(model);
  const int32_t hop_samples = model.model.hop_samples();
  const auto hops = static_cast<size_t>(1000.0 * options.seconds / sound_ms_of_hop);
  const std::vector<float> sound = noise(int64_t{hop_samples} * kWarmUpHops);
  std::vector<float> voice(static_cast<size_t>(hop_samples));
  float* out = voice.data();
  const auto hop_ms = [&](size_t hop) {
    const float* in = sound.data() + hop % kWarmUpHops * static_cast<size_t>(hop_samples);
    return ms_of([&] { session.group.process(&in, &out, hop_samples); });
  };
  Budget budget(options.most_s);
  for (size_t hop = 0; hop < kWarmUpHops && !budget.spent(); ++hop) {
    hop_ms(hop);
  }
  if (nodes != nullptr) {
    nodes->clear();
  }
  std::vector<double> ms;
  ms.reserve(hops);
  do {
    ms.push_back(hop_ms(ms.size()));
  } while (ms.size() < hops && !budget.spent());
  const auto missed = std::count_if(
      ms.begin(), ms.end(), [&](double m) { return m > sound_ms_of_hop; });
  const double sound_ms = sound_ms_of_hop * static_cast<double>(ms.size());
  return {{"seconds", sound_ms / 1000.0},
          {"ms_per_hop", times(ms)},
          {"hop_ms", sound_ms_of_hop},
          {"hops", ms.size()},
          {"missed_hops", missed},
          {"real_time_factor", std::accumulate(ms.begin(), ms.end(), 0.0) / sound_ms},
          {"latency_ms", 1000.0 * session.group[0].latency_samples() / session.config.rate_hz},
          {"session_bytes", session.block.size()},
          {"memory", live_memory(session)},
          {"healed_hops", session.group[0].statistics().healed_hops}};
}

/// What it takes until the first sample can come: the file opened and verified, a session or a run
/// prepared. The medians of some times.
Json load_times(const ModelFile& model, const TimingOptions& options, const Threads& threads) {
  std::vector<double> open;
  std::vector<double> prepare;
  for (int run = 0; run < kLoads; ++run) {
    open.push_back(ms_of([&] { open_model(model.path); }));
    prepare.push_back(ms_of([&] {
      if (options.live) {
        TimedSession(model, options, threads, nullptr);
      } else {
        prepare_offline(model, options, threads);
      }
    }));
  }
  const double open_ms = times(open)["p50"];
  const double prepare_ms = times(prepare)["p50"];
  return {{"open", open_ms}, {"prepare", prepare_ms}, {"total", open_ms + prepare_ms}};
}

}  // namespace

double hop_ms_of(const ModelFile& model) {
  return 1000.0 * model.model.hop_samples() / model.model.rate_hz();
}

std::optional<Profile> profile_for(const ModelFile& model,
                                   const std::string& path,
                                   const Threads& threads) {
  if (!path.empty()) {
    check_takes_profile(model, true, "--profile");
    return load_profile(path);
  }
  if (!ports_of(model).takes_profile()) {
    return std::nullopt;
  }
  if (model.model.graph("enroll") == nullptr) {
    refuse("model '", model.path, "' cannot enrol; expected --profile");
  }
  Result<Profile> profile = enroll(model.model, noise(3 * model.model.rate_hz()), threads.processor());
  if (!profile.ok()) {
    refuse_status(text("model '", model.path, "', enrolling noise"), profile.status());
  }
  return std::move(profile.value());
}

Json time_model(const ModelFile& model,
                const Profile* profile,
                const TimingOptions& options,
                const Threads& threads,
                NodeTimes* nodes) {
  forget_peak_resident();
  Json report = options.live ? time_hops(model, profile, options, threads, nodes)
                             : time_recordings(model, profile, options, threads, nodes);
  report["peak_resident_bytes"] = peak_resident_bytes();
  report["load_ms"] = load_times(model, options, threads);
  return report;
}

}  // namespace ligero::cli
