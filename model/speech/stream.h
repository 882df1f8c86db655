// The live session: any rate, any number of samples and of channels in, the target's voice out; frame
// by frame or, for models that need more than the past, block by block. Not: audio devices, whole
// recordings (session.h).
#ifndef LIGERO_MODEL_SPEECH_STREAM_H_
#define LIGERO_MODEL_SPEECH_STREAM_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "model/format/loader.h"
#include "model/format/profile.h"
#include "model/speech/fifo.h"
#include "model/speech/resampler.h"
#include "runtime/base/array.h"
#include "runtime/base/status.h"
#include "runtime/device.h"
#include "runtime/interpreter.h"

namespace ligero {

/// Block by block: how much of the signal a network sees at once. In hops of 10 ms.
struct BlockConfig {
  int32_t hops = 0;              ///< computed at a time, 1 to 6000; 0: frame by frame
  int32_t context_hops = 200;    ///< seen before them, 0 to 6000
  int32_t look_ahead_hops = 100;  ///< seen after them, 0 to 6000: adds to the latency
};

struct StreamConfig {
  int32_t rate_hz = 16000;    ///< of input and output, 8000 to 192000
  int32_t channels = 1;       ///< 1 to 32; mixed to one, the voice goes to all
  bool pass_without_target = false;  ///< before a target is set: the input instead of silence
  uint32_t cpu = 0;           ///< CpuFeature bits that kernels may use
  BlockConfig block = {};
  Parallel* pool = nullptr;   ///< threads to compute with, for recordings; nullptr: the caller's alone
  NodeWatch* watch = nullptr;  ///< hears of every node, for measuring; nullptr: nobody
  /// A GPU to compute on, which must outlive the stream; nullptr: the processor. process() then calls
  /// its driver and waits for it, so it is no longer real-time safe in the strict sense.
  Device* device = nullptr;
};

struct StreamStatistics {
  int64_t samples = 0;          ///< per channel, since creation or reset
  int64_t cleaned_samples = 0;  ///< NaN, infinite or beyond kLoudestSample, at entry
  int64_t healed_hops = 0;      ///< the network gave no number, and was reset
  bool on_device = false;       ///< computes on StreamConfig::device
  bool device_lost = false;     ///< that has failed, and the processor has taken over, forgetting the signal
};

/// One live stream of one model. The model must outlive it. `process`, `reset`, `set_strength`,
/// `set_bypass`, `set_target`, `clear_target` and `statistics` neither allocate, lock nor call the
/// system, and never wait; `process` and `reset` belong to the audio thread, the others to one
/// control thread, which may be the same.
class Stream {
 public:
  /// A sample beyond this (18 dB over full scale) is garbage and counts as zero.
  static constexpr float kLoudestSample = 8.0f;
  /// Silence: no sample beyond one 16-bit step, so zeros, denormals, dither and what was cleaned. After
  /// a second of it (and of all that is on its way through the network) the session rests: it gives
  /// silence without computing, and the next sound meets a network as fresh as after reset(). Only
  /// there it differs from a run over the whole recording: a trained LSTM that counts through minutes
  /// of nothing needs many seconds of speech to come back.
  static constexpr float kSilentSample = 1.0f / 32768.0f;
  static constexpr int32_t kRestHops = 100;

  Stream() = default;
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  /// Bytes of the block that create() needs. Errors as create().
  static Result<size_t> bytes_needed(const Model& model, const StreamConfig& config);

  /// Prepares for streaming in `block` (64-byte aligned; tables of a few kilobytes and the
  /// resampler's filters come from the heap). kBadArgument: rate, channels or block out of range, or,
  /// frame by frame, a graph that needs the whole sequence (Status::index: the node of graph
  /// "extract"); block by block no graph is refused for that, and one that needs the past alone gives
  /// what it gives frame by frame, a block later. kBadModel: no graph
  /// "extract" of hops to hops. kTooLittleMemory: Status::where has the bytes needed. With a device
  /// also what Device::open() refuses. Load time.
  Status create(const Model& model, const StreamConfig& config, void* block, size_t bytes);

  /// Whose voice to pass. The first target fades in; a later one is reached over 5 hops, by
  /// interpolating the profile's tensors. kBadArgument as Profile::bind().
  Status set_target(const Profile& profile) noexcept;
  /// Back to silence (or passing), without a click.
  void clear_target() noexcept;

  /// `in` and `out` are arrays of `channels` pointers to `frames` samples, full scale 1; an output may
  /// be its input's memory. Any `frames` from 0. The output lags by latency_samples(). Block by block
  /// a call that completes a block computes all of it, and all that it looks ahead to.
  void process(const float* const* in, float* const* out, int32_t frames) noexcept;

