// Whole recordings from one sample rate to another, aligned to the sample. Not: live streams
// (model/speech/stream.h).
#ifndef LIGERO_PLATFORMS_CLI_RATE_H_
#define LIGERO_PLATFORMS_CLI_RATE_H_

#include <cstdint>
#include <span>
#include <vector>

namespace ligero::cli {

/// Rates of sound files that the tool takes.
inline constexpr int32_t kLowestFileHz = 8000;
inline constexpr int32_t kHighestFileHz = 96000;

/// Samples at `to_hz` that last as long as `samples` at `from_hz`, rounded up.
int64_t samples_at(int64_t samples, int32_t from_hz, int32_t to_hz);

/// `count` samples at `to_hz`: sample n is the signal at the time of sample n * from_hz / to_hz of
/// `samples`, exactly, as far as the lower rate carries it; zeros lie outside. Throws Refusal where
/// this build cannot convert.
std::vector<float> convert_rate(std::span<const float> samples,
                                int32_t from_hz,
                                int32_t to_hz,
                                int64_t count);

}  // namespace ligero::cli

#endif  // LIGERO_PLATFORMS_CLI_RATE_H_
