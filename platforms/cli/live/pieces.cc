// SPDX-License-Identifier: Apache-2.0
// File rate to model rate, the session, and back.
#include "platforms/cli/live/pieces.h"

namespace ligero::cli {

PieceByPiece::PieceByPiece(LiveFile* live,
                           int32_t file_hz,
                           std::vector<float>* mixture,
                           std::vector<float>* voice)
    : live_(*live),
      to_model_(file_hz, live->rate_hz()),
      from_model_(live->rate_hz(), file_hz),
      file_hz_(file_hz),
      all_heard_(mixture),
      all_voice_(voice) {}

void PieceByPiece::extract() {
  live_.push(heard_, &voice_);
  if (all_heard_ != nullptr) {
    all_heard_->insert(all_heard_->end(), heard_.begin(), heard_.end());
  }
  heard_.clear();
}

const std::vector<float>& PieceByPiece::push(std::span<const float> samples) {
  taken_ += static_cast<int64_t>(samples.size());
  to_model_.push(samples, &heard_);
  extract();
  return give();
}

const std::vector<float>& PieceByPiece::finish() {
  to_model_.finish(samples_at(taken_, file_hz_, live_.rate_hz()), &heard_);
  extract();
  live_.finish(&voice_);
  give();
  from_model_.finish(taken_, &out_);
  return out_;
}

const std::vector<float>& PieceByPiece::give() {
  if (all_voice_ != nullptr) {
    all_voice_->insert(all_voice_->end(), voice_.begin(), voice_.end());
  }
  out_.clear();
  from_model_.push(voice_, &out_);
  voice_.clear();
  return out_;
}

}  // namespace ligero::cli
