// SPDX-License-Identifier: Apache-2.0
// Blocks of so many seconds, and those in which a long recording runs: the tool and the C library
// share them, so that both give the same bits. Not: sessions that run in blocks (session.h).
#ifndef LIGERO_MODEL_SESSION_BLOCKS_H_
#define LIGERO_MODEL_SESSION_BLOCKS_H_

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "model/format/loader.h"
#include "model/session/config.h"
#include "model/session/session.h"

namespace ligero {

/// Longer recordings run in a session: run at once, memory grows with the length.
inline constexpr double kMostWholeSeconds = 60.0;

/// A block of so many seconds, of context before and of look-ahead behind it, in hops of the model.
inline BlockConfig blocks_of(const Model& model,
                             double block_s,
                             double context_s,
                             double look_ahead_s) {
  const double hops_per_second = static_cast<double>(model.rate_hz()) / model.hop_samples();
  const auto hops = [hops_per_second](double seconds) {
    return static_cast<int32_t>(std::lround(seconds * hops_per_second));
  };
  return {std::max(1, hops(block_s)), hops(context_s), hops(look_ahead_s)};
}

/// Whether `model` can run frame by frame.
inline bool runs_frame_by_frame(const Model& model) {
  const Status status = plan_sessions(model, {}).status();
  return status.code != Code::kBadArgument || status.index < 0;
}

/// Of a long recording: none where the model can run frame by frame, which forgets only where a seat
/// rests (Seat::kSilentSample); else long ones, so that little is computed twice. There is no hurry.
inline BlockConfig file_blocks(const Model& model) {
  return runs_frame_by_frame(model) ? BlockConfig{} : blocks_of(model, 10.0, 2.0, 2.0);
}

}  // namespace ligero

#endif  // LIGERO_MODEL_SESSION_BLOCKS_H_
