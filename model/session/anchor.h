// SPDX-License-Identifier: Apache-2.0
// How good an anchor is, and what its speaker could do better. Not: the profile (recording.h).
#ifndef LIGERO_MODEL_SESSION_ANCHOR_H_
#define LIGERO_MODEL_SESSION_ANCHOR_H_

#include <cstdint>
#include <span>

#include "runtime/base/status.h"

namespace ligero {

/// A recording is judged by frames of 20 ms.
constexpr int64_t anchor_frame_samples(int32_t rate_hz) {
  constexpr int32_t kFramesPerSecond = 50;
  return rate_hz / kFramesPerSecond;
}

/// Of one recording. Levels are in dB relative to full scale, at least -200, after LowCut
/// (low_cut.h).
struct AnchorQuality {
  double seconds = 0.0;
  double speech_seconds = 0.0;   ///< of frames that stand out of the noise
  double speech_db = -200.0;     ///< RMS of those frames
  double noise_db = -200.0;      ///< level below which a tenth of the frames lie
  double threshold_db = 0.0;     ///< frames from here on count as speech
  double clipped_share = 0.0;    ///< samples at or over full scale, 0 to 1
  int64_t cleaned_samples = 0;   ///< NaN or infinite, taken as zero
  double offset = 0.0;           ///< the mean: a DC offset of the sound card or microphone
  double offset_db = -200.0;     ///< its level
  bool judged = false;           ///< long enough, and of 16 kHz: what follows is measured
  double hum_hz = 0.0;           ///< 50 or 60 where mains hum is there; else 0
  double hum_db = -200.0;        ///< its level, harmonics included
  double voiced_share = 0.0;     ///< speech frames with a pitch; of speech about 0.7
  double steady_share = 0.0;     ///< voiced frames whose pitch the next one has too; of speech 0.2
  double level_change_db = 0.0;  ///< from a frame to the next; of speech about 4
};

/// What to do for a better profile, most pressing first.
enum class AnchorAdvice : uint8_t {
  kNone,
  kSpeakLonger,
  kSpeakUp,
  kTurnDown,
  kQuieterPlace,
  kNoVoice,   ///< noise or a whisper
  kNoSpeech,  ///< music or a tone
};

/// From this level on an offset is worth naming.
inline constexpr double kOffsetDb = -55.0;

/// RMS of a frame that hear() gave, -200 dB at least.
double frame_level_db(std::span<const float> frame);

/// Measures a 16 kHz mono recording. kTooLittleMemory. Load time.
Result<AnchorQuality> measure_anchor(std::span<const float> samples, int32_t rate_hz);

AnchorAdvice advice(const AnchorQuality& quality);

/// The advice as a sentence for the person who enrols; "" for kNone.
const char* describe(AnchorAdvice advice);

}  // namespace ligero

#endif  // LIGERO_MODEL_SESSION_ANCHOR_H_
