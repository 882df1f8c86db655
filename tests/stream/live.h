// SPDX-License-Identifier: Apache-2.0
// Real networks, with random weights or those that ship, enrolled, and sessions of them. Not: any
// check.
#ifndef LIGERO_TESTS_STREAM_LIVE_H_
#define LIGERO_TESTS_STREAM_LIVE_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <numbers>
#include <random>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "model/format/loader.h"
#include "model/session/recording.h"
#include "model/session/resampler.h"
#include "model/session/session.h"
#include "ops/table.h"
#include "runtime/base/aligned_block.h"
#include "tests/support/random.h"
#include "tests/support/random_network.h"
#include "tests/support/test_run.h"

namespace ligero::testing {

/// Something like speech: voiced syllables of a pitch with noise between, -20 dB or so.
inline std::vector<float> babble(size_t samples, uint64_t seed, int rate_hz = 16000) {
  Random random(seed);
  std::vector<float> x(samples);
  const double pitch_hz = 90.0 + random.uniform(0.0f, 120.0f);
  double phase = 0.0;
  for (size_t i = 0; i < samples; ++i) {
    const double s = static_cast<double>(i) / rate_hz;
    const double syllable = std::max(0.0, std::sin(2.0 * std::numbers::pi * 3.1 * s));
    phase += pitch_hz * (1.0 + 0.1 * std::sin(2.0 * std::numbers::pi * 0.7 * s)) / rate_hz;
    double voice = 0.0;
    for (int k = 1; k <= 12; ++k) {
      voice += std::sin(2.0 * std::numbers::pi * k * phase) / k;
    }
    x[i] = static_cast<float>(0.15 * syllable * voice) + random.uniform(-0.01f, 0.01f);
  }
  return x;
}

/// `value()`, or an exception with the status' message: for set-up only.
template <typename T>
T expect(Result<T> result) {
  if (!result.ok()) {
    throw std::runtime_error(result.status().message);
  }
  return std::move(result.value());
}

inline void expect(const Status& status) {
  if (!status.ok()) {
    throw std::runtime_error(status.message);
  }
}

/// A model and, where it takes any, two people's profiles.
class Network {
 public:
  /// Of model/torch/configs/<config>.json, at random.
  explicit Network(const std::string& config, Type weights = Type::kF32)
      : Network(random_network(
            std::string(LIGERO_SOURCE_DIR) + "/model/torch/configs/" + config + ".json",
            11,
            weights)) {}
  /// Of a model file.
  explicit Network(const std::vector<std::byte>& bytes) {
    if (!file_.allocate(bytes.size())) {
      throw std::bad_alloc();
    }
    std::copy(bytes.begin(), bytes.end(), file_.data());
    model_ = expect(Model::open({file_.data(), bytes.size()}, all_ops()));
    if (model_.graph("enroll") != nullptr) {
      alice_ = expect(enroll(model_, babble(24000, 1)));
      bob_ = expect(enroll(model_, babble(24000, 2)));
    }
  }
  const Model& model() const {
    return model_;
  }
  std::span<const std::byte> bytes() const {
    return {file_.data(), file_.size()};
  }
  const Profile& alice() const {
    return alice_;
  }
  const Profile& bob() const {
    return bob_;
  }

 private:
  AlignedBlock file_;
  Model model_;
  Profile alice_;
  Profile bob_;
};

/// Rates that this build takes live: all, or the model's own where there is no resampler.
inline std::vector<uint32_t> rates() {
  return Resampler::create(48000, kSampleRateHz).ok()
             ? std::vector<uint32_t>{16000, 48000, 44100, 8000}
             : std::vector<uint32_t>{16000};
}

/// Causal, at random; one for all tests of a binary: converting takes a second.
inline const Network& network() {
  static const Network shared("small-live");
  return shared;
}

/// Causal, with the weights that ship.
inline const Network& trained_network() {
  static const Network shared(pretrained_network(LIGERO_SOURCE_DIR, "lgr-tse-small-live"));
  return shared;
}

/// It needs the whole recording. With the weights that ship.
inline const Network& whole_network() {
  static const Network shared(pretrained_network(LIGERO_SOURCE_DIR, "lgr-tse-small"));
  return shared;
}

/// A session in a block of its own.
class Session {
 public:
  explicit Session(const Network& network, const SessionConfig& config = {})
      : Session(network.model(), config) {}
  explicit Session(const Model& model, const SessionConfig& config = {}) {
    SessionPlan plan = expect(plan_sessions(model, config));
    if (!block_.allocate(plan.bytes)) {
      throw std::bad_alloc();
    }
    expect(group_.start(std::move(plan), block_.data(), block_.size()));
  }
  ligero::Session& operator*() {
    return group_[0];
  }
  ligero::Session* operator->() {
    return &group_[0];
  }
  SessionGroup& group() {
    return group_;
  }
  size_t bytes() const {
    return block_.size();
  }
  /// `x` in place, mono, in one call.
  void process(float* x, size_t n) {
    const float* in[1] = {x};
    float* out[1] = {x};
    group_.process(in, out, static_cast<int32_t>(n));
  }
  /// The output for `x` in blocks of `block` samples; 0: of random sizes from `seed`.
  std::vector<float> run(std::vector<float> x, size_t block, unsigned seed = 0) {
    std::mt19937 random(seed);
    for (size_t at = 0; at < x.size();) {
      const size_t n = std::min(block != 0 ? block : 1 + random() % 4096, x.size() - at);
      process(x.data() + at, n);
      at += n;
    }
    return x;
  }
  /// The same, aligned: as long as `x`, which ends there.
  std::vector<float> run_aligned(const std::vector<float>& x, size_t block, unsigned seed = 0) {
    std::vector<float> y = run(x, block, seed);
    group_[0].finish();
    const size_t latency = static_cast<size_t>(group_[0].latency_samples());
    const std::vector<float> rest = run(std::vector<float>(latency, 0.0f), block, seed);
    y.insert(y.end(), rest.begin(), rest.end());
    y.erase(y.begin(), y.begin() + static_cast<std::ptrdiff_t>(latency));
    return y;
  }

 private:
  AlignedBlock block_;
  SessionGroup group_;
};

inline double largest(std::span<const float> x) {
  double most = 0.0;
  for (float v : x) {
    most = std::fmax(most, std::fabs(static_cast<double>(v)));
  }
  return most;
}

/// Of the largest value of `want`.
inline double worst_error(std::span<const float> got, std::span<const float> want) {
  double worst = 0.0;
  for (size_t i = 0; i < want.size(); ++i) {
    const double error = std::fabs(static_cast<double>(got[i]) - static_cast<double>(want[i]));
    worst = std::fmax(worst, std::isfinite(error) ? error : INFINITY);
  }
  return worst / largest(want);
}

/// How far the difference lies below `want`, in dB.
inline double difference_db(std::span<const float> got, std::span<const float> want) {
  double wanted = 0.0;
  double error = 1e-30;
  for (size_t i = 0; i < want.size(); ++i) {
    wanted += static_cast<double>(want[i]) * static_cast<double>(want[i]);
    error += std::pow(static_cast<double>(got[i]) - static_cast<double>(want[i]), 2.0);
  }
  return 10.0 * std::log10(wanted / error);
}

}  // namespace ligero::testing

#endif  // LIGERO_TESTS_STREAM_LIVE_H_
