// SPDX-License-Identifier: Apache-2.0
// The interface of an op, and how it declares its use of time. Not: any op (ops/).
#ifndef LIGERO_RUNTIME_OP_H_
#define LIGERO_RUNTIME_OP_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

#include "runtime/base/parallel.h"
#include "runtime/base/status.h"
#include "runtime/graph.h"

namespace ligero {

/// What output frame t needs of one input.
enum class TimeUse : uint8_t {
  kPointwise,  ///< frame t
  kWindow,     ///< frames t - past .. t + future
  kRecurrent,  ///< frame t, and a state that the op carries from t - 1
  kWhole,      ///< the whole sequence
};

struct TimeBehaviour {
  TimeUse use = TimeUse::kPointwise;
  int32_t past = 0;    ///< frames, kWindow only
  int32_t future = 0;  ///< frames, kWindow only
};

/// The weight that an op reads once for each step of a recurrence, where all others are read once a
/// run. Some frames may take their steps together.
struct Recurrence {
  int32_t weight = -1;  ///< the input; -1: none
  int32_t steps = 1;    ///< of a frame
  int32_t together = 1;  ///< most frames in step
};

/// What infer() finds: the shapes of the outputs and the time behaviour of each input.
/// Before infer() runs, `time` is all kPointwise, and the outputs are kSequence if any input is a
/// sequence, kConstant otherwise. A constant is computed like a sequence of one frame.
struct Inference {
  struct Output {
    Kind kind = Kind::kSequence;
    int32_t rank = 2;
    int32_t dim[kMaxRank] = {1, 1, 1, 1};
    void set(Kind k, int32_t bins, int32_t channels) {
      kind = k;
      rank = 2;
      dim[0] = bins;
      dim[1] = channels;
    }
  };
  Output outputs[kMaxOutputs];
  TimeBehaviour time[kMaxInputs];
  /// Hops by which output row t lags what it describes (inverse STFT: row t is hop t - 1, say).
  int32_t output_lag = 0;
  int64_t macs = 0;  ///< multiply-accumulates per frame (a constant: per call)
  int64_t macs_by_signal = 0;  ///< further ones, of each frame with each frame of the signal
  Recurrence recurrence;
};

inline constexpr size_t kMaxOptionsBytes = 48;

/// A node's options: the attributes, parsed once per plan by Op::parse(). The struct is the op's own.
struct alignas(8) OpOptions {
  std::byte bytes[kMaxOptionsBytes] = {};

  template <class T>
  const T& as() const {
    static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= kMaxOptionsBytes &&
                  alignof(T) <= alignof(OpOptions));
    return *reinterpret_cast<const T*>(bytes);
  }
};

/// What an op may look at before the first sample.
struct OpContext {
  const Node& node;
  std::span<const Tensor> tensors;
  const OpOptions& parsed;
  uint32_t cpu = 0;        ///< CpuFeature bits that kernels may use
  int32_t max_frames = 1;  ///< most frames of one run()
  int32_t threads = 1;     ///< most threads of one run(): scratch that tasks share is theirs to split
  int32_t around = 0;      ///< most rows of a kWhole input before and after those of one run()

  /// The node's options; T is the struct that Op::parse() fills.
  template <class T>
  const T& options() const {
    return parsed.as<T>();
  }

  /// Input `k`'s definition; `k` must be present (Node::has_input).
  const Tensor& input(size_t k) const {
    return tensors[static_cast<size_t>(node.inputs[k])];
  }
  const Tensor& output(size_t k) const {
    return tensors[static_cast<size_t>(node.outputs[k])];
  }
};

/// Bytes an op asks for. `data`: written by prepare(), read-only afterwards. `state`: carried from
/// call to call, zeroed by reset. `scratch`: free between calls. All 64-byte aligned.
struct Needs {
  size_t data_bytes = 0;
  size_t state_bytes = 0;
  size_t scratch_bytes = 0;
};

/// No end of the signal in sight: a live stream.
inline constexpr int64_t kUnknown = INT64_MAX;

/// What run() computes on. `in[k]` points to frame 0 of this call (a constant or weight: its data;
/// nullptr where absent), `out[k]` likewise; frames lie bins * channels floats apart. For an input
/// declared as window(past, future), rows -past .. frames - 1 + future can be read; rows outside the
/// signal are zero. kPointwise inputs have rows 0 .. frames - 1; kWhole inputs have rows
/// -before .. frames - 1 + after, all inside the signal, and an op takes these for the whole of it.
struct RunContext {
  const Node& node;
  std::span<const Tensor> tensors;
  const OpOptions& parsed;
  const void* const* in;
  float* const* out;
  void* data;
  void* state;
  void* scratch;
  int32_t frames;         ///< frames to compute, at least 1
  int64_t first_frame;    ///< index in the signal of frame 0 of this call, at least 0
  int64_t total_frames;   ///< frames of the whole signal, or kUnknown
  int64_t total_samples;  ///< samples of the whole signal, or kUnknown
  Parallel* pool;         ///< nullptr: this thread only
  int32_t before = 0;     ///< rows of kWhole inputs before frame 0: the context of a block
  int32_t after = 0;      ///< ... and after the last: what a block looks ahead

  template <class T>
  const T& options() const {
    return parsed.as<T>();
  }
  const Tensor& input(size_t k) const {
    return tensors[static_cast<size_t>(node.inputs[k])];
  }
  const Tensor& output(size_t k) const {
    return tensors[static_cast<size_t>(node.outputs[k])];
  }
  const float* x(size_t k) const {
    return static_cast<const float*>(in[k]);
  }
};

/// One op. All functions but run() are called at load.
struct Op {
  const char* name;
  int32_t version;
  /// Checks the attributes and writes them to `options`, which has kMaxOptionsBytes; the first to be
  /// called. Null: the op has no options.
  Status (*parse)(const Node&, void* options);
  /// Checks inputs and options, gives output shapes, time behaviour and cost. Must not trust
  /// anything: names, counts, shapes and attributes come from a file.
  Status (*infer)(const OpContext&, Inference*);
  /// Bytes asked for; null: none.
  Status (*measure)(const OpContext&, Needs*);
  /// Chooses kernels and fills `data`; null: nothing to do.
  Status (*prepare)(const OpContext&, void* data);
  void (*run)(const RunContext&) noexcept;
  /// Output 0 may lie in the memory of input 0 (same number of elements).
  bool in_place = false;
  /// Most of its work is one step after another, so that more threads are of little use to it:
  /// neighbours of that kind that do not need each other may run at the same time.
  bool stepwise = false;
};

/// The options of `node`, which has an op.
inline Status parse_options(const Node& node, OpOptions* options) {
  if (node.op->parse != nullptr) {
    return node.op->parse(node, options->bytes);
  }
  LIGERO_CHECK(node.attributes.empty(), Code::kBadModel, "an op that has no options has attributes");
  return {};
}

/// The ops that a build has; `find` returns nullptr for a name it does not.
struct OpTable {
  std::span<const Op* const> ops;
  const Op* find(std::string_view name) const {
    for (const Op* op : ops) {
      if (name == op->name) {
        return op;
      }
    }
    return nullptr;
  }
};

}  // namespace ligero

#endif  // LIGERO_RUNTIME_OP_H_
