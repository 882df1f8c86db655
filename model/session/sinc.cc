// SPDX-License-Identifier: Apache-2.0
// A windowed sinc in a table, one row for each phase.
#include "model/session/sinc.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

namespace ligero {
namespace {

constexpr int32_t kTaps = 128;         // at the lower rate
constexpr int32_t kStride = 8;         // taps_ is a multiple: as many sums side by side
constexpr double kBandwidth = 0.95;    // of the lower rate's half
constexpr double kKaiserBeta = 10.0;

/// The modified Bessel function of order 0, by its series.
double bessel_i0(double x) {
  double sum = 1.0;
  double term = 1.0;
  for (int k = 1; term > 1e-12 * sum; ++k) {
    term *= (0.5 * x / k) * (0.5 * x / k);
    sum += term;
  }
  return sum;
}

/// The filter at `x` input samples from its middle.
float tap(double x, int32_t taps, double cutoff) {
  const double at = 2.0 * x / taps;
  if (at < -1.0 || at > 1.0) {
    return 0.0f;
  }
  const double window = bessel_i0(kKaiserBeta * std::sqrt(1.0 - at * at)) / bessel_i0(kKaiserBeta);
  const double angle = std::numbers::pi * x * cutoff;
  return static_cast<float>(cutoff * window * (angle == 0.0 ? 1.0 : std::sin(angle) / angle));
}

float dot(const float* a, const float* b, int32_t n) noexcept {
  float sums[kStride] = {};
  for (int32_t i = 0; i < n; i += kStride) {
    for (int32_t k = 0; k < kStride; ++k) {
      sums[k] += a[i + k] * b[i + k];
    }
  }
  return std::accumulate(sums, sums + kStride, 0.0f);
}

}  // namespace

bool Sinc::create(int32_t from_hz, int32_t to_hz) {
  const int32_t divisor = std::gcd(from_hz, to_hz);
  from_ = from_hz / divisor;
  to_ = to_hz / divisor;
  phases_ = std::min(to_, kMostPhases);
  const double down = std::max(1.0, static_cast<double>(from_hz) / to_hz);
  const auto wanted = static_cast<int32_t>(kTaps * down);
  taps_ = (wanted + kStride - 1) / kStride * kStride;
  if (!table_.allocate(static_cast<size_t>(phases_ + 1) * static_cast<size_t>(taps_)) ||
      !history_.allocate(static_cast<size_t>(taps_ - 1 + kPiece))) {
    return false;
  }
  float* out = table_.data();
  for (int32_t phase = 0; phase <= phases_; ++phase) {
    for (int32_t k = 0; k < taps_; ++k) {
      const double x = k - taps_ / 2 + 1 - static_cast<double>(phase) / phases_;
      *out++ = tap(x, taps_, kBandwidth / down);
    }
  }
  reset();
  return true;
}

void Sinc::reset() noexcept {
  std::fill_n(history_.data(), taps_ - 1, 0.0f);
  next_ = 0;
  fraction_ = 0;
}

float Sinc::output() const noexcept {
  const int64_t place = static_cast<int64_t>(fraction_) * phases_;
  const auto phase = static_cast<int32_t>(place / to_);
  const auto rest = static_cast<float>(place % to_) / static_cast<float>(to_);
  const float* row = table_.data() + static_cast<int64_t>(phase) * taps_;
  const float* x = history_.data() + next_;
  const float y = dot(row, x, taps_);
  return rest == 0.0f ? y : y + rest * (dot(row + taps_, x, taps_) - y);
}

int32_t Sinc::process(const float* x, int32_t n, float* y) noexcept {
  float* const begin = y;
  while (n > 0) {
    const int32_t piece = std::min(n, kPiece);
    std::copy_n(x, piece, history_.data() + taps_ - 1);
    for (; next_ < piece; fraction_ %= to_) {
      *y++ = output();
      fraction_ += from_;
      next_ += fraction_ / to_;
    }
    next_ -= piece;
    std::copy_n(history_.data() + piece, taps_ - 1, history_.data());
    x += piece;
    n -= piece;
  }
  return static_cast<int32_t>(y - begin);
}

}  // namespace ligero
