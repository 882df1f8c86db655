// SPDX-License-Identifier: Apache-2.0
// File rate to model rate, the session, and back.
#include "platforms/cli/live/pieces.h"

namespace ligero::cli {

PieceByPiece::PieceByPiece(LiveFile* live,
                           int32_t file_hz,
                           Bandwidth bandwidth,
                           std::vector<float>* mixture,
                           std::vector<float>* voice)
    : live_(*live),
      to_model_(file_hz, live->rate_hz()),
      from_model_(live->rate_hz(), file_hz, bandwidth),
      file_hz_(file_hz),
      all_heard_(mixture),
      all_voice_(voice) {}

// What has been heard, through the session.
void PieceByPiece::extract() {
  live_.push(heard_, &voice_);
  if (all_heard_ != nullptr) {
    all_heard_->insert(all_heard_->end(), heard_.begin(), heard_.end());
  }
}

// What the session has given, at the file's rate.
void PieceByPiece::give() {
  if (all_voice_ != nullptr) {
    all_voice_->insert(all_voice_->end(), voice_.begin(), voice_.end());
  }
  from_model_.push(heard_, voice_, &out_);
  heard_.clear();
  voice_.clear();
}

const std::vector<float>& PieceByPiece::push(std::span<const float> samples) {
  out_.clear();
  taken_ += static_cast<int64_t>(samples.size());
  from_model_.take(samples);
  to_model_.push(samples, &heard_);
  extract();
  give();
  return out_;
}

const std::vector<float>& PieceByPiece::finish() {
  out_.clear();
  to_model_.finish(samples_at(taken_, file_hz_, live_.rate_hz()), &heard_);
  extract();
  live_.finish(&voice_);
  give();
  from_model_.finish(&out_);
  return out_;
}

}  // namespace ligero::cli
