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

TEST_CASE("stft, istft: other windows") {
  Random random(6);
  for (const int hop : {2, 80, 200, 256}) {
    CAPTURE(hop);
    std::vector<float> x = random.floats(static_cast<size_t>(9 * hop));
    x.resize(static_cast<size_t>(10 * hop), 0.0f);
    OpHarness forward("stft");
    forward.sequence(1, hop, x).ints("window", {2 * hop}).ints("hop", {hop});
    OpHarness inverse("istft");
    inverse.sequence(hop + 1, 2, forward.run()).ints("window", {2 * hop}).ints("hop", {hop});
    CHECK(snr_db(inverse.run(), static_cast<size_t>(hop), x) >= 100.0);
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
  SUBCASE("a window without a transform, or not of two hops") {
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
