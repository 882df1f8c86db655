// SPDX-License-Identifier: Apache-2.0
// Sample rate conversion of our own, for builds without libspeexdsp that still need it (the browser).
// Not: which of the two a build has (resampler.cc).
#ifndef LIGERO_MODEL_SESSION_SINC_H_
#define LIGERO_MODEL_SESSION_SINC_H_

#include <cstdint>

#include "runtime/base/array.h"

namespace ligero {

/// The filter of libspeexdsp's quality 7, so that both sound alike: 128 taps at the lower rate, a Kaiser
/// window, images below -90 dB. One direction of a stream.
class Sinc {
 public:
  /// False without memory. Load time.
  bool create(int32_t from_hz, int32_t to_hz);
  /// Converts `n` samples; returns how many were written: at most n * to_hz / from_hz + 2. Real-time safe.
  int32_t process(const float* x, int32_t n, float* y) noexcept;
  /// Delay in input samples.
  int32_t delay_samples() const noexcept {
    return taps_ / 2;
  }
  /// Before the first sample: leaves the delay out.
  void skip_delay() noexcept {
    next_ = taps_ / 2;
  }
  /// Forgets the signal. Real-time safe.
  void reset() noexcept;

 private:
  static constexpr int32_t kPiece = 256;  ///< input samples at once
  /// More phases than these are interpolated from them; the error is below -100 dB.
  static constexpr int32_t kMostPhases = 512;

  float output() const noexcept;

  Array<float> table_;    ///< [phases_ + 1][taps_]
  Array<float> history_;  ///< the last taps_ - 1 samples, then those of a piece
  int32_t taps_ = 0;
  int32_t phases_ = 0;
  int32_t from_ = 0;  ///< both rates, without their common divisor
  int32_t to_ = 0;
  int32_t next_ = 0;      ///< where in history_ the next output's first tap is
  int32_t fraction_ = 0;  ///< how far behind that, in 1 / to_ of a sample
};

}  // namespace ligero

#endif  // LIGERO_MODEL_SESSION_SINC_H_
