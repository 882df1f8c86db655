// SPDX-License-Identifier: Apache-2.0
// What a first look at all samples of a file says of how they are to be read: which channels carry
// sound, and what full scale is. Not: reading (source.h).
#ifndef LIGERO_PLATFORMS_CLI_SOUND_SURVEY_H_
#define LIGERO_PLATFORMS_CLI_SOUND_SURVEY_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace ligero::cli {

/// Samples beyond so many times full scale are no sound: they count as zero, here as in a live
/// session.
inline constexpr float kMostSample = 8.0f;

class Survey {
 public:
  explicit Survey(int channels) : energy_(static_cast<size_t>(channels)) {}

  void add(const float* frames, size_t count);

  /// The channels that carry sound: those within 50 dB of the loudest. Never none.
  std::vector<int> heard() const;
  /// What makes full scale 1: usually 1; 2^-15, 2^-23 or 2^-31 where the samples are integers stored
  /// as floats; 0 where they are beyond all of these.
  double scale() const;
  /// The largest sample that is finite.
  double peak() const {
    return peak_;
  }

 private:
  std::vector<double> energy_;
  double peak_ = 0.0;
  int64_t nonzero_ = 0;
  int64_t beyond_ = 0;  ///< kMostSample
};

}  // namespace ligero::cli

#endif  // LIGERO_PLATFORMS_CLI_SOUND_SURVEY_H_
