// A real causal network with random weights, enrolled, and sessions of it. Not: any check.
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
#include <vector>

#include "model/format/loader.h"
#include "model/speech/graph_run.h"
#include "model/speech/resampler.h"
#include "model/speech/session.h"
#include "model/speech/stream.h"
#include "ops/table.h"
#include "tests/support/random.h"
#include "tests/support/random_network.h"

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

/// The model of model/torch/configs/small-live.json and two people's profiles.
class Network {
 public:
  explicit Network(Type weights = Type::kF32) {
    const std::vector<std::byte> bytes = random_network(
        std::string(LIGERO_SOURCE_DIR) + "/model/torch/configs/small-live.json", 11, weights);
    if (!file_.allocate(bytes.size())) {
      throw std::bad_alloc();
    }
    std::copy(bytes.begin(), bytes.end(), file_.data());
    model_ = expect(Model::open({file_.data(), bytes.size()}, all_ops()));
    alice_ = expect(enroll(model_, babble(24000, 1)));
    bob_ = expect(enroll(model_, babble(24000, 2)));
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

/// One for all tests of a binary: converting takes a second.
inline const Network& network() {
  static const Network shared;
  return shared;
}

/// A session in a block of its own.
class Session {
 public:
  explicit Session(const Network& network, const StreamConfig& config = {})
      : Session(network.model(), config) {}
  explicit Session(const Model& model, StreamConfig config = {}) {
    config.cpu = cpu_features();
    const size_t bytes = expect(Stream::bytes_needed(model, config));
    if (!block_.allocate(bytes)) {
      throw std::bad_alloc();
    }
    expect(stream_.create(model, config, block_.data(), bytes));
  }
  Stream& operator*() {
    return stream_;
  }
  Stream* operator->() {
    return &stream_;
  }
  size_t bytes() const {
    return block_.size();
  }
  /// `x` in place, mono, in one call.
  void process(float* x, size_t n) {
    const float* in[1] = {x};
    float* out[1] = {x};
    stream_.process(in, out, static_cast<int32_t>(n));
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

 private:
  AlignedBlock block_;
  Stream stream_;
};

}  // namespace ligero::testing

#endif  // LIGERO_TESTS_STREAM_LIVE_H_
