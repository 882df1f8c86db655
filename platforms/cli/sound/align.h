// SPDX-License-Identifier: Apache-2.0
// By how much a recording is late against another. Not: the measure of likeness (measure.h).
#ifndef LIGERO_PLATFORMS_CLI_SOUND_ALIGN_H_
#define LIGERO_PLATFORMS_CLI_SOUND_ALIGN_H_

#include <cstdint>
#include <span>

namespace ligero::cli {

/// The lag, at most `most_samples` either way, at which estimate[t + lag] is most like
/// reference[t]: where the absolute value of their cross-correlation is largest (a recording may be
/// upside down). Memory and time per sample grow with `most_samples`, not with the recordings.
int64_t find_lag(std::span<const float> estimate,
                 std::span<const float> reference,
                 int64_t most_samples);

}  // namespace ligero::cli

#endif  // LIGERO_PLATFORMS_CLI_SOUND_ALIGN_H_
