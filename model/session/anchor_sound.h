// SPDX-License-Identifier: Apache-2.0
// What an anchor sounds like: pitch, changes of level, mains hum. Not: levels and advice
// (anchor.h).
#ifndef LIGERO_MODEL_SESSION_ANCHOR_SOUND_H_
#define LIGERO_MODEL_SESSION_ANCHOR_SOUND_H_

#include <cstdint>
#include <span>

#include "model/session/anchor.h"
#include "runtime/base/status.h"

namespace ligero {

/// The rate of all recordings here.
inline constexpr int32_t kSoundRateHz = 16000;

/// Sets voiced_share, steady_share and level_change_db of `q`, whose threshold is set. `samples`:
/// as hear() gave them; `level`: of each frame of them. Load time.
void measure_sound(std::span<const float> samples, std::span<const double> level, AnchorQuality* q);

/// Sets hum_hz and hum_db where hum is in the recording as it is. kTooLittleMemory. Load time.
Status measure_hum(std::span<const float> samples, AnchorQuality* q);

}  // namespace ligero

#endif  // LIGERO_MODEL_SESSION_ANCHOR_SOUND_H_
