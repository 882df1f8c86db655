// SPDX-License-Identifier: Apache-2.0
// Extraction from a sound file to a sound file, piece by piece, in memory that does not grow with
// their length. Not: options and messages (extract.cc).
#ifndef LIGERO_PLATFORMS_CLI_LIVE_PIECES_H_
#define LIGERO_PLATFORMS_CLI_LIVE_PIECES_H_

#include <cstdint>
#include <span>
#include <vector>

#include "platforms/cli/live/live_file.h"
#include "platforms/cli/sound/rate.h"
#include "platforms/cli/sound/sound.h"
#include "platforms/cli/sound/widener.h"

namespace ligero::cli {

/// Mixture in, voice out, both at a file's rate, through a session at the model's.
class PieceByPiece {
 public:
  /// `live` must outlive it. What is heard and given at the model's rate is also appended to
  /// `mixture` and `voice`, where they are not null.
  PieceByPiece(LiveFile* live,
               int32_t file_hz,
               Bandwidth bandwidth,
               std::vector<float>* mixture = nullptr,
               std::vector<float>* voice = nullptr);

  /// Takes the next samples; returns those that are ready, good until the next call.
  const std::vector<float>& push(std::span<const float> samples);
  /// The rest, so that as many have come out as have gone in.
  const std::vector<float>& finish();

 private:
  void extract();
  void give();

  LiveFile& live_;
  RateConverter to_model_;
  Widener from_model_;
  int32_t file_hz_;
  int64_t taken_ = 0;
  std::vector<float> heard_;
  std::vector<float> voice_;
  std::vector<float> out_;
  std::vector<float>* all_heard_;
  std::vector<float>* all_voice_;
};

}  // namespace ligero::cli

#endif  // LIGERO_PLATFORMS_CLI_LIVE_PIECES_H_
