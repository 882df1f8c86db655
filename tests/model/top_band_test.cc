// SPDX-License-Identifier: Apache-2.0
// What lies above the network's band: kept where the network passes everything, gone where it
// passes nothing, on time, and never heard by the network.
#include "model/session/top_band.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <numbers>
#include <string>
#include <vector>

#include "model/session/recording.h"
#include "model/session/session.h"
#include "ops/table.h"
#include "tests/model/toy_model.h"
#include "tests/support/denoiser.h"
#include "tests/support/random.h"

namespace ligero {
namespace {

constexpr double kPi = std::numbers::pi;

/// White, of this RMS.
std::vector<float> noise(size_t n, unsigned seed, float level = 0.1f) {
  const float most = level * std::numbers::sqrt3_v<float>;
  return testing::Random(seed).floats(n, -most, most);
}

/// A network at 16 kHz that takes each bin times `gain_of(Hz)`, and says how loud each hop is.
struct Network {
  template <typename Gain>
  explicit Network(Gain gain_of) : file(write_model(draft(gain_of))) {
    auto opened = Model::open(file.bytes(), all_ops());
    REQUIRE(opened.ok());
    model = std::move(opened.value());
  }
  template <typename Gain>
  static ModelDraft draft(Gain gain_of) {
    ModelDraft m = testing::denoiser(16000, 160, 1.0f);
    std::vector<float>& gains = m.graphs[0].tensors[1].values;
    for (size_t i = 0; i < gains.size(); ++i) {
      gains[i] = gain_of(50.0 * static_cast<double>(i / 2));
    }
    return m;
  }
  toy_model::Image file;
  Model model;
};

struct Live {
  AlignedBlock block;
  SessionGroup group;
  std::vector<float> levels;  ///< of each hop that the network heard
  Live(const Network& n, const SessionConfig& config) {
    auto plan = plan_sessions(n.model, config);
    REQUIRE(std::string(plan.status().message) == "ok");
    REQUIRE(block.allocate(plan.value().bytes));
    REQUIRE(group.start(std::move(plan.value()), block.data(), block.size()).ok());
  }
  /// With its latency taken off.
  std::vector<float> run(std::vector<float> x, size_t at_a_time = 100) {
    const auto latency = static_cast<size_t>(group[0].latency_samples());
    const size_t size = x.size();
    x.resize(size + latency);
    std::vector<float> y(x.size());
    for (size_t at = 0; at < x.size(); at += at_a_time) {
      const float* in[1] = {x.data() + at};
      float* out[1] = {y.data() + at};
      group.process(in, out, static_cast<int32_t>(std::min(at_a_time, x.size() - at)));
      levels.push_back(group[0].side_output(0));
    }
    y.erase(y.begin(), y.begin() + static_cast<std::ptrdiff_t>(latency));
    return y;
  }
};

/// The part of `y` that is `x` at `hz`, from `from` on: its gain and phase.
std::complex<double> response(const std::vector<float>& x,
                              const std::vector<float>& y,
                              double hz,
                              double rate_hz,
                              size_t from) {
  std::complex<double> in = 0.0, out = 0.0;
  const size_t n = x.size() - from;
  for (size_t i = 0; i < n; ++i) {
    const double window =
        1.0 - std::cos(2.0 * kPi * static_cast<double>(i) / static_cast<double>(n));
    const auto turn = std::polar(window, -2.0 * kPi * hz * static_cast<double>(i) / rate_hz);
    in += turn * static_cast<double>(x[from + i]);
    out += turn * static_cast<double>(y[from + i]);
  }
  return out / in;
}

/// Power between two frequencies, a sample, of `x` from `from` on.
double band_power(
    const std::vector<float>& x, double low, double high, double rate_hz, size_t from) {
  constexpr size_t kSize = 1024;
  double sum = 0.0;
  size_t frames = 0;
  for (size_t at = from; at + kSize <= x.size(); at += kSize, ++frames) {
    for (auto k = static_cast<size_t>(low * kSize / rate_hz);
         static_cast<double>(k) < high * kSize / rate_hz;
         ++k) {
      std::complex<double> bin = 0.0;
      for (size_t i = 0; i < kSize; ++i) {
        const double window = 0.5 - 0.5 * std::cos(2.0 * kPi * static_cast<double>(i) / kSize);
        bin += std::polar(window * static_cast<double>(x[at + i]),
                          -2.0 * kPi * static_cast<double>(k * i) / kSize);
      }
      sum += std::norm(bin);
    }
  }
  return sum / static_cast<double>(frames);
}

const auto kPasses = [](double) { return 1.0f; };

TEST_CASE(
    "top band: of a network that passes everything the output is the input, to 0.45 of the rate") {
  if (!Resampler::kConverts) {
    return;
  }
  const Network n(kPasses);
  for (const int32_t rate : {24000, 44100, 48000, 96000}) {
    CAPTURE(rate);
    const std::vector<float> x = noise(static_cast<size_t>(rate), 1);
    Live live(n, {.rate_hz = rate});
    Live speech(n, {.rate_hz = rate, .bandwidth = Bandwidth::kSpeech});
    CHECK(live.group[0].latency_samples() == speech.group[0].latency_samples());
    const std::vector<float> y = live.run(x);
    std::vector<float> whole = x;
    Array<float> heard;
    REQUIRE(resample_recording(x, 1, rate, 16000, &heard).ok());
    std::vector<float> voice(heard.size());
    REQUIRE(extract(n.model, nullptr, heard.span(), voice).ok());
    REQUIRE(widen_recording(x, rate, heard.span(), voice, 16000, Bandwidth::kFull, whole).ok());
    const size_t settled = static_cast<size_t>(rate) / 5;
    for (const double share : {80.0 / rate,
                               200.0 / rate,
                               0.05,
                               0.1,
                               7000.0 / rate,
                               7600.0 / rate,
                               8000.0 / rate,
                               8400.0 / rate,
                               0.4,
                               0.45}) {
      const double hz = std::round(share * rate);
      CAPTURE(hz);
      for (const std::vector<float>& out : {y, whole}) {
        const std::complex<double> now = response(x, out, hz, rate, settled);
        CHECK(std::fabs(20.0 * std::log10(std::abs(now))) < 0.5);
        CHECK(std::fabs(std::arg(now)) <
              (hz < 500.0 ? 0.3 : 0.02));  // what lies below turns it there
      }
    }
  }
}

TEST_CASE("top band: an impulse comes out at the stated latency") {
  if (!Resampler::kConverts) {
    return;
  }
  const Network n(kPasses);
  for (const int32_t rate : {44100, 48000, 96000}) {
    CAPTURE(rate);
    Live live(n, {.rate_hz = rate});
    std::vector<float> x = noise(static_cast<size_t>(rate) / 2, 2, 0.001f);
    x[x.size() / 2 + 77] += 1.0f;
    const std::vector<float> y = live.run(x);
    CHECK(std::max_element(y.begin(), y.end()) - y.begin() ==
          static_cast<std::ptrdiff_t>(x.size() / 2 + 77));
  }
}

TEST_CASE(
    "top band: what the network takes from its highest octave goes above too; the rest does not "
    "count") {
  if (!Resampler::kConverts) {
    return;
  }
  struct Case {
    float below, octave;
    double share;
  };
  constexpr int32_t kRate = 48000;
  const std::vector<float> x = noise(kRate, 3);
  const double before = band_power(x, 9000, 20000, kRate, kRate / 5);
  for (const Case& c : {Case{1.0f, 0.0f, 0.0},
                        Case{0.0f, 1.0f, 1.0},
                        Case{1.0f, 0.5f, 0.5},
                        Case{0.0f, 0.1f, 0.1}}) {
    CAPTURE(c.octave);
    const Network n([&](double hz) { return hz < 3000.0 ? c.below : c.octave; });
    const std::vector<float> y = Live(n, {.rate_hz = kRate}).run(x);
    const double share = std::sqrt(band_power(y, 9000, 20000, kRate, kRate / 5) / before);
    CHECK(std::fabs(share - c.share) < 0.03);
  }
}

TEST_CASE("top band: a session gives what the whole recording gives, each share in its place") {
  if (!Resampler::kConverts) {
    return;
  }
  // The network passes 6 to 8 kHz and stops what lies below: tones in turn turn the top on and off.
  const Network n([](double hz) { return hz < 6000.0 ? 0.0f : 1.0f; });
  constexpr int32_t kRate = 48000;
  std::vector<float> x = noise(kRate, 8, 0.01f);
  for (size_t i = 0; i < x.size(); ++i) {
    const double hz = i / 4800 % 2 == 0 ? 5000.0 : 7000.0;
    x[i] += 0.1f * static_cast<float>(std::sin(2.0 * kPi * hz * static_cast<double>(i) / kRate));
  }
  std::vector<float> whole(x.size());
  Array<float> heard;
  REQUIRE(resample_recording(x, 1, kRate, 16000, &heard).ok());
  std::vector<float> voice(heard.size());
  REQUIRE(extract(n.model, nullptr, heard.span(), voice).ok());
  REQUIRE(widen_recording(x, kRate, heard.span(), voice, 16000, Bandwidth::kFull, whole).ok());
  // With so many zeros before it the session's hops begin where the recording's do, because the
  // conversion is late by 4 ms.
  constexpr size_t kBefore = 480 - 192;
  std::vector<float> later(kBefore, 0.0f);
  later.insert(later.end(), x.begin(), x.end());
  const std::vector<float> y = Live(n, {.rate_hz = kRate}).run(later);
  double worst = 0.0;
  for (size_t i = kRate / 5; i + kRate / 50 < x.size(); ++i) {
    worst = std::fmax(worst, std::fabs(y[kBefore + i] - whole[i]));
  }
  CHECK(worst < 1e-4);
}

TEST_CASE(
    "top band: without it nothing is above the network's band, and below 7 kHz nothing changes") {
  if (!Resampler::kConverts) {
    return;
  }
  constexpr int32_t kRate = 48000;
  const std::vector<float> x = noise(kRate, 4);
  for (const float octave : {1.0f, 0.3f}) {
    const Network n([&](double hz) { return hz < 3000.0 ? 0.7f : octave; });
    const std::vector<float> full = Live(n, {.rate_hz = kRate}).run(x);
    const std::vector<float> speech =
        Live(n, {.rate_hz = kRate, .bandwidth = Bandwidth::kSpeech}).run(x);
    std::vector<float> top(x.size());
    std::transform(full.begin(), full.end(), speech.begin(), top.begin(), std::minus<>());
    CHECK(band_power(speech, 9000, 23000, kRate, kRate / 5) <
          1e-7 * band_power(x, 9000, 23000, kRate, kRate / 5));
    CHECK(band_power(top, 100, 6800, kRate, kRate / 5) <
          1e-5 * band_power(speech, 100, 6800, kRate, kRate / 5));
  }
}

TEST_CASE("top band: the network hears the same, bit for bit") {
  if (!Resampler::kConverts) {
    return;
  }
  const Network n(kPasses);
  for (const int32_t rate : {8000, 16000, 44100, 48000}) {
    CAPTURE(rate);
    const std::vector<float> x = noise(static_cast<size_t>(rate) / 4, 5);
    Live full(n, {.rate_hz = rate});
    Live speech(n, {.rate_hz = rate, .bandwidth = Bandwidth::kSpeech});
    const std::vector<float> y = full.run(x), z = speech.run(x);
    CHECK(full.levels == speech.levels);
    if (rate <= 16000) {  // there is nothing above
      CHECK(y == z);
      CHECK(full.block.size() == speech.block.size());
    }
  }
}

TEST_CASE(
    "top band: a sibilant after silence is there a hop later, and a steady share makes no sound") {
  // 100 steps of nothing, then of what the network passes.
  Result<TopBand> made = TopBand::create(16000, 48000, Bandwidth::kFull);
  if (!made.ok()) {
    return;
  }
  TopBand& top = made.value();
  std::vector<float> track(top.memory_floats()), low(1000), share(1000), all;
  top.set_memory(track.data());
  const std::vector<float> hiss = noise(16000, 6);
  for (size_t step = 0; step < 100; ++step) {
    std::vector<float> heard(160, 0.0f);
    if (step >= 50) {
      std::copy_n(hiss.begin() + static_cast<std::ptrdiff_t>(160 * step), 160, heard.begin());
    }
    std::vector<float> voice = heard;
    const int32_t n = top.process(heard.data(), voice.data(), 160, low.data(), share.data());
    all.insert(all.end(), share.begin(), share.begin() + n);
  }
  const size_t onset = 50 * 480 + static_cast<size_t>(std::lround(top.delay_s() * 48000));
  CHECK(all[onset - 1] < 0.01f);
  CHECK(all[onset + 480] > 0.98f);
  for (size_t i = 1; i < all.size(); ++i) {
    REQUIRE(std::fabs(all[i] - all[i - 1]) < 1.01f / 240.0f);  // 5 ms from 0 to 1
  }
}

TEST_CASE("top band: garbage above the network's band counts as zero and heals within a second") {
  if (!Resampler::kConverts) {
    return;
  }
  constexpr int32_t kRate = 48000;
  const Network n(kPasses);
  const std::vector<float> x = noise(2 * kRate, 7);
  std::vector<float> bad = x;
  for (size_t i = 0; i < 480; i += 3) {
    bad[kRate / 2 + i] = i % 2 == 0 ? std::nanf("") : 1e30f;
  }
  Live live(n, {.rate_hz = kRate});
  const std::vector<float> want = Live(n, {.rate_hz = kRate}).run(x), got = live.run(bad);
  CHECK(live.group[0].statistics().cleaned_samples == 160);
  for (size_t i = 0; i < got.size(); ++i) {
    REQUIRE(std::fabs(got[i]) < 2.0f);
    REQUIRE((i < kRate || std::fabs(got[i] - want[i]) < 1e-4f));
  }
}

}  // namespace
}  // namespace ligero
