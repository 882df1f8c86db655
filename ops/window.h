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

/// What gives back a signal that a periodic Hann window of n samples has cut into frames half a
/// window apart: the window over the sum of the squares of the two that meet at a sample.
inline double hann_synthesis(int32_t i, int32_t n) {
  const double a = hann(i, n);
  const double b = hann((i + n / 2) % n, n);
  return a / (a * a + b * b);
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
