// SPDX-License-Identifier: Apache-2.0
// stft, istft, fbank: against plain sums in double, and each other. Not: the transform
// (tests/kernels).
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <vector>

#include "tests/support/op_harness.h"
#include "tests/support/random.h"
#include "tests/support/threads.h"

namespace ligero {
namespace {

using testing::OpHarness;
using testing::Random;

constexpr double kPi = 3.14159265358979323846;
constexpr int kHop = 160;

double sample(const std::vector<float>& x, int i) {
  return i >= 0 && i < static_cast<int>(x.size()) ? x[static_cast<size_t>(i)] : 0.0;
}

/// sum_i w(i) x[start + i] exp(-2 pi i bin i / n)
template <typename Window>
std::complex<double> dft(const std::vector<float>& x, int start, int n, int bin, Window w) {
  std::complex<double> sum = 0.0;
  for (int i = 0; i < n; ++i) {
    sum += w(i) * sample(x, start + i) * std::polar(1.0, -2.0 * kPi * bin * i / n);
  }
  return sum;
}

double hann320(int i) {
  return 0.5 - 0.5 * std::cos(2.0 * kPi * i / 320);
}

double hamming400(int i) {
  return 0.54 - 0.46 * std::cos(2.0 * kPi * i / 400);
}

/// `hops` random hops and a last one of zeros, as sessions hand them in.
std::vector<float> signal(int hops, uint64_t seed) {
  Random random(seed);
  std::vector<float> x = random.floats(static_cast<size_t>(hops * kHop));
  x.resize(x.size() + kHop, 0.0f);
  return x;
}

OpHarness stft_of(const std::vector<float>& x) {
  OpHarness h("stft");
  h.sequence(1, kHop, x);
  return h;
}

OpHarness istft_of(const std::vector<float>& spectrum) {
  OpHarness h("istft");
  h.sequence(161, 2, spectrum);
  return h;
}

/// A pair of windows, as attributes of both ops.
struct Pair {
  const char* name;
  int window;
  int used;
  int hop;
  int analysis = 0;  // 0 hann, 1 sqrt_hann, 2 asymmetric
  int synthesis = 0;

