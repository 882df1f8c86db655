// SPDX-License-Identifier: Apache-2.0
// What lies below the voice (DC offset, rumble) is taken out in front of every network: an IIR
// filter there, and one behind that gives the voice back its phase. Not: who calls them (signal.cc
// for sessions, recording.cc and anchor.cc for whole recordings).
#ifndef LIGERO_MODEL_SESSION_LOW_CUT_H_
#define LIGERO_MODEL_SESSION_LOW_CUT_H_

#include <cstdint>
#include <span>

namespace ligero {

// Both run at the model's rate, so that a recording and a session of any rate give the network the
// same. Together they are a second-order high-pass at kRestoreHz of quality kRestoreQ.

/// First-order high-pass (-3 dB at 35 Hz, -17 dB at 5 Hz), which gives exactly 0 for a constant.
/// Without delay: what it adds to the latency is nothing. Real-time safe.
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
/// SI-SNR: its numerator is LowCut's denominator. Its own poles lie at 15 Hz, so that rumble that
/// the network let through does not come back (5 Hz: -18 dB in all, and a constant 0). Real-time
/// safe.
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

/// Writes to `to` (null: nowhere) what a network hears of a whole recording, or of one that follows
/// on what `cut` has filtered: NaN and infinities as zero, which are added to `cleaned`, and
/// nothing below the voice. Returns the sum of squares. Any time.
double hear(std::span<const float> recording, LowCut* cut, float* to, int64_t* cleaned) noexcept;

/// The voice of a whole recording from what the network gave, which begins earlier than `voice`
/// with what describes the time before the recording. They may not overlap. Any time.
void restore(std::span<const float> out, int32_t rate_hz, std::span<float> voice) noexcept;

}  // namespace ligero

#endif  // LIGERO_MODEL_SESSION_LOW_CUT_H_
