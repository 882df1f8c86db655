// From the ops' declarations to delays, history, lifetimes and bytes. Runs at load only; plans are
// never stored in files.
#ifndef LIGERO_RUNTIME_PLANNER_H_
#define LIGERO_RUNTIME_PLANNER_H_

#include <cstddef>
#include <cstdint>

#include "runtime/base/array.h"
#include "runtime/base/status.h"
#include "runtime/graph.h"
#include "runtime/op.h"

namespace ligero {

enum class Mode : uint8_t {
  kOffline,  ///< one run() is one whole signal
  kStream,   ///< each run() goes on from the one before; refused where an op needs the whole sequence
};

struct PlanOptions {
  Mode mode = Mode::kOffline;
  int32_t max_frames = 1;
  uint32_t cpu = 0;      ///< CpuFeature bits that kernels may use
  int32_t threads = 1;
  bool keep_all = false;  ///< no memory is shared, so that every tensor can be read after a run
};

/// Shapes and time behaviour of a graph, checked: the work of infer_graph(). The tensors' stored
/// shapes have been compared with the inferred ones.
struct NodeFacts {
  TimeBehaviour time[kMaxInputs];
  int64_t macs = 0;
  int32_t output_lag = 0;
  bool constant = false;  ///< all outputs are constants
};

/// Where a tensor of a plan lies: `capacity` rows of `row` floats from `offset`. The rows of a call
/// have `history` rows before them and `tail` rows after. Offline these are zero. In a stream, history
/// holds the rows of earlier calls; the window slides through the capacity and is moved back to its
/// start now and then.
struct Placement {
  size_t offset = 0;
  size_t bytes = 0;
  int64_t row = 0;
  int32_t capacity = 0;
  int32_t history = 0;
  int32_t tail = 0;
  int32_t delay = 0;  ///< frames by which it lags the graph's input (stream)
  int32_t lag = 0;    ///< hops by which a row lags what it describes
  bool state = false;  ///< keeps its contents from call to call
  bool live = false;   ///< has memory at all (weights have none)
};

/// Where a node's own memory lies, and when it runs.
struct NodePlacement {
  size_t data_offset = 0;
  size_t state_offset = 0;
  size_t state_bytes = 0;
  int32_t delay = 0;  ///< frames by which its outputs lag the graph's input (stream)
};

struct MemoryReport {
  size_t state_bytes = 0;       ///< carried from call to call: rings, recurrent state, constants
  size_t activation_bytes = 0;  ///< shared between tensors by lifetime
  size_t scratch_bytes = 0;     ///< the largest op's
  size_t data_bytes = 0;        ///< what ops worked out at load
};

struct Plan {
  PlanOptions options;
  Array<NodeFacts> nodes;
  Array<Placement> tensors;
  Array<NodePlacement> places;
  size_t scratch_offset = 0;
  MemoryReport memory;

  size_t bytes() const {
    return memory.state_bytes + memory.activation_bytes + memory.scratch_bytes + memory.data_bytes;
  }
};

/// Checks every node of `graph` against its op: inputs produced before use, shapes equal to the stored
/// ones. Fills `facts` (one per node). kBadModel names the node in Status::index.
Status infer_graph(const Graph& graph, Array<NodeFacts>* facts);

/// Plans `graph`. kBadArgument for a stream of a graph with an op that needs the whole sequence
/// (Status::index is the node).
Result<Plan> make_plan(const Graph& graph, const PlanOptions& options);

/// Frames of look-ahead of output `k` (its delay in a stream), and the lag of its rows in hops.
/// Impulse delay of a hop-in, hop-out graph in samples = (delay + lag + 1) * hop.
struct OutputTiming {
  int32_t delay = 0;
  int32_t lag = 0;
};
Result<OutputTiming> output_timing(const Graph& graph, size_t k);

}  // namespace ligero

#endif  // LIGERO_RUNTIME_PLANNER_H_
