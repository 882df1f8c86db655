// SPDX-License-Identifier: Apache-2.0
// Two IIR filters: a high-pass in front of every network, which takes out DC offset and rumble, and
// one behind it, which restores the phase of the voice. Not: their callers (signal.cc for sessions,
// recording.cc and anchor.cc for whole recordings).
#ifndef LIGERO_MODEL_SESSION_LOW_CUT_H_
#define LIGERO_MODEL_SESSION_LOW_CUT_H_

#include <cstdint>
#include <span>

namespace ligero {

// Both run at the model's rate, so a network hears the same from a recording and from a session of
// any rate. Together they are a second-order high-pass at kRestoreHz of quality kRestoreQ.

/// First-order high-pass (-3 dB at 35 Hz, -17 dB at 5 Hz), which gives exactly 0 for a constant. It
/// adds no latency. Real-time safe.
class LowCut {
 public:
  static constexpr float kCutHz = 35.0f;

  LowCut() = default;
  explicit LowCut(int32_t rate_hz) noexcept {
    constexpr float kPi = 3.14159265f;
    const float g = kPi * kCutHz / static_cast<float>(rate_hz);  // tan(g), nearly
    gain_ = 1.0f / (1.0f + g);
    pole_ = (1.0f - g) * gain_;
  }
  void reset() noexcept {
    last_in_ = 0.0f;
    last_out_ = 0.0f;
  }
  float next(float x) noexcept {
    last_out_ = gain_ * (x - last_in_) + pole_ * last_out_;
    last_in_ = x;
    return last_out_;
  }

 private:
  float gain_ = 1.0f;
  float pole_ = 0.0f;
  float last_in_ = 0.0f;
  float last_out_ = 0.0f;
};

/// Undoes LowCut's lead of phase (20 degrees at 100 Hz), which would cost the voice 0.25 dB of
/// SI-SNR. Its numerator is LowCut's denominator. Its own poles lie at 15 Hz, so it does not
/// restore rumble that the network has let through (both filters: -18 dB at 5 Hz, 0 for a
/// constant). Real-time safe.
class LowRestore {
 public:
  static constexpr float kRestoreHz = 15.0f;
  static constexpr float kRestoreQ = 1.5f;

  LowRestore() = default;
  explicit LowRestore(int32_t rate_hz) noexcept {
    constexpr float kPi = 3.14159265f;
    const float g = kPi * kRestoreHz / static_cast<float>(rate_hz);
    const float damping = 1.0f / kRestoreQ;
    to_first_ = 1.0f / (1.0f + g * (g + damping));
    to_second_ = g * to_first_;
    squared_ = g * to_second_;
    band_gain_ = LowCut::kCutHz / kRestoreHz - damping;
  }
  void reset() noexcept {
    first_ = 0.0f;
    second_ = 0.0f;
  }
  /// A state variable filter of two integrators, whose errors stay small at low frequencies.
  float next(float x) noexcept {
    const float high = x - second_;
    const float band = to_first_ * first_ + to_second_ * high;
    const float low = second_ + to_second_ * first_ + squared_ * high;
    first_ = 2.0f * band - first_;
    second_ = 2.0f * low - second_;
    return x + band_gain_ * band - low;
  }

 private:
  float to_first_ = 0.0f;
  float to_second_ = 0.0f;
  float squared_ = 0.0f;
  float band_gain_ = 0.0f;
  float first_ = 0.0f;
  float second_ = 0.0f;
};

/// Filters a recording, or its next part, with `cut` and writes the result to `to` unless that is
/// null. NaN and infinities become zero and are added to `cleaned`. Returns the sum of squares of
/// the result. Any time.
double hear(std::span<const float> recording, LowCut* cut, float* to, int64_t* cleaned) noexcept;

/// Filters the network's output for a whole recording into `voice`, which must not overlap it.
/// `out` is longer by the network's delay: its first samples describe the time before the
/// recording, and only settle the filter. Any time.
void restore(std::span<const float> out, int32_t rate_hz, std::span<float> voice) noexcept;

}  // namespace ligero

#endif  // LIGERO_MODEL_SESSION_LOW_CUT_H_
