// SPDX-License-Identifier: Apache-2.0
// Sample rate conversion by libspeexdsp, or in the browser by sinc.h. Not: queues.
#ifndef LIGERO_MODEL_SESSION_RESAMPLER_H_
#define LIGERO_MODEL_SESSION_RESAMPLER_H_

#include <cstdint>
#include <memory>
#include <span>

#include "runtime/base/array.h"
#include "runtime/base/status.h"

namespace ligero {

/// One direction of a stream. Equal rates pass through without delay.
class Resampler {
 public:
#if defined(LIGERO_WITH_SPEEXDSP) || defined(LIGERO_WITH_SINC)
  static constexpr bool kConverts = true;  ///< whether this build has other rates than equal ones
#else
  static constexpr bool kConverts = false;
#endif

  Resampler();
  Resampler(Resampler&&) noexcept;
  Resampler& operator=(Resampler&&) noexcept;
  ~Resampler();

  /// Rates in Hz, 8000 to 192000. kBadArgument where out of range; kUnsupportedModel where rates
  /// differ and this build has no resampler; kTooLittleMemory. Allocates; load time.
  static Result<Resampler> create(int32_t from_hz, int32_t to_hz);

  /// Most output samples that `n` input samples can give at once.
  int32_t most_output(int32_t n) const noexcept;
  /// Converts `n` samples; returns how many were written. Real-time safe.
  int32_t process(const float* x, int32_t n, float* y) noexcept;
  /// Delay from input to output, in seconds.
  double delay_s() const noexcept;
  /// Before the first sample: leaves the delay out. Output sample n is then the signal at the time
  /// of input sample n * from_hz / to_hz, exactly, and comes once half a filter more has gone in.
  /// For recordings. Any time.
  void skip_delay() noexcept;
  /// Forgets the signal. Real-time safe.
  void reset() noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;  ///< null: equal rates
};

/// Samples at `to_hz` that last as long as `samples` at `from_hz`, rounded up.
int64_t samples_at(int64_t samples, int32_t from_hz, int32_t to_hz);

/// A whole recording of `channels` interleaved channels as mono of `to_hz` in `out`: samples_at()
/// of them, aligned as after skip_delay(), zeros outside. Errors as Resampler::create(). Load time.
Status resample_recording(std::span<const float> samples,
                          int32_t channels,
                          int32_t from_hz,
                          int32_t to_hz,
                          Array<float>* out);

}  // namespace ligero

#endif  // LIGERO_MODEL_SESSION_RESAMPLER_H_
