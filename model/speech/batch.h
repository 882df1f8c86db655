// Live sessions of one model that go on together, so that a GPU computes a hop of all of them at
// once. Not: the session itself (stream.h).
#ifndef LIGERO_MODEL_SPEECH_BATCH_H_
#define LIGERO_MODEL_SPEECH_BATCH_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "model/speech/graph_run.h"
#include "model/speech/stream.h"
#include "runtime/base/array.h"
#include "runtime/base/status.h"
#include "runtime/device.h"

namespace ligero {

/// The model must outlive it. One thread at a time calls process(); otherwise the sessions are
/// controlled as any Stream.
class Batch {
 public:
  /// As many as a GPU takes in one launch.
  static constexpr int32_t kMostSessions = 65535;

  /// `sessions` streams of one model and configuration; those of a device share one run of it, and
  /// one copy of the weights. Errors as Stream::create(), and kBadArgument where `sessions` is not
  /// 1 to kMostSessions (Status::where). Allocates all its memory. Load time.
  Status create(const Model& model, const StreamConfig& config, int32_t sessions);

  int32_t sessions() const noexcept {
    return sessions_;
  }
  /// Session s: its target, strength, bypass, reset and statistics; not its process().
  Stream& stream(int32_t s) noexcept {
    return streams_[static_cast<size_t>(s)];
  }

  /// Stream::process() of every session: in[s * channels + c] and out[s * channels + c] are channel
  /// c of session s, of `frames` samples. A session whose first input is null stands still: nothing
  /// of it changes, and its outputs are not written. Each session's hops are its own; those that
  /// are due are computed together, whatever their targets. Where the device fails, each goes on on
  /// the processor from its next hop.
  void process(const float* const* in, float* const* out, int32_t frames) noexcept;

 private:
  /// How far a session has come in a call.
  struct Seat {
    int32_t at;  ///< samples done
    bool open;   ///< `piece` has been taken, and waits for the network
    Stream::Piece piece;
  };
  bool advance(const float* const* in, float* const* out, int32_t frames) noexcept;
  void run_blocks() noexcept;

  int32_t sessions_ = 0;
  int32_t channels_ = 0;
  std::unique_ptr<DeviceRun> run_;  // before the streams: they end first
  AlignedBlock block_;
  std::unique_ptr<Stream[]> streams_;
  Array<Seat> seats_;
  Array<Turn> turns_;
};

}  // namespace ligero

#endif  // LIGERO_MODEL_SPEECH_BATCH_H_
