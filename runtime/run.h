// SPDX-License-Identifier: Apache-2.0
// A planned graph that executes, on whatever backend, for one signal or for several side by side.
// Not: a backend (cpu_run.h, platforms/cuda), what the graph means (model/session).
#ifndef LIGERO_RUNTIME_RUN_H_
#define LIGERO_RUNTIME_RUN_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "runtime/base/arena.h"
#include "runtime/base/status.h"
#include "runtime/graph.h"
#include "runtime/plan/plan.h"

namespace ligero {

/// The extent of the signal that a run belongs to.
struct Extent {
  int64_t total_frames = kUnknown;
  int64_t total_samples = kUnknown;
};

/// What one seat does in a run.
struct Turn {
  bool runs = true;  ///< false: neither the seat's state nor its outputs change
  Extent extent;
};

/// Hears of every run and of every node computed in it, on the thread that runs the graph, for
/// measuring. Processor only.
class NodeWatch {
 public:
  virtual void begins() noexcept = 0;
  virtual void computed(size_t node, int32_t frames) noexcept = 0;

 protected:
  ~NodeWatch() = default;
};

/// One graph, one plan, one or several seats. Each seat has a signal, a state and activations of its
/// own; weights, precomputed data and scratch exist once. One thread at a time.
class Run : public Allocated {
 public:
  Run() = default;
  virtual ~Run() = default;
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  /// Where the caller writes the graph's input `port`: max_frames rows of a sequence, or a constant.
  /// Offline every input must be written before each run(); in a stream a constant only when it
  /// changes, followed by timeless_changed(). Valid until the next run() or reset().
  virtual float* input(int32_t seat, size_t port) noexcept = 0;
  /// The graph's output `port` after run(): max_frames rows, or a constant. In a stream row i
  /// describes the frame output_delay(port) frames before that of input row i.
  virtual const float* output(int32_t seat, size_t port) const noexcept = 0;
  virtual void timeless_changed(int32_t seat) noexcept = 0;

  /// Runs the plan's max_frames frames of every seat that has its turn; one turn for each seat.
  /// Offline: the whole signal. Stream: the next frames. kUnsupportedHardware: a device has failed or
  /// is gone (Status::where: the driver's error), permanently; outputs are then undefined. The
  /// processor never fails and is real-time safe; a device is waited for.
  virtual Status run(std::span<const Turn> turns) noexcept = 0;

  /// Forgets the seat's signal: state and history become zero; constants stay. Real-time safe.
  virtual void reset(int32_t seat) noexcept = 0;

  /// Copies tensor `index` after an offline run with PlanOptions::keep_all: values(index) floats.
  /// kBadArgument: not so planned, no such tensor, or another size.
  virtual Status read(int32_t seat, int32_t index, std::span<float> out) noexcept = 0;

  virtual const Plan& plan() const noexcept = 0;

  /// Frames by which output `port` lags the input in a stream.
  int32_t output_delay(const Graph& graph, size_t port) const noexcept {
    const Placement& place = plan().tensors[static_cast<size_t>(graph.outputs[port])];
    return place.delay + place.revised;
  }
};

/// Floats of tensor `index` in a run of `frames`: of a weight or an index out of range, 0.
int64_t values_of(const Graph& graph, int32_t index, int32_t frames);

/// Another place than this processor where graphs are opened: a GPU. It must outlive its runs.
class Backend {
 public:
  virtual const char* name() const noexcept = 0;

  /// Plans `graph` and opens it for options.seats seats. Weights are loaded once for all runs of the
  /// same graph. A null Run without an error: the backend leaves this graph to the processor. Errors
  /// as make_plan(); kTooLittleMemory: Status::where has the bytes asked for; kUnsupportedModel: no
  /// kernel for an op or size (Status::index: the node). Load time, any thread.
  virtual Result<std::unique_ptr<Run>> open(const Graph& graph,
                                            const PlanOptions& options) const = 0;

 protected:
  ~Backend() = default;
};

}  // namespace ligero

#endif  // LIGERO_RUNTIME_RUN_H_
