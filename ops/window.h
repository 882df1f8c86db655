// SPDX-License-Identifier: Apache-2.0
// Analysis windows, in double; rounded once by those who store them. Not: a transform.
#ifndef LIGERO_OPS_WINDOW_H_
#define LIGERO_OPS_WINDOW_H_

#include <cmath>
#include <cstdint>

namespace ligero {

inline constexpr double kPi = 3.141592653589793238462643383280;

/// Periodic Hann window of n samples: sin^2(pi i / n).
inline double hann(int32_t i, int32_t n) {
  const double s = std::sin(kPi * i / n);
  return s * s;
}

/// Its square root.
inline double sqrt_hann(int32_t i, int32_t n) {
  return std::sin(kPi * i / n);
}

/// A quarter sine over all but `fall` of n samples, then the second half of a square root of Hann of
/// 2 fall samples (Mauler and Martin's analysis window: a long frame of low delay).
inline double long_rise(int32_t i, int32_t n, int32_t fall) {
  const int32_t rise = n - fall;
  return i < rise ? std::sin(0.5 * kPi * i / rise) : std::cos(0.5 * kPi * (i - rise) / fall);
}

/// Periodic Hamming window of n samples.
inline double hamming(int32_t i, int32_t n) {
  return 0.54 - 0.46 * std::cos(2.0 * kPi * i / n);
}

/// Kaldi's window named after D. Povey: Hann's to the power of 0.85.
inline double povey(int32_t i, int32_t n) {
  return std::pow(hann(i, n), 0.85);
}

}  // namespace ligero

#endif  // LIGERO_OPS_WINDOW_H_
