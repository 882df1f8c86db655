// SPDX-License-Identifier: Apache-2.0
// A voice from the model's rate to its recording's, piece by piece, with what lies above the band
// that the network hears. Not: a recording at once (widen_recording() in model/session/top_band.h).
#ifndef LIGERO_PLATFORMS_CLI_SOUND_WIDENER_H_
#define LIGERO_PLATFORMS_CLI_SOUND_WIDENER_H_

#include <CLI/CLI.hpp>
#include <cstdint>
#include <span>
#include <vector>

#include "model/session/top_band.h"

namespace ligero::cli {

/// --bandwidth, of extract and live.
void add_bandwidth_option(CLI::App* command, Bandwidth* bandwidth);

/// What widen_recording() gives, of a recording that comes in pieces. Throws Refusal where this
/// build cannot convert.
class Widener {
 public:
  Widener(int32_t model_hz, int32_t file_hz, Bandwidth bandwidth);

  /// The recording itself, before what is heard of it.
  void take(std::span<const float> sound);
  /// Appends to `out` what the network heard and the voice that it made allow; either may be ahead.
  void push(std::span<const float> heard, std::span<const float> voice, std::vector<float>* out);
  /// Appends the rest, so that as many samples have come out as were taken.
  void finish(std::vector<float>* out);

 private:
  void step(size_t n, std::vector<float>* out);

  TopBand top_;
  int32_t step_;
  std::vector<float> track_;
  std::vector<float> heard_;
  std::vector<float> voice_;
  std::vector<float> sound_;  ///< from the next output on
  std::vector<float> low_;
  std::vector<float> share_;
  int64_t left_ = 0;  ///< samples taken and not yet given
};

}  // namespace ligero::cli

#endif  // LIGERO_PLATFORMS_CLI_SOUND_WIDENER_H_
