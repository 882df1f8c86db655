// SPDX-License-Identifier: Apache-2.0
// Hop after hop of a group and of groups of one, in turn.
#include "platforms/cli/bench/group_times.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>
#include <utility>
#include <vector>

#include "model/session/session.h"
#include "platforms/cli/refusal.h"
#include "runtime/base/aligned_block.h"

namespace ligero::cli {

namespace {

using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

constexpr int kWarmUpHops = 50;

/// A group of sessions, and a hop of noise for each.
class Crowd {
 public:
  Crowd(const ModelFile& model, const Profile* profile, const Threads& threads, int32_t sessions)
      : hop_(model.model.hop_samples()) {
    SessionConfig config;
    config.rate_hz = model.model.rate_hz();
    config.processor = threads.processor();
    Result<SessionPlan> plan = plan_sessions(model.model, config, sessions);
    Status status = plan.status();
    if (status.ok() && !block_.allocate(plan.value().bytes)) {
      refuse("no memory for ", sessions, " sessions of together ", plan.value().bytes, " bytes");
    }
    if (status.ok()) {
      status = group_.start(std::move(plan.value()), block_.data(), block_.size());
    }
    for (int32_t s = 0; status.ok() && profile != nullptr && s < sessions; ++s) {
      status = group_[s].set_target(*profile);
    }
    if (!status.ok()) {
      refuse_status(text("model '", model.path, "', live"), status);
    }
    std::mt19937 random(1);
    std::normal_distribution<float> normal(0.0f, 0.05f);
    sound_.resize(static_cast<size_t>(hop_ * sessions));
    std::generate(sound_.begin(), sound_.end(), [&] { return normal(random); });
    voice_.resize(sound_.size());
    for (int32_t s = 0; s < sessions; ++s) {
      in_.push_back(sound_.data() + s * hop_);
      out_.push_back(voice_.data() + s * hop_);
    }
  }
  void hop() {
    group_.process(in_.data(), out_.data(), hop_);
  }
  size_t bytes() const {
    return block_.size();
  }

 private:
  int32_t hop_;
  AlignedBlock block_;
  SessionGroup group_;
  std::vector<float> sound_;
  std::vector<float> voice_;
  std::vector<const float*> in_;
  std::vector<float*> out_;
};

template <typename Work>
double us_of(const Work& work) {
  const Clock::time_point start = Clock::now();
  work();
  return std::chrono::duration<double, std::micro>(Clock::now() - start).count();
}

double median(std::vector<double> x) {
  std::nth_element(x.begin(), x.begin() + std::ssize(x) / 2, x.end());
  return x[x.size() / 2];
}

Json time_group(const ModelFile& model,
                const Profile* profile,
                const Threads& threads,
                int32_t sessions,
                int hops) {
  Crowd together(model, profile, threads, sessions);
  std::vector<std::unique_ptr<Crowd>> apart;
  for (int32_t s = 0; s < sessions; ++s) {
    apart.push_back(std::make_unique<Crowd>(model, profile, threads, 1));
  }
  std::vector<double> group;
  std::vector<double> alone;
  for (int hop = -kWarmUpHops; hop < hops; ++hop) {
    const double a = us_of([&] { together.hop(); });
    const double b = us_of([&] {
      for (const std::unique_ptr<Crowd>& one : apart) {
        one->hop();
      }
    });
    if (hop >= 0) {
      group.push_back(a);
      alone.push_back(b);
    }
  }
  return {{"sessions", sessions},
          {"bytes", together.bytes()},
          {"us_per_hop", median(group)},
          {"apart_us_per_hop", median(alone)}};
}

}  // namespace

Json time_groups(const ModelFile& model,
                 const Profile* profile,
                 const Threads& threads,
                 double seconds) {
  const double hop_s = static_cast<double>(model.model.hop_samples()) / model.model.rate_hz();
  const int hops = std::max(1, static_cast<int>(seconds / hop_s));
  Json groups = Json::array();
  for (const int32_t sessions : {1, 2, 4, 16}) {
    groups.push_back(time_group(model, profile, threads, sessions, hops));
  }
  return groups;
}

void print_groups(const Json& groups) {
  std::printf("%8s %12s %16s %16s\n", "sessions", "bytes", "us a hop", "apart");
  for (const Json& g : groups) {
    std::printf("%8d %12zu %16.1f %16.1f\n",
                g["sessions"].get<int>(),
                g["bytes"].get<size_t>(),
                g["us_per_hop"].get<double>(),
                g["apart_us_per_hop"].get<double>());
  }
}

}  // namespace ligero::cli
