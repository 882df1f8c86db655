// SPDX-License-Identifier: Apache-2.0
// Samples of one session on their way to the network and back: rates, channels, queues, cleaning,
// the filters of low_cut.h, what lies above the band, gains, latency. Not: the network (seat.h).
#ifndef LIGERO_MODEL_SESSION_SIGNAL_H_
#define LIGERO_MODEL_SESSION_SIGNAL_H_

#include <atomic>
#include <cstdint>

#include "model/session/carver.h"
#include "model/session/config.h"
#include "model/session/fifo.h"
#include "model/session/low_cut.h"
#include "model/session/ports.h"
#include "model/session/resampler.h"
#include "model/session/top_band.h"
#include "runtime/base/status.h"

namespace ligero {

/// Sizes that follow from rates and blocks.
struct SignalSizes {
  int32_t block_samples = 0;   ///< at the model's rate, that the network computes at a time
  int32_t primed = 0;          ///< zeros before the first voice: a block waits until it is full
  int32_t latency = 0;         ///< samples at the session's rate, from input to output
  int32_t most_resampled = 0;  ///< samples of one conversion
  int32_t model_in = 0;        ///< capacities of the queues
  int32_t voice = 0;
  int32_t dry = 0;
  int32_t heard = 0;  ///< 0 where there is no top, as the next two
  int32_t track = 0;
  int32_t late = 0;  ///< samples at the model's rate, from what is heard to its voice
};

/// Samples that are on their way, none of them after the end of a block, and the gains that hold
/// for them.
struct Piece {
  int32_t frames = 0;
  float dry_goal = 0.0f;
  float voice_goal = 0.0f;
};

/// In this order, for each piece: take(), every full block through the network, give().
class Signal {
 public:
  /// A sample beyond this (18 dB over full scale) is garbage and counts as zero.
  static constexpr float kLoudestSample = 8.0f;

  /// kBadArgument: rate, channels or their mask out of range. `network_hops`: delay of the network;
  /// `block_hops`: that it computes at a time. Load time.
  static Result<SignalSizes> sizes(const SessionConfig& config,
                                   const Ports& ports,
                                   int32_t block_hops,
                                   int32_t network_hops);
  /// Takes its memory from `carver`; with a carver that counts, nothing else may be called. Load
  /// time.
  Status start(const SessionConfig& config,
               const Ports& ports,
               const SignalSizes& sizes,
               Carver* carver);

  /// Takes at most `most` samples of each channel from `at` on. `has_target`: whether the network
  /// gives a voice now. Real-time safe, as all that follows.
  Piece take(const float* const* in, int32_t at, int32_t most, bool has_target) noexcept;
  bool block_is_full() const noexcept {
    return model_in_.size() >= sizes_.block_samples;
  }
  void pop_block(float* hops) noexcept {
    model_in_.pop(hops, sizes_.block_samples);
  }
  /// One block of the voice; null: silence, and the filter behind the network starts anew.
  void push_voice(const float* hops) noexcept;
  void give(const Piece& piece, float* const* out, int32_t at) noexcept;

  /// Whether the voice can be heard, if only while it fades.
  bool voice_is_heard() const noexcept {
    return voice_gain_ > 0.0f;
  }
  /// The signal has ended. Returns how many samples at the model's rate have gone in and are not
  /// yet in a block.
  int64_t finish() noexcept;
  void reset() noexcept;
  int32_t latency() const noexcept {
    return sizes_.latency;
  }

  // Control thread.
  void set_strength(float strength, float limit_db) noexcept;
  void set_bypass(bool bypass) noexcept {
    bypass_.store(bypass, std::memory_order_relaxed);
  }
  int64_t cleaned() const noexcept {
    return cleaned_.load(std::memory_order_relaxed);
  }

 private:
  int32_t mix(const float* const* in, int32_t at, int32_t frames) noexcept;

  int32_t rate_hz_ = 0;
  int32_t channels_ = 1;
  uint32_t channel_mask_ = 1;  // the channels that are heard
  int32_t heard_channels_ = 1;
  bool pass_without_target_ = false;
  SignalSizes sizes_;
  int32_t model_rate_hz_ = 0;
  int32_t hop_samples_ = 0;
  Resampler to_model_;
  TopBand from_model_;
  LowCut cut_;
  LowRestore restore_;
  Fifo model_in_;  // at the model's rate
  Fifo heard_;     // at the model's rate, with what lies below the voice
  Fifo voice_;     // at the session's rate
  Fifo share_;     // at the session's rate: of dry_, that belongs to the voice
  Fifo dry_;       // at the session's rate
  float* mono_ = nullptr;
  float* resampled_ = nullptr;
  float* below_ = nullptr;  // what was heard, of a step; with a top alone, as the next
  float* shares_ = nullptr;
  float dry_gain_ = 0.0f;
  float voice_gain_ = 0.0f;
  std::atomic<float> dry_gain_goal_{0.0f};
  std::atomic<bool> bypass_{false};
  std::atomic<int64_t> cleaned_{0};
};

}  // namespace ligero

#endif  // LIGERO_MODEL_SESSION_SIGNAL_H_
