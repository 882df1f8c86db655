// Recordings from one sample rate to another, aligned to the sample, at once or piece by piece. Not:
// live streams (model/speech/stream.h).
#ifndef LIGERO_PLATFORMS_CLI_RATE_H_
#define LIGERO_PLATFORMS_CLI_RATE_H_

#include <cstdint>
#include <span>
#include <vector>

#include "model/speech/resampler.h"

namespace ligero::cli {

/// Rates of sound files that the tool takes.
inline constexpr int32_t kLowestFileHz = 8000;
inline constexpr int32_t kHighestFileHz = 96000;

/// Samples at `to_hz` that last as long as `samples` at `from_hz`, rounded up.
int64_t samples_at(int64_t samples, int32_t from_hz, int32_t to_hz);

/// Converts a recording piece by piece: sample n of what comes out is the signal at the time of
/// sample n * from_hz / to_hz of what has gone in, exactly, as far as the lower rate carries it; zeros
/// lie outside. Throws Refusal where this build cannot convert.
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
  int64_t skipped_ = 0;  ///< samples still to be left out
  int64_t given_ = 0;
};

/// `count` samples at `to_hz` of a whole recording, as RateConverter.
std::vector<float> convert_rate(std::span<const float> samples,
                                int32_t from_hz,
                                int32_t to_hz,
                                int64_t count);

}  // namespace ligero::cli

#endif  // LIGERO_PLATFORMS_CLI_RATE_H_
