// SPDX-License-Identifier: Apache-2.0
// A plan: delays, history, lifetimes and bytes of a graph, from the ops' declarations. Made at load
// only, never stored in files. Not: execution (run.h).
#ifndef LIGERO_RUNTIME_PLAN_PLAN_H_
#define LIGERO_RUNTIME_PLAN_PLAN_H_

#include <cstddef>
#include <cstdint>

#include "runtime/base/array.h"
#include "runtime/base/checked.h"
#include "runtime/base/status.h"
#include "runtime/graph.h"
#include "runtime/history.h"
#include "runtime/op.h"

namespace ligero {

enum class Mode : uint8_t {
  kOffline,  ///< one run() is one whole signal
  kStream,   ///< each run() continues the one before; refused where an op needs the whole sequence
  kBlocks,   ///< as kStream; an op that needs the whole sequence sees a part of it around each block
};

/// Most frames of context or look-ahead of a block: ten minutes.
inline constexpr int32_t kMaxAroundFrames = 60000;

struct PlanOptions {
  Mode mode = Mode::kOffline;
  int32_t max_frames = 1;         ///< of one run()
  int32_t context_frames = 0;     ///< kBlocks: what an op sees before the frames it computes
  int32_t look_ahead_frames = 0;  ///< kBlocks: and after them, which is added to the delay
  int32_t seats = 1;              ///< signals that share one Run, each with a state of its own
  uint32_t cpu = 0;               ///< CpuFeature bits that kernels may use; the backend sets them
  int32_t threads = 1;            ///< the backend sets them
  bool keep_all = false;          ///< share no memory, so that every tensor can be read after a run
  HistoryForm history = HistoryForm::kWindow;  ///< the backend sets it
};

/// Length of the signal for which costs are stated where nothing says another: three seconds.
inline constexpr int64_t kStatedFrames = 300;

/// A TimeBehaviour of a plan, in half the memory.
struct NodeTime {
  TimeUse use = TimeUse::kPointwise;
  int16_t past = 0;
  int16_t future = 0;
};

/// Time behaviour and cost of one node, found and checked by infer_graph().
struct NodeFacts {
  NodeTime time[kMaxInputs];
  int64_t macs = 0;            ///< of a frame, without macs_by_signal
  int64_t macs_by_signal = 0;  ///< of a frame with each frame of the signal
  Recurrence recurrence;
  OpOptions options;
  int32_t output_lag = 0;
  bool constant = false;  ///< all outputs are constants

  /// Multiply-accumulates of a frame in a signal of `signal_frames`.
  int64_t macs_of_frame(int64_t signal_frames = kStatedFrames) const {
    return macs + macs_by_signal * signal_frames;
  }
};

/// Where a tensor lies: `capacity` rows of `row` floats from `offset`. The rows of a call have
/// `history` rows before them and `tail` rows after. Offline both are zero rows. In a stream the
/// history holds rows of earlier calls. In blocks the newest `revised` rows are provisional: they
/// are computed with incomplete look-ahead, and the next call computes them again.
struct Placement {
  size_t offset = 0;  ///< in the seat's region
  size_t bytes = 0;
  int64_t row = 0;
  int32_t capacity = 0;
  int32_t history = 0;
  int32_t tail = 0;
  int32_t revised = 0;
  int32_t delay = 0;      ///< frames by which it lags the graph's input (stream)
  int32_t lag = 0;        ///< hops by which a row lags what it describes
  bool partial = false;   ///< depends on an op that saw only a part of the signal
  bool timeless = false;  ///< a constant that depends on no sequence
  bool kept = false;      ///< keeps its contents from call to call
  bool live = false;      ///< has memory at all (weights have none)
};

/// Where a node's own memory lies, and when it runs.
struct NodePlacement {
  size_t data_offset = 0;
  size_t state_offset = 0;  ///< in the seat's region
  size_t state_bytes = 0;
  int32_t delay = 0;    ///< frames by which its outputs lag the graph's input (stream)
  int32_t revised = 0;  ///< rows that it computes again in each call (blocks)
  bool timeless = false;      ///< gives constants that depend on no sequence
  bool beside_next = false;   ///< runs at the same time as the next node, on another thread
  size_t scratch_offset = 0;  ///< from that of the plan
};

struct MemoryReport {
  size_t state_bytes = 0;       ///< of one seat: history, recurrent state, constants
  size_t activation_bytes = 0;  ///< of one seat, shared between tensors by lifetime
  size_t scratch_bytes = 0;     ///< the largest op's; in blocks also the largest saved state
  size_t data_bytes = 0;        ///< precomputed by ops at load
  int32_t seats = 1;

  /// Of one seat's region.
  size_t region_bytes() const {
    return add_bytes(state_bytes, activation_bytes);
  }
  /// Of all seats together; scratch and precomputed data exist once.
  size_t bytes() const {
    return add_bytes(bytes_of(seats, region_bytes()), add_bytes(scratch_bytes, data_bytes));
  }
};

/// Memory begins with one region for each seat, of state and activations: nodes run for all seats in
/// turn, so that their weights are read once. Offsets behind the regions are those of a plan with one
/// seat; further regions move them.
struct Plan {
  PlanOptions options;
  Array<NodeFacts> nodes;
  Array<Placement> tensors;
  Array<NodePlacement> places;
  size_t scratch_offset = 0;
  size_t saved_offset = 0;  ///< blocks: a node's state is saved here while revised rows are computed
  MemoryReport memory;

  size_t bytes() const {
    return memory.bytes();
  }
  bool streams() const {
    return options.mode != Mode::kOffline;
  }
};

/// Checks every node of `graph` against its op: inputs produced before use, shapes equal to the
/// stored ones. Fills `facts` (one per node). kBadModel names the node in Status::index.
Status infer_graph(const Graph& graph, Array<NodeFacts>* facts);

/// Plans `graph`. kBadArgument for a stream of a graph with an op that needs the whole sequence
/// (Status::index is the node), and for options out of range.
///
/// Blocks: `past`, `future` and recurrent inputs are served as in a stream, so a graph without an op
/// that needs the whole sequence gives what a stream gives. An op that does need it sees
/// context_frames before and look_ahead_frames after the frames that it computes, as far as the
/// signal goes; where both cover the signal, the output is the offline one. The nodes between two
/// such ops run ahead of the output by the look-ahead; each call computes those rows again, from the
/// state at the end of the block before.
Result<Plan> make_plan(const Graph& graph, const PlanOptions& options);

/// What node `n` of a plan is measured and prepared with.
OpContext op_context(const Graph& graph, const Plan& plan, size_t n);

/// Frames of look-ahead of output `k` (its delay in a stream), and the lag of its rows in hops.
/// Impulse delay of a hop-in, hop-out graph in samples = (delay + lag + 1) * hop.
struct OutputTiming {
  int32_t delay = 0;
  int32_t lag = 0;
};
Result<OutputTiming> output_timing(const Graph& graph, size_t k);

}  // namespace ligero

#endif  // LIGERO_RUNTIME_PLAN_PLAN_H_
