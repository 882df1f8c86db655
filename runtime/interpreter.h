// Runs a planned graph: offline (the whole signal in one call), as a stream, hop by hop, or block by
// block. Not: how memory and delays are found (planner.h).
#ifndef LIGERO_RUNTIME_INTERPRETER_H_
#define LIGERO_RUNTIME_INTERPRETER_H_

#include <cstddef>
#include <cstdint>

#include "runtime/base/array.h"
#include "runtime/base/parallel.h"
#include "runtime/base/status.h"
#include "runtime/graph.h"
#include "runtime/planner.h"

namespace ligero {

/// The extent of the signal that a run belongs to.
struct Extent {
  int64_t total_frames = kUnknown;
  int64_t total_samples = kUnknown;
};

/// Hears of every run and of every node computed in it, on the thread that runs the graph, for
/// measuring.
class NodeWatch {
 public:
  virtual void begins() noexcept = 0;
  virtual void computed(size_t node, int32_t frames) noexcept = 0;

 protected:
  ~NodeWatch() = default;
};

/// One graph, prepared for one mode, in one block of the caller's memory. The graph, its weights and
/// the block must outlive it. Several interpreters may share one graph.
class Interpreter {
 public:
  /// Takes the plan and lays everything out in `block` (64-byte aligned, at least plan.bytes()).
  /// kTooLittleMemory with the bytes needed in Status::where. Load time.
  Status prepare(const Graph& graph, Plan plan, void* block, size_t bytes, Parallel* pool = nullptr);

  /// Where the caller writes input `k` of the graph: `frames` rows of a sequence, or a constant.
  /// Offline all of it must be written before each run(); in a stream a constant only when it changes,
  /// followed by constants_changed(). The pointer is good until the next run() or reset().
  float* input(size_t k);
  void constants_changed() noexcept {
    constants_changed_ = true;
  }
  /// Where output `k` lies after run(): as many rows as were run, or a constant. In a stream, row i
  /// describes the frame output_delay(k) frames before that of input row i.
  const float* output(size_t k) const;
  int32_t output_delay(size_t k) const {
    const Placement& place = plan_.tensors[static_cast<size_t>(graph_->outputs[k])];
    return place.delay + place.revised;
  }
  /// Tensor `index` after an offline run(), with PlanOptions::keep_all.
  const float* tensor(int32_t index) const;

  /// Runs `frames` frames (1 to the plan's max_frames). Offline: the whole signal, from frame 0.
  /// Stream: the next ones. Real-time safe: computes only.
  void run(int32_t frames, const Extent& extent) noexcept;

  /// Forgets the signal: state and history become zero; constants stay. Real-time safe.
  void reset() noexcept;

  /// Null: nobody. It must outlive the runs.
  void set_watch(NodeWatch* watch) {
    watch_ = watch;
  }

  const Plan& plan() const {
    return plan_;
  }

 private:
  float* rows(int32_t tensor) const noexcept;
  void run_node(size_t node, int32_t frames, const Extent& extent, Parallel* pool) noexcept;
  void compute(size_t node,
               int32_t begin,
               int32_t end,
               int64_t first,
               const Extent& extent,
               Parallel* pool) noexcept;
  void zero_rows(const Node& node, int32_t begin, int32_t end) noexcept;
  void slide(int32_t frames) noexcept;

  const Graph* graph_ = nullptr;
  Plan plan_;
  std::byte* block_ = nullptr;
  Parallel* pool_ = nullptr;
  NodeWatch* watch_ = nullptr;
  Array<int32_t> head_;    ///< per tensor: where its history begins, in rows
  int64_t frames_in_ = 0;  ///< stream: frames of all earlier calls
  int32_t last_frames_ = 0;
  bool constants_changed_ = true;
};

}  // namespace ligero

#endif  // LIGERO_RUNTIME_INTERPRETER_H_
