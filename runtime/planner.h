// From the ops' declarations to delays, history, lifetimes and bytes. Runs at load only; plans are
// never stored in files.
#ifndef LIGERO_RUNTIME_PLANNER_H_
#define LIGERO_RUNTIME_PLANNER_H_

#include <cstddef>
#include <cstdint>

#include "runtime/base/array.h"
#include "runtime/base/checked.h"
#include "runtime/base/status.h"
#include "runtime/graph.h"
#include "runtime/op.h"

namespace ligero {

enum class Mode : uint8_t {
  kOffline,  ///< one run() is one whole signal
  kStream,   ///< each run() goes on from the one before; refused where an op needs the whole sequence
  kBlocks,   ///< as kStream; an op that needs the whole sequence sees a part of it around each block
};

/// Most frames of context or look-ahead of a block: ten minutes.
inline constexpr int32_t kMaxAroundFrames = 60000;

struct PlanOptions {
  Mode mode = Mode::kOffline;
  int32_t max_frames = 1;        ///< of one run()
  int32_t context_frames = 0;    ///< kBlocks: what an op sees before the frames it computes
  int32_t look_ahead_frames = 0;  ///< kBlocks: and after them, which is added to the delay
  uint32_t cpu = 0;      ///< CpuFeature bits that kernels may use
  int32_t threads = 1;
  bool keep_all = false;  ///< no memory is shared, so that every tensor can be read after a run
};

/// Length of the signal for which costs are stated where nothing says another: three seconds.
inline constexpr int64_t kStatedFrames = 300;

/// Shapes and time behaviour of a graph, checked: the work of infer_graph(). The tensors' stored
/// shapes have been compared with the inferred ones.
struct NodeFacts {
  TimeBehaviour time[kMaxInputs];
  int64_t macs = 0;            ///< of a frame, but for what follows
  int64_t macs_by_signal = 0;  ///< of a frame with each frame of the signal
  Recurrence recurrence;
  OpOptions options;
  int32_t output_lag = 0;
  bool constant = false;  ///< all outputs are constants

  /// Multiply-accumulates of a frame in a signal of so many.
  int64_t macs_of_frame(int64_t signal_frames = kStatedFrames) const {
    return macs + macs_by_signal * signal_frames;
  }
};

/// Where a tensor of a plan lies: `capacity` rows of `row` floats from `offset`. The rows of a call
/// have `history` rows before them and `tail` rows after. Offline these are zero. In a stream, history
/// holds the rows of earlier calls; the window slides through the capacity and is moved back to its
/// start now and then. In blocks the newest `revised` rows are provisional: they have been computed
/// without all that they look ahead to, so that it can be looked ahead to them, and the next call
/// computes them again.
struct Placement {
  size_t offset = 0;
  size_t bytes = 0;
  int64_t row = 0;
  int32_t capacity = 0;
  int32_t history = 0;
  int32_t tail = 0;
  int32_t revised = 0;
  int32_t delay = 0;  ///< frames by which it lags the graph's input (stream)
  int32_t lag = 0;    ///< hops by which a row lags what it describes
  bool partial = false;  ///< an op has computed it, or what it comes from, from a part of the signal
  bool fixed = false;    ///< a constant that no sequence has a part in
  bool state = false;  ///< keeps its contents from call to call
  bool live = false;   ///< has memory at all (weights have none)
};

/// Where a node's own memory lies, and when it runs.
struct NodePlacement {
  size_t data_offset = 0;
  size_t state_offset = 0;
  size_t state_bytes = 0;
  int32_t delay = 0;    ///< frames by which its outputs lag the graph's input (stream)
  int32_t revised = 0;  ///< rows that it computes again in each call (blocks)
  bool fixed = false;   ///< gives constants that no sequence has a part in
  bool beside_next = false;   ///< runs at the same time as the next node, on another thread
  size_t scratch_offset = 0;  ///< from that of the plan
};

struct MemoryReport {
  size_t state_bytes = 0;       ///< carried from call to call: rings, recurrent state, constants
  size_t activation_bytes = 0;  ///< shared between tensors by lifetime
  size_t scratch_bytes = 0;     ///< the largest op's; in blocks also the largest state that is kept
  size_t data_bytes = 0;        ///< what ops worked out at load

  size_t bytes() const {
    return add_bytes(add_bytes(state_bytes, activation_bytes),
                     add_bytes(scratch_bytes, data_bytes));
  }
};

struct Plan {
  PlanOptions options;
  Array<NodeFacts> nodes;
  Array<Placement> tensors;
  Array<NodePlacement> places;
  size_t scratch_offset = 0;
  size_t kept_offset = 0;  ///< blocks: where a node's state waits while revised rows are computed
  MemoryReport memory;

  size_t bytes() const {
    return memory.bytes();
  }
};

/// Checks every node of `graph` against its op: inputs produced before use, shapes equal to the stored
/// ones. Fills `facts` (one per node). kBadModel names the node in Status::index.
Status infer_graph(const Graph& graph, Array<NodeFacts>* facts);

/// Plans `graph`. kBadArgument for a stream of a graph with an op that needs the whole sequence
/// (Status::index is the node), and for options out of range.
///
/// Blocks: `past`, `future` and recurrent inputs are served as in a stream, so a graph without an op
/// that needs the whole sequence gives what a stream gives. An op that does need it sees
/// context_frames before and look_ahead_frames after the frames that it computes, as far as the
/// signal goes; where both cover the signal, the output is the offline one. What lies between two
/// such ops runs ahead of the output by the look-ahead and is computed again in each call, from the
/// state that it had at the end of the block before.
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

#endif  // LIGERO_RUNTIME_PLANNER_H_