  /// From an input sample to the same sample of the output.
  int32_t latency_samples() const noexcept {
    return latency_;
  }

  /// What the network's part of the block is made of. Any time after create().
  const MemoryReport& memory() const noexcept {
    return interpreter_.plan().memory;
  }

  /// strength 0 (the input) to 1 (the voice alone); limit_db: by how much what is not the voice may be
  /// attenuated at most, 100 and above: without limit. Values out of range are clamped.
  void set_strength(float strength, float limit_db) noexcept;
  /// The input, delayed by the same latency. Fades.
  void set_bypass(bool bypass) noexcept;
  /// Says that the signal has ended: what process() still gets, to have the last of it out, is none
  /// of it. The network then sees an end where the signal ends, as in a whole recording. Until
  /// reset(). Real-time safe.
  void finish() noexcept;
  /// Forgets the signal; target and settings stay.
  void reset() noexcept;
  StreamStatistics statistics() const noexcept;

 private:
  friend class Batch;  // runs the networks of many streams at once
  struct Layout;
  /// Some samples on their way through, of which none is after the end of a block, and the gains that
  /// hold for them.
  struct Piece {
    int32_t frames;
    float dry_goal;
    float voice_goal;
  };
  static Result<Layout> lay_out(const Model& model, const StreamConfig& config);
  static Result<std::unique_ptr<DeviceRun>> open_device(const Model& model,
                                                        const StreamConfig& config,
                                                        int32_t sessions);
  /// As create(), on seat `seat` of a run that outlives the stream; null: on the processor.
  Status prepare(const Model& model,
                 const StreamConfig& config,
                 void* block,
                 size_t bytes,
                 DeviceRun* run,
                 int32_t seat);
  void take_target() noexcept;
  void step_target() noexcept;
  bool rests(const float* in) noexcept;
  void forget() noexcept;
  bool on_device() const noexcept {
    return place_.load(std::memory_order_relaxed) == Place::kDevice;
  }
  float* hops_in() noexcept;
  const float* device_output() const noexcept {
    return device_run_->output(seat_, 0);
  }
  const float* run_network(const Extent& extent) noexcept;
  const float* run_on_processor(const Extent& extent) noexcept;
  // In this order, for each piece: in, every block that it fills through the network, and out.
  Piece take(const float* const* in, int32_t at, int32_t most) noexcept;
  bool block_is_full() const noexcept;
  bool open_block(Extent* extent) noexcept;
  void close_block(const float* voice) noexcept;
  void give(const Piece& piece, float* const* out, int32_t at) noexcept;
  void count(int32_t frames) noexcept;

  StreamConfig config_;
  const Model* model_ = nullptr;
  const Graph* graph_ = nullptr;
  /// Where the network runs. The interpreter is always ready to take over; it holds the constants.
  enum class Place : int32_t { kProcessor, kDevice, kLost };
  Interpreter interpreter_;
  std::unique_ptr<DeviceRun> own_run_;
  DeviceRun* device_run_ = nullptr;
  int32_t seat_ = 0;
  std::atomic<Place> place_{Place::kProcessor};
  Resampler to_model_;
  Resampler from_model_;
  Fifo model_in_;   // at the model's rate
  Fifo voice_;      // at the stream's rate
  Fifo dry_;        // at the stream's rate
  float* mono_ = nullptr;
  float* resampled_ = nullptr;
  int32_t latency_ = 0;
  int32_t primed_ = 0;
  int32_t block_hops_ = 1;
  size_t hops_input_ = 0;
  int64_t hops_run_ = 0;          // of this signal
  int32_t silent_hops_ = 0;       // in a row, up to now; no further than rest_after_
  int32_t rest_after_ = 0;
  Extent left_;                   // of the signal after those, once it has ended

  // Profiles pass from the control thread to the audio thread through three slots: one being written,
  // one being read, one in between, whose number is exchanged.
  static constexpr uint32_t kFresh = 4;
  float* slot_[3] = {};
  bool slot_has_target_[3] = {};
  std::atomic<uint32_t> between_{1};
  uint32_t writing_ = 0;
  uint32_t reading_ = 2;
  int32_t ramp_steps_ = 0;
  bool has_target_ = false;
  bool retake_ = false;  // reset: the target in slot reading_ is to be taken as if just set

  std::atomic<float> dry_gain_goal_{0.0f};
  std::atomic<bool> bypass_{false};
  float dry_gain_ = 0.0f;
  float voice_gain_ = 0.0f;

  std::atomic<int64_t> samples_{0};
  std::atomic<int64_t> cleaned_{0};
  std::atomic<int64_t> healed_{0};
};

}  // namespace ligero

#endif  // LIGERO_MODEL_SPEECH_STREAM_H_
