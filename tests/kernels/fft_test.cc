// SPDX-License-Identifier: Apache-2.0
// The real FFT against Eigen's in double precision. Not: STFT conventions (tests/ops/stft_test.cc).
#include "ops/kernels/fft/fft.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <unsupported/Eigen/FFT>
#include <vector>

#include "tests/support/random.h"

namespace ligero {
namespace {

constexpr double kTolerance = 1e-6;  // of the largest value
constexpr float kGuard = 1234.5f;

struct Transform {
  explicit Transform(int n) : table(fft_table_floats(n) + 1, kGuard), work(fft_work_floats(n) + 1) {
    fft = fft_prepare(n, table.data());
    work.back() = kGuard;
  }
  bool guards_hold() const {
    return table.back() == kGuard && work.back() == kGuard;
  }
  std::vector<float> table;
  std::vector<float> work;
  Fft fft;
};

std::vector<std::complex<double>> oracle(const std::vector<float>& x) {
  Eigen::FFT<double> eigen;
  std::vector<double> in(x.begin(), x.end());
  std::vector<std::complex<double>> out;
  eigen.fwd(out, in);
  return out;
}

void check_length(int n) {
  CAPTURE(n);
  REQUIRE(fft_supported(n));
  testing::Random random(static_cast<uint64_t>(n));
  const std::vector<float> x = random.floats(static_cast<size_t>(n));
  const std::vector<std::complex<double>> want = oracle(x);
  Transform t(n);
  std::vector<float> spectrum(static_cast<size_t>(n) + 3, kGuard);
  fft_forward_f32(t.fft, x.data(), t.work.data(), spectrum.data());
  double largest = 0.0;
  double worst = 0.0;
  for (size_t k = 0; k <= static_cast<size_t>(n) / 2; ++k) {
    const std::complex<double> got(spectrum[2 * k], spectrum[2 * k + 1]);
    largest = std::max(largest, std::abs(want[k]));
    worst = std::max(worst, std::abs(got - want[k]));
  }
  CHECK(worst <= kTolerance * largest);
  CHECK(spectrum.back() == kGuard);

  std::vector<float> back(static_cast<size_t>(n) + 1, kGuard);
  fft_inverse_f32(t.fft, spectrum.data(), t.work.data(), back.data());
  worst = 0.0;
  for (size_t j = 0; j < static_cast<size_t>(n); ++j) {
    worst = std::max(worst, static_cast<double>(std::abs(back[j] - x[j])));
  }
  CHECK(worst <= kTolerance);
  CHECK(back.back() == kGuard);
  CHECK(t.guards_hold());
}

}  // namespace

TEST_CASE("fft: the lengths that ligero uses match Eigen, forward and back") {
  for (const int n : {320, 400, 512}) {
    check_length(n);
  }
}

TEST_CASE("fft: every supported length up to 1000, and the longest, match Eigen") {
  for (int n = 4; n <= 1000; ++n) {
    if (fft_supported(n)) {
      check_length(n);
    }
  }
  check_length(kMaxFftSamples);
}

TEST_CASE("fft: lengths without a plan are refused") {
  for (const int n : {-320, 0, 1, 2, 3, 5, 14, 161, 322, kMaxFftSamples + 4, 1 << 30}) {
    CAPTURE(n);
    CHECK_FALSE(fft_supported(n));
  }
}

TEST_CASE("fft: the inverse ignores the imaginary parts of the first and last bin") {
  const int n = 320;
  Transform t(n);
  testing::Random random(7);
  std::vector<float> spectrum = random.floats(static_cast<size_t>(n) + 2);
  std::vector<float> a(static_cast<size_t>(n));
  std::vector<float> b(static_cast<size_t>(n));
  fft_inverse_f32(t.fft, spectrum.data(), t.work.data(), a.data());
  spectrum[1] = 55.0f;
  spectrum.back() = -44.0f;
  fft_inverse_f32(t.fft, spectrum.data(), t.work.data(), b.data());
  CHECK(a == b);
}

TEST_CASE("fft: silence gives exact zeros") {
  Transform t(400);
  std::vector<float> x(400, 0.0f);
  std::vector<float> spectrum(402, kGuard);
  fft_forward_f32(t.fft, x.data(), t.work.data(), spectrum.data());
  CHECK(std::all_of(spectrum.begin(), spectrum.end(), [](float v) { return v == 0.0f; }));
}

}  // namespace ligero