  OpHarness& set(OpHarness& h) const {
    h.ints("window", {window}).ints("hop", {hop}).ints("synthesis_samples", {used});
    return h.ints("analysis", {analysis}).ints("synthesis", {synthesis});
  }
  OpHarness forward(const std::vector<float>& x) const {
    OpHarness h("stft");
    h.sequence(1, hop, x);
    return set(h);
  }
  OpHarness inverse(const std::vector<float>& spectrum) const {
    OpHarness h("istft");
    h.sequence(window / 2 + 1, 2, spectrum);
    return set(h);
  }
  /// Random hops, and zeros for as long as the synthesis window flushes them.
  std::vector<float> signal(int hops, uint64_t seed) const {
    Random random(seed);
    std::vector<float> x = random.floats(static_cast<size_t>(hops * hop));
    x.resize(x.size() + static_cast<size_t>(used - hop), 0.0f);
    return x;
  }
  /// The windows by their names in the literature, in double.
  double analysis_at(int i) const {
    const double turn = std::sin(kPi * i / window);
    const int fall = used / 2;
    const int rise = window - fall;
    return analysis == 0   ? turn * turn
           : analysis == 1 ? turn
           : i < rise      ? std::sin(kPi / 2 * i / rise)
                           : std::cos(kPi / 2 * (i - rise) / fall);
  }
  double used_at(int i) const {
    const double turn = std::sin(kPi * i / used);
    return synthesis == 0   ? turn * turn
           : synthesis == 1 ? turn
           : i == 0         ? 0.0
                            : turn * turn / analysis_at(window - used + i);
  }
};

const Pair kPairs[] = {
    {"hann 320/160", 320, 320, 160},
    {"sqrt_hann 320/160", 320, 320, 160, 1, 1},
    {"sqrt_hann 512/256", 512, 512, 256, 1, 1},
    {"asymmetric 512/160, synthesis 320", 512, 320, 160, 2, 2},
    {"sqrt_hann 960/480", 960, 960, 480, 1, 1},
    {"hann 1024/256", 1024, 1024, 256},
    {"sqrt_hann 1024/256", 1024, 1024, 256, 1, 1},
    {"asymmetric 512/32, synthesis 320", 512, 320, 32, 2, 2},
    {"asymmetric 2048/100, synthesis 300", 2048, 300, 100, 2, 2},
    {"hann 512 under sqrt_hann 384/128", 512, 384, 128, 0, 1},
    {"hann 600/200", 600, 600, 200},
    {"asymmetric, long as its synthesis", 480, 480, 240, 2, 2},
    {"sqrt_hann 4/1", 4, 4, 1, 1, 1},
};

double snr_db(const std::vector<float>& got, size_t skip, const std::vector<float>& want) {
  double energy = 0.0;
  double error = 0.0;
  for (size_t i = 0; i + skip < got.size(); ++i) {
    const double d = static_cast<double>(got[i + skip]) - want[i];
    error += d * d;
    energy += static_cast<double>(want[i]) * want[i];
  }
  return 10.0 * std::log10(energy / (error + 1e-300));
}

}  // namespace

TEST_CASE("stft: frame t is the windowed transform of hops t - 1 and t") {
  const std::vector<float> x = signal(4, 1);
  OpHarness h = stft_of(x);
  const std::vector<float> y = h.run();
  REQUIRE(y.size() == 5 * 161 * 2);
  CHECK(h.inference().time[0].use == TimeUse::kWindow);
  CHECK(h.inference().time[0].past == 1);
  CHECK(h.inference().time[0].future == 0);
  for (int t = 0; t < 5; ++t) {
    for (int k = 0; k <= 160; ++k) {
      const std::complex<double> want = dft(x, (t - 1) * kHop, 320, k, hann320);
      const auto i = static_cast<size_t>((t * 161 + k) * 2);
      CHECK(std::abs(std::complex<double>(y[i], y[i + 1]) - want) < 3e-5);
    }
  }
}

TEST_CASE("istft: gives the signal back one hop late, to 100 dB, edges included") {
  for (const int hops : {1, 2, 13, 50}) {
    CAPTURE(hops);
    const std::vector<float> x = signal(hops, 2);
    const std::vector<float> y = istft_of(stft_of(x).run()).run();
    REQUIRE(y.size() == x.size());
    CHECK(snr_db(y, kHop, x) >= 100.0);
  }
  OpHarness h = istft_of(std::vector<float>(322));
  REQUIRE(h.infer().ok());
  CHECK(h.inference().output_lag == 1);
  CHECK(h.inference().time[0].past == 1);
}

TEST_CASE("istft: an edited spectrum matches weighted overlap-add in double") {
  Random random(3);
  const int frames = 3;
  const std::vector<float> spectrum = random.floats(frames * 322);
  const std::vector<float> y = istft_of(spectrum).run();
  const auto idft = [&](int t, int i) {
    double sum = 0.0;
    for (int k = 0; k <= 160; ++k) {
      const auto at = static_cast<size_t>((t * 161 + k) * 2);
      const bool single = k == 0 || k == 160;
      const std::complex<double> value(spectrum[at], single ? 0.0f : spectrum[at + 1]);
      sum += (single ? 1.0 : 2.0) * (value * std::polar(1.0, 2.0 * kPi * k * i / 320)).real();
    }
    return sum / 320.0;
  };
  for (int t = 1; t < frames; ++t) {
    for (int i = 0; i < kHop; i += 7) {
      const double a = hann320(i);
      const double b = hann320(i + kHop);
      const double want = (b * idft(t - 1, i + kHop) + a * idft(t, i)) / (a * a + b * b);
      CHECK(std::abs(y[static_cast<size_t>(t * kHop + i)] - want) < 1e-6);
    }
  }
}

TEST_CASE("stft, istft, fbank: frame by frame, blocks and threads equal one call") {
  const std::vector<float> x = signal(40, 4);
  Random random(5);
  const std::vector<float> mel = random.floats(201 * 80, 0.0f, 1.0f);
  const std::vector<float> spectrum = stft_of(x).run();
  const std::vector<float> samples = istft_of(spectrum).run();
  OpHarness fbank("fbank");
  fbank.sequence(1, kHop, x).weight({201, 80}, mel);
  const std::vector<float> bank = fbank.run();
  for (const int block : {1, 3, 17}) {
    CAPTURE(block);
    CHECK(stft_of(x).run(block) == spectrum);
    CHECK(istft_of(spectrum).run(block) == samples);
    CHECK(fbank.run(block) == bank);
  }
  testing::Threads pool(3);
  CHECK(stft_of(x).pool(&pool).run() == spectrum);
  CHECK(istft_of(spectrum).pool(&pool).run() == samples);
  CHECK(fbank.pool(&pool).run() == bank);
}

TEST_CASE("stft, istft: every pair of windows gives the signal back to 100 dB") {
  for (const Pair& pair : kPairs) {
    CAPTURE(pair.name);
    const std::vector<float> x = pair.signal(12, 6);
    OpHarness forward = pair.forward(x);
    OpHarness inverse = pair.inverse(forward.run());
    CHECK(snr_db(inverse.run(), static_cast<size_t>(pair.used - pair.hop), x) >= 100.0);
    // As late as the synthesis window is long, less the hop that completes it.
    CHECK(inverse.inference().output_lag * pair.hop == pair.used - pair.hop);
    CHECK(inverse.inference().time[0].past == inverse.inference().output_lag);
    CHECK(inverse.inference().time[0].future == 0);
    CHECK((forward.inference().time[0].past + 1) * pair.hop >= pair.window);
    CHECK(forward.inference().time[0].past * pair.hop < pair.window);
  }
}

TEST_CASE("stft: a frame is the end of the hops up to its own, under the named window") {
  for (const Pair& pair : kPairs) {
    CAPTURE(pair.name);
    const std::vector<float> x = pair.signal(3, 31);
    const std::vector<float> y = pair.forward(x).run();
    const int bins = pair.window / 2 + 1;
    const int frames = static_cast<int>(x.size()) / pair.hop;
    REQUIRE(static_cast<int>(y.size()) == frames * bins * 2);
    for (int t = 0; t < frames; ++t) {
      for (int k = 0; k < bins; k += std::max(1, bins / 9)) {
        const std::complex<double> want = dft(x, (t + 1) * pair.hop - pair.window, pair.window, k,
                                              [&](int i) { return pair.analysis_at(i); });
        const auto i = static_cast<size_t>((t * bins + k) * 2);
        CHECK(std::abs(std::complex<double>(y[i], y[i + 1]) - want) < 1e-4);
      }
    }
  }
}

TEST_CASE("istft: edited spectra overlap as their windows say, in double") {
  for (const Pair& pair : kPairs) {
    CAPTURE(pair.name);
    const int bins = pair.window / 2 + 1;
    const int hops = pair.used / pair.hop;
    const int frames = hops + 1;
    Random random(32);
    const std::vector<float> spectrum = random.floats(static_cast<size_t>(frames * bins * 2));
    const std::vector<float> y = pair.inverse(spectrum).run();
    const auto idft = [&](int t, int i) {
      double sum = 0.0;
      for (int k = 0; k < bins; ++k) {
        const auto at = static_cast<size_t>((t * bins + k) * 2);
        const bool single = k == 0 || k == bins - 1;
        const std::complex<double> value(spectrum[at], single ? 0.0f : spectrum[at + 1]);
        const std::complex<double> turn = std::polar(1.0, 2.0 * kPi * k * i / pair.window);
        sum += (single ? 1.0 : 2.0) * (value * turn).real();
      }
      return sum / pair.window;
    };
    const int lead = pair.window - pair.used;
    double worst = 0.0;
    for (int t = hops - 1; t < frames; ++t) {
      for (int i = 0; i < pair.hop; i += std::max(1, pair.hop / 7)) {
        double sum = 0.0;
        double weight = 0.0;
        for (int back = 0; back < hops; ++back) {
          const int at = back * pair.hop + i;
          sum += pair.used_at(at) * idft(t - back, lead + at);
          weight += pair.used_at(at) * pair.analysis_at(lead + at);
        }
        worst = std::max(worst, std::abs(y[static_cast<size_t>(t * pair.hop + i)] - sum / weight));
      }
    }
    CHECK(worst < 2e-6);
  }
}

TEST_CASE("stft, istft: every pair frame by frame and on threads equals one call") {
  testing::Threads pool(3);
  for (const Pair& pair : kPairs) {
    CAPTURE(pair.name);
    const std::vector<float> x = pair.signal(23, 33);
    const std::vector<float> spectrum = pair.forward(x).run();
    const std::vector<float> samples = pair.inverse(spectrum).run();
    for (const int block : {1, 5}) {
      CHECK(pair.forward(x).run(block) == spectrum);
      CHECK(pair.inverse(spectrum).run(block) == samples);
    }
    CHECK(pair.forward(x).pool(&pool).run() == spectrum);
    CHECK(pair.inverse(spectrum).pool(&pool).run() == samples);
  }
}

TEST_CASE("fbank: log mel power of 25 ms centred on sample 160 t") {
  const std::vector<float> x = signal(4, 7);
  Random random(8);
  const int mels = 5;
  const std::vector<float> mel = random.floats(static_cast<size_t>(201 * mels), 0.0f, 1.0f);
  OpHarness h("fbank");
  const std::vector<float> y = h.sequence(1, kHop, x).weight({201, mels}, mel).run();
  CHECK(h.inference().time[0].past == 2);
  CHECK(h.inference().time[0].future == 1);
  for (int t = 0; t < 5; ++t) {
    std::vector<double> energy(static_cast<size_t>(mels), 0.0);
    for (int k = 0; k <= 200; ++k) {
      const double power = std::norm(dft(x, t * kHop - 200, 400, k, hamming400));
      for (int m = 0; m < mels; ++m) {
        energy[static_cast<size_t>(m)] += power * mel[static_cast<size_t>(k * mels + m)];
      }
    }
    for (int m = 0; m < mels; ++m) {
      const double want = 10.0 * std::log10(energy[static_cast<size_t>(m)]);
      CHECK(std::abs(y[static_cast<size_t>(t * mels + m)] - want) < 1e-4);
    }
  }
}

TEST_CASE("fbank: a window shorter than the transform is filled up with zeros") {
  const std::vector<float> x = signal(3, 9);
  const std::vector<float> mel(257, 1.0f);
  OpHarness h("fbank");
  const std::vector<float> y =
      h.sequence(1, kHop, x).weight({257, 1}, mel).ints("n_fft", {512}).run();
  for (int t = 0; t < 4; ++t) {
    double energy = 0.0;
    for (int k = 0; k <= 256; ++k) {
      const auto window = [](int i) { return i < 400 ? hamming400(i) : 0.0; };
      energy += std::norm(dft(x, t * kHop - 200, 512, k, window));
    }
    CHECK(std::abs(y[static_cast<size_t>(t)] - 10.0 * std::log10(energy)) < 1e-4);
  }
}

namespace {

/// The windows of Kaldi: recipe 2 takes Hamming's, 3 Povey's.
double kaldi_window(int recipe, int i) {
  const double turn = std::cos(2.0 * kPi * i / 399);
  return recipe == 2 ? 0.54 - 0.46 * turn : std::pow(0.5 - 0.5 * turn, 0.85);
}

/// What recipe 1, 2 or 3 makes of frame t, in double; the signal is mirrored about its ends.
double mirrored_energy(const std::vector<float>& x, int samples, int t, int recipe) {
  const auto at = [&](int n) {
    n = std::abs(n);
    return static_cast<double>(x[static_cast<size_t>(n >= samples ? 2 * (samples - 1) - n : n)]);
  };
  std::vector<double> frame;
  double mean = 0.0;
  for (int i = 0; i < 400; ++i) {
    const int n = recipe == 1 ? t * kHop - 200 + i : (t - 1) * kHop + i;
    const int folded = std::abs(n) >= samples ? 2 * (samples - 1) - std::abs(n) : std::abs(n);
    frame.push_back(recipe == 1 ? at(folded) - 0.97 * at(folded - 1) : at(n));
    mean += frame.back() / 400.0;
  }
  const auto value = [&](int i) {
    if (i >= 400) {
      return 0.0;
    }
    const auto k = static_cast<size_t>(i);
    return recipe == 1 ? hamming400(i) * frame[k]
                       : kaldi_window(recipe, i) *
                             (frame[k] - mean -
                              0.97 * (frame[static_cast<size_t>(std::max(i - 1, 0))] - mean));
  };
  double energy = 0.0;
  const std::vector<float> ones(512, 1.0f);
  for (int k = 0; k <= 256; ++k) {
    energy += std::norm(dft(ones, 0, 512, k, value));
  }
  return energy;
}

}  // namespace

TEST_CASE("fbank: recipes 1 to 3 emphasise, mirror at both ends, and take natural logarithms") {
  const std::vector<float> x = signal(5, 21);
  for (const int samples : {5 * kHop, 5 * kHop - 33}) {
    for (const int recipe : {1, 2, 3}) {
      CAPTURE(samples);
      CAPTURE(recipe);
      std::vector<float> cut(x.begin(), x.begin() + samples);
      cut.resize(6 * kHop, 0.0f);
      OpHarness h("fbank");
      h.sequence(1, kHop, cut).weight({257, 1}, std::vector<float>(257, 1.0f));
      const std::vector<float> y =
          h.ints("n_fft", {512}).ints("recipe", {recipe}).total_samples(samples).run();
      CHECK(h.inference().time[0].use == TimeUse::kWhole);
      for (int t = 0; t < 6; ++t) {
        CAPTURE(t);
        const double want = std::log(mirrored_energy(cut, samples, t, recipe));
        CHECK(std::abs(y[static_cast<size_t>(t)] - want) < 1e-4);
      }
    }
  }
  OpHarness h("fbank");
  h.sequence(1, kHop, x).weight({201, 1}, std::vector<float>(201, 1.0f));
  CHECK_FALSE(h.ints("recipe", {4}).infer().ok());
}

TEST_CASE("fbank: silence gives the floor, -100 dB") {
  OpHarness h("fbank");
  const std::vector<float> y = h.sequence(1, kHop, std::vector<float>(2 * kHop))
                                   .weight({201, 2}, std::vector<float>(402, 0.5f))
                                   .run();
  for (const float v : y) {
    CHECK(v == doctest::Approx(-100.0f));
  }
}

TEST_CASE("stft, istft, fbank: refusals") {
  const std::vector<float> hops(2 * kHop);
  SUBCASE("each with what was expected") {
    const auto refusal = [](const Pair& pair) {
      const Status forward = pair.forward(std::vector<float>(static_cast<size_t>(pair.hop))).infer();
      const Status inverse =
          pair.inverse(std::vector<float>(static_cast<size_t>(pair.window) + 2)).infer();
      CHECK(forward.code == Code::kUnsupportedModel);
      CHECK(inverse.code == Code::kUnsupportedModel);
      CHECK(std::string(forward.message) == inverse.message);
      return std::string(inverse.message);
    };
    const auto has = [](const std::string& text, const char* part) {
      CAPTURE(text);
      return text.find(part) != std::string::npos;
    };
    CHECK(has(refusal({"", 322, 322, 161}), "a product of 2, 3 and 5"));
    CHECK(has(refusal({"", 8192, 8192, 4096}), "4 to 4096 samples"));
    CHECK(has(refusal({"", 320, 320, 100}), "hop must divide the synthesis window"));
    CHECK(has(refusal({"", 512, 512, 160, 2, 2}), "hop must divide the synthesis window"));
    CHECK(has(refusal({"", 320, 512, 256}), "not longer than the analysis window"));
    CHECK(has(refusal({"", 512, 321, 107}), "must be even"));
    CHECK(has(refusal({"", 512, 512, 512, 1, 1}), "do not give the signal back"));
    CHECK(has(refusal({"", 512, 256, 256, 2, 2}), "do not give the signal back"));
  }
  SUBCASE("a window without a transform, or not of the input's hops") {
    CHECK_FALSE(OpHarness("stft").sequence(1, 161, hops).ints("window", {322}).infer().ok());
    CHECK_FALSE(stft_of(hops).ints("hop", {80}).infer().ok());
    CHECK_FALSE(stft_of(hops).ints("window", {-320}).infer().ok());
    CHECK_FALSE(stft_of(hops).ints("window", {1 << 30}).infer().ok());
    CHECK_FALSE(istft_of(std::vector<float>(322)).ints("window", {512}).infer().ok());
  }
  SUBCASE("wrong shapes, kinds and counts") {
    CHECK_FALSE(OpHarness("stft").infer().ok());
    CHECK_FALSE(OpHarness("stft").absent().infer().ok());
    CHECK_FALSE(OpHarness("stft").constant(1, kHop, hops).infer().ok());
    CHECK_FALSE(OpHarness("stft").sequence(2, 80, hops).infer().ok());
    CHECK_FALSE(OpHarness("istft").sequence(160, 2, hops).infer().ok());
    CHECK_FALSE(OpHarness("istft").sequence(161, 1, hops).infer().ok());
    CHECK_FALSE(stft_of(hops).sequence(1, kHop, hops).infer().ok());
    CHECK_FALSE(stft_of(hops).outputs(2).infer().ok());
  }
  SUBCASE("fbank's hops must cover the window, and its filters fit") {
    const auto fbank = [&](int bins) {
      OpHarness h("fbank");
      h.sequence(1, kHop, hops)
          .weight({bins, 4}, std::vector<float>(static_cast<size_t>(bins) * 4));
      return h;
    };
    CHECK(fbank(201).infer().ok());
    CHECK_FALSE(fbank(200).infer().ok());
    CHECK_FALSE(fbank(201).ints("past", {1}).infer().ok());
    CHECK_FALSE(fbank(201).ints("future", {0}).infer().ok());
    CHECK_FALSE(fbank(201).ints("future", {1 << 30}).infer().ok());
    CHECK_FALSE(fbank(201).ints("window", {401}).infer().ok());
    CHECK_FALSE(fbank(201).ints("window", {402}).infer().ok());
    CHECK_FALSE(OpHarness("fbank").sequence(1, kHop, hops).infer().ok());
    CHECK_FALSE(OpHarness("fbank").sequence(1, kHop, hops).absent().infer().ok());
    CHECK_FALSE(OpHarness("fbank")
                    .sequence(1, kHop, hops)
                    .constant(201, 4, std::vector<float>(804))
                    .infer()
                    .ok());
  }
}

}  // namespace ligero
