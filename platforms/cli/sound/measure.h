// SPDX-License-Identifier: Apache-2.0
// SI-SNR, the one figure of merit of the tool. Not: perceptual measures (model/torch).
#ifndef LIGERO_PLATFORMS_CLI_SOUND_MEASURE_H_
#define LIGERO_PLATFORMS_CLI_SOUND_MEASURE_H_

#include <span>

namespace ligero::cli {

/// Scale-invariant signal-to-noise ratio in dB of `estimate` against `reference` (equally many
/// samples, at least one), both with their mean removed:
/// a = <e, r> / (|r|^2 + eps); 10 log10((|a r|^2 + eps) / (|e - a r|^2 + eps)), eps = 1e-8.
double si_snr_db(std::span<const float> estimate, std::span<const float> reference);

}  // namespace ligero::cli

#endif  // LIGERO_PLATFORMS_CLI_SOUND_MEASURE_H_
