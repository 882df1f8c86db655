// SPDX-License-Identifier: Apache-2.0
// Live sessions: any rate, block size and number of channels in, the target's voice out; frame by
// frame or, for models that need more than the past, block by block; one session, or many of one
// model that run together. Not: audio devices, whole recordings (recording.h).
#ifndef LIGERO_MODEL_SESSION_SESSION_H_
#define LIGERO_MODEL_SESSION_SESSION_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "model/format/loader.h"
#include "model/format/profile.h"
#include "model/session/config.h"
#include "model/session/ports.h"
#include "model/session/seat.h"
#include "model/session/signal.h"
#include "model/session/voice_sum.h"
#include "runtime/base/arena.h"
#include "runtime/base/array.h"
#include "runtime/base/status.h"
#include "runtime/cpu_run.h"

namespace ligero {

/// What sessions of one model and configuration need: made once, then consumed by start().
struct SessionPlan {
  const Model* model = nullptr;
  SessionConfig config;
  int32_t sessions = 1;
  Ports ports;
  Plan plan;                 ///< of all sessions together, on the processor
  SignalSizes sizes;         ///< of one session
  int32_t network_hops = 0;  ///< from a hop in to the same hop out
  size_t bytes = 0;          ///< of the block that start() needs
};

/// `model` must outlive plan and sessions. kBadArgument: rate, channels, block, targets (more than one
/// of a network without a profile) or number of sessions (with their targets 1 to
/// SessionGroup::kMostSeats) out of range, or, frame by frame, a graph that needs
/// the whole sequence (Status::index: the node of graph "extract"). Block by block no graph is
/// refused for that; one that needs the past alone gives what it gives frame by frame, a block
/// later. kBadModel as extract_ports(). Load time.
Result<SessionPlan> plan_sessions(const Model& model,
                                  const SessionConfig& config,
                                  int32_t sessions = 1);

struct SessionStatistics {
  int64_t samples = 0;          ///< per channel, since start or reset
  int64_t cleaned_samples = 0;  ///< NaN, infinite or beyond Signal::kLoudestSample, at entry
  int64_t healed_hops = 0;      ///< the network gave no number, and was reset
  bool accelerated = false;     ///< computes on the accelerator
  bool accelerator_lost =
      false;  ///< that has failed; the processor took over and forgot the signal
};

/// One session of a group. Each of its targets has a seat on the network, which costs state,
/// activations and time only while the target is set. set_target(), clear_target(), set_strength(), set_bypass(),
/// side_output() and statistics() belong to one control thread, finish() and reset() to the audio
/// thread. None allocates, locks, waits or calls the system.
struct Session : Allocated {
  /// Whose voice to pass. The first target fades in; a later one is reached over 50 ms, by
  /// interpolating the profile's tensors. kBadArgument as check_profile().
  Status set_target(const Profile& profile, int32_t target = 0) noexcept {
    return first_seat[target].set_target(profile);
  }
  /// Back to silence (or passing), without a click. Without effect where the network takes no
  /// profile.
  void clear_target(int32_t target = 0) noexcept {
    first_seat[target].clear_target();
  }
  /// strength: 0 (the input) to 1 (the voice alone); limit_db: the most by which all else is
  /// attenuated, 100 and above: no limit. Values out of range are clamped.
  void set_strength(float strength, float limit_db) noexcept {
    signal.set_strength(strength, limit_db);
  }
  /// The input, delayed by the same latency. Fades.
  void set_bypass(bool bypass) noexcept {
    signal.set_bypass(bypass);
  }
  /// Says that the signal has ended: later samples only flush the delay. The network then sees an
  /// end where the signal ends, as in a whole recording. A second call changes nothing, until
  /// reset().
  void finish() noexcept;
  /// Forgets the signal; target and settings stay.
  void reset() noexcept;

  /// From an input sample to the same sample of the output, at the session's rate.
  int32_t latency_samples() const noexcept {
    return signal.latency();
  }
  /// Side output `k` of the ports, of the hop whose voice has last gone out; 0 while the network
  /// does not run.
  float side_output(size_t k, int32_t target = 0) const noexcept {
    return first_seat[target].side_output(k);
  }
  SessionStatistics statistics() const noexcept;

  // What SessionGroup works on.
  bool has_target() const noexcept;
  std::span<Seat> seats() const noexcept {  ///< one for each target
    return {first_seat, static_cast<size_t>(kMostTargets == 1 ? 1 : num_targets)};
  }
  Signal signal;
  Seat* first_seat = nullptr;
  int32_t num_targets = 1;
  VoiceSum sum;           ///< of several targets
  const SharedRun* run = nullptr;
  std::atomic<int64_t> samples{0};
};

/// Sessions of one model and configuration, each with a signal and target of its own. They share
/// one Run: a further session costs its state and activations, and a hop of all of them is computed
/// node by node, so that weights are read once. One thread at a time calls process().
class SessionGroup : public Allocated {
 public:
  /// As many as a GPU takes in one launch; each session takes one for each of its targets.
  static constexpr int32_t kMostSeats = 65535;

  /// Prepares in `block` (64-byte aligned, at least plan.bytes, outlives the group; small tables
  /// and the resamplers' filters come from take_bytes()). kTooLittleMemory: Status::where has the bytes
  /// needed; kBadArgument: the block is not aligned; errors of the accelerator's open(). Load time.
  Status start(SessionPlan&& plan, void* block, size_t bytes);

  int32_t sessions() const noexcept {
    return static_cast<int32_t>(progress_.size());
  }
  int32_t channels() const noexcept {
    return channels_;
  }
  /// Of each session.
  int32_t targets() const noexcept {
    return targets_;
  }
  Session& operator[](int32_t s) noexcept {
    return sessions_[static_cast<size_t>(s)];
  }
  const Session& operator[](int32_t s) const noexcept {
    return sessions_[static_cast<size_t>(s)];
  }
  const Ports& ports() const noexcept {
    return ports_;
  }
  /// Of the network's part of the block.
  const MemoryReport& memory() const noexcept {
    return run_.processor.plan().memory;
  }

  /// in[s * channels + c] and out[s * channels + c] are channel c of session s: `frames` samples,
  /// full scale 1; an output may be its input's memory. Any `frames` from 0. A session whose first
  /// input is null stands still: nothing of it changes, and its outputs are not written. The output
  /// lags by latency_samples(). Block by block a call that completes a block computes all of it and
  /// its look-ahead. Neither allocates, locks nor calls the system, and never waits, but for an
  /// accelerator.
  void process(const float* const* in, float* const* out, int32_t frames) noexcept;

 private:
  /// How far a session has come in a call.
  struct Progress {
    int32_t at;  ///< samples done
    bool waits;  ///< `piece` has been taken, and its block is full
    Piece piece;
  };
  bool advance(const float* const* in, float* const* out, int32_t frames) noexcept;
  void run_blocks() noexcept;
  bool open_blocks() noexcept;
  void close_blocks() noexcept;

  Ports ports_;
  int32_t channels_ = 0;
  int32_t targets_ = 1;
  SharedRun run_;
  std::unique_ptr<Session[]> sessions_;
  std::unique_ptr<Seat[]> seats_;  // of session s from s * targets_ on
  Array<Progress> progress_;
  Array<Turn> turns_;  // of the seats
};

}  // namespace ligero

#endif  // LIGERO_MODEL_SESSION_SESSION_H_
