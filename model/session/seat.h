// SPDX-License-Identifier: Apache-2.0
// One session's place on a Run: its target and the ramp to it, rest in silence, healing, side
// outputs, and the fall-back from an accelerator. Not: samples and gains (signal.h).
#ifndef LIGERO_MODEL_SESSION_SEAT_H_
#define LIGERO_MODEL_SESSION_SEAT_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "model/format/loader.h"
#include "model/format/profile.h"
#include "model/session/carver.h"
#include "model/session/mailbox.h"
#include "model/session/ports.h"
#include "runtime/base/arena.h"
#include "runtime/base/array.h"
#include "runtime/cpu_run.h"
#include "runtime/run.h"

namespace ligero {

/// The Run that all seats of a group share: the accelerator's until it fails, then the processor's,
/// which is always prepared and holds the side inputs.
struct SharedRun {
  enum class Place : int32_t { kProcessor, kAccelerator, kLost };

  CpuRun processor;
  std::unique_ptr<Run> accelerated;  ///< null: there is none
  std::atomic<Place> place{Place::kProcessor};

  bool is_accelerated() const noexcept {
    return place.load(std::memory_order_relaxed) == Place::kAccelerator;
  }
  Run& now() noexcept {
    return is_accelerated() ? *accelerated : static_cast<Run&>(processor);
  }
};

class Seat : public Allocated {
 public:
  /// Silence: no sample beyond two 16-bit steps, so zeros, denormals, cleaned samples, and dither
  /// of one step about any offset, which LowCut brings to two at most. After a second of it (and
  /// after the network's delay) the seat rests: it gives silence without computing, and the next
  /// sound meets a network as fresh as after reset(). Only there a session differs from a run over
  /// the whole recording: a trained LSTM that counts through minutes of nothing needs many seconds
  /// of speech to come back.
  static constexpr float kSilentSample = 2.0f / 32768.0f;
  static constexpr int32_t kRestMs = 1000;

  /// Takes its memory from `carver`; with a carver that counts, nothing else may be called. The run
  /// must outlive the seat. kTooLittleMemory. Load time.
  Status start(const Model& model,
               const Ports& ports,
               SharedRun* run,
               int32_t index,
               int32_t block_hops,
               int32_t network_hops,
               Carver* carver);

  // ---- control thread, real-time safe ----
  /// kBadArgument as check_profile().
  Status set_target(const Profile& profile) noexcept;
  void clear_target() noexcept;
  /// The newest value of side output `k`, of the hop whose voice has just gone out.
  float side_output(size_t k) const noexcept {
    return side_now_[k].load(std::memory_order_relaxed);
  }
  int64_t healed_hops() const noexcept {
    return healed_.load(std::memory_order_relaxed);
  }

  int32_t block_samples() const noexcept {
    return block_hops_ * ports_.hop_samples;
  }

  // ---- audio thread, real-time safe ----
  /// Takes over what the control thread has set since the last block, then where its hops go.
  float* open_block() noexcept;
  /// The block is in place. Whether the network is to run, and on which part of the signal.
  /// `heard`: the voice can be heard even without a target.
  bool wants_run(bool heard, Extent* extent) noexcept;
  /// The accelerator has failed: this block, if it is being run, is the first of a new signal.
  void fall_back(Turn* turn) noexcept;
  /// The voice after run() if the network `ran`; null: silence.
  const float* close_block(bool ran) noexcept;
  /// Side output `k` of so many hops, fewer than a block has, before that of side_output().
  float side_output_before(size_t k, int32_t hops) const noexcept;
  bool has_target() const noexcept {
    return has_target_;
  }
  /// The signal ends `samples` after those that the network has taken.
  void finish(int64_t samples) noexcept;
  void reset() noexcept;

 private:
  void take_target() noexcept;
  void step_target() noexcept;
  bool rests(const float* in) noexcept;
  void forget() noexcept;
  void take_side_outputs() noexcept;

  const Model* model_ = nullptr;
  Ports ports_;
  SharedRun* run_ = nullptr;
  int32_t index_ = 0;
  int32_t block_hops_ = 1;
  int32_t rest_after_ = 0;  // hops
  int32_t ramp_blocks_ = 1;

  Mailbox mailbox_;
  int32_t ramp_steps_ = 0;  // left
  bool has_target_ = false;
  bool retake_ = false;  // reset: the target in the mailbox counts as if just set

  int64_t hops_run_ = 0;     // of this signal
  int32_t silent_hops_ = 0;  // in a row, up to now; no further than rest_after_
  Extent left_;              // of the signal after those, once it has ended
  bool has_voice_ = false;   // the newest block
  Array<float> side_past_;   // [side outputs][side_rows_], a ring buffer by hops_side_
  int32_t side_rows_ = 1;
  int64_t hops_side_ = 0;
  std::atomic<float> side_now_[Ports::kMostSideOutputs] = {};
  std::atomic<int64_t> healed_{0};
};

}  // namespace ligero

#endif  // LIGERO_MODEL_SESSION_SEAT_H_
