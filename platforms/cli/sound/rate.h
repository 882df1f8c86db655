// SPDX-License-Identifier: Apache-2.0
// Recordings from one sample rate to another, piece by piece, aligned to the sample. Not: the
// filter, a recording at once (model/session/resampler.h), live streams (model/session/session.h).
#ifndef LIGERO_PLATFORMS_CLI_SOUND_RATE_H_
#define LIGERO_PLATFORMS_CLI_SOUND_RATE_H_

#include <cstdint>
#include <span>
#include <vector>

#include "model/session/resampler.h"

namespace ligero::cli {

/// What speech is compared and drawn at, and what the networks that ship hear.
inline constexpr int32_t kSampleRateHz = 16000;
/// Rates of sound files that the tool takes.
inline constexpr int32_t kLowestFileHz = 8000;
inline constexpr int32_t kHighestFileHz = 96000;

/// What resample_recording() gives, of a recording that comes in pieces. Throws Refusal where this
/// build cannot convert.
class RateConverter {
 public:
  RateConverter(int32_t from_hz, int32_t to_hz);

  /// Appends to `out` what `samples` allow.
  void push(std::span<const float> samples, std::vector<float>* out);
  /// Appends the rest, so that `count` samples have come out in all.
  void finish(int64_t count, std::vector<float>* out);

 private:
  Resampler resampler_;
  std::vector<float> converted_;
  int64_t given_ = 0;
};

}  // namespace ligero::cli

#endif  // LIGERO_PLATFORMS_CLI_SOUND_RATE_H_
