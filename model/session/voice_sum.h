// SPDX-License-Identifier: Apache-2.0
// The voices of several targets as one signal: each fades in and out by itself, and their sum is never
// louder than full scale or, if one of them is louder alone, than that one. Not: one target (session.cc).
#ifndef LIGERO_MODEL_SESSION_VOICE_SUM_H_
#define LIGERO_MODEL_SESSION_VOICE_SUM_H_

#include <cstdint>

#include "model/session/carver.h"

namespace ligero {

/// For each block: begin(), add() for every target, take(). Real-time safe but for start().
class VoiceSum {
 public:
  /// Takes its memory from `carver`, which may count. Load time.
  void start(int32_t targets, int32_t block_samples, int32_t rate_hz, Carver* carver);
  void reset() noexcept;

  /// Whether the target's voice is in the sum, if only while it fades.
  bool is_heard(int32_t target) const noexcept {
    return gains_[target] > 0.0f;
  }

  /// `heard`: the sum can be heard. If not, voices do not fade: who hears the sum fades it.
  void begin(bool heard) noexcept;
  /// `voice`: a block, or null for silence. `wanted`: the target is set; if not, its voice fades out.
  void add(int32_t target, const float* voice, bool wanted) noexcept;
  /// The block's sum; null: all were silent. Valid until begin().
  const float* take() noexcept;

 private:
  int32_t targets_ = 0;
  int32_t block_samples_ = 0;
  float fade_step_ = 1.0f;     // of a voice's gain, per sample
  float release_step_ = 1.0f;  // of the limit, per block
  float* gains_ = nullptr;     // of each voice
  float* sum_ = nullptr;
  bool any_ = false;
  bool heard_ = false;
  float loudest_ = 0.0f;  // of the voices of this block alone
  float limit_ = 1.0f;    // gain of the sum
};

}  // namespace ligero

#endif  // LIGERO_MODEL_SESSION_VOICE_SUM_H_
