// SPDX-License-Identifier: Apache-2.0
// What a first look at the samples of a file says of how to read them: which channels carry sound,
// and what full scale is. Not: reading (source.h).
#ifndef LIGERO_PLATFORMS_CLI_SOUND_SURVEY_H_
#define LIGERO_PLATFORMS_CLI_SOUND_SURVEY_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "platforms/cli/sound/level.h"

namespace ligero::cli {

/// Samples beyond so many times full scale are no sound: they count as zero, here as in a live
/// session.
inline constexpr float kMostSample = 8.0f;

class Survey {
 public:
  /// `channel`: the only one to look at, from 1; 0: all.
  Survey(int channels, int32_t rate_hz, int channel);

  void add(const float* frames, size_t count);

  /// The channels that carry sound: those within 50 dB of the loudest, offsets and samples that
  /// count as zero left out. Never none.
  std::vector<int> heard() const;
  /// What makes full scale 1: usually 1; 2^-15, 2^-23 or 2^-31 where the samples are integers
  /// stored as floats; 0 where they are beyond all of these.
  double scale() const;
  /// The largest sample that is finite.
  double peak() const {
    return peak_;
  }

 private:
  size_t channels_;
  size_t first_;               ///< of the channels that are looked at
  std::vector<Level> sound_;   ///< of the samples up to kMostSample
  std::vector<Level> finite_;  ///< of all samples that are finite
  double peak_ = 0.0;
  int64_t nonzero_ = 0;
  int64_t beyond_ = 0;  ///< kMostSample
};

}  // namespace ligero::cli

#endif  // LIGERO_PLATFORMS_CLI_SOUND_SURVEY_H_
