// One offline run of any graph, with inputs and tensors by name. Not: what the graph means.
#ifndef LIGERO_MODEL_SPEECH_GRAPH_RUN_H_
#define LIGERO_MODEL_SPEECH_GRAPH_RUN_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <string_view>

#include "runtime/base/array.h"
#include "runtime/base/checked.h"
#include "runtime/base/cpu.h"
#include "runtime/base/parallel.h"
#include "runtime/base/status.h"
#include "runtime/device.h"
#include "runtime/graph.h"
#include "runtime/interpreter.h"
#include "runtime/planner.h"

namespace ligero {

/// On what a run computes.
struct RunOptions {
  uint32_t cpu = cpu_features();   ///< CpuFeature bits that kernels may use
  Parallel* pool = nullptr;        ///< threads, must outlive the run; nullptr: this thread only
  size_t budget_bytes = SIZE_MAX;  ///< most bytes of the run's block
  NodeWatch* watch = nullptr;      ///< hears of every node; nullptr: nobody
  Device* device = nullptr;        ///< a GPU, must outlive the run; nullptr: the processor
};

/// Heap memory that starts on a multiple of kAlignment, on large pages where it fills any and the
/// system has them: touching a run's block for the first time then costs little. Its allocation can
/// fail. Movable.
class AlignedBlock {
 public:
  [[nodiscard]] bool allocate(size_t bytes);
  std::byte* data() const {
    return data_.get();
  }
  size_t size() const {
    return size_;
  }

 private:
  static constexpr size_t kLargePageBytes = size_t{2} << 20;
  struct Free {
    std::align_val_t alignment;
    void operator()(std::byte* p) const;
  };
  std::unique_ptr<std::byte[], Free> data_;
  size_t size_ = 0;
};

/// Plans a graph for `frames` frames and owns the block it runs in. Use: prepare(), set every
/// input, run(), read. For another run, set every input again. Not thread-safe; several may share a
/// graph.
class GraphRun {
 public:
  /// Whether only inputs and outputs can be read after the run, or every tensor (more memory).
  enum class Keep : uint8_t { kOutputs, kAll };

  /// `graph` and its weights must outlive the run. `total_samples` is the length of the signal
  /// that the frames stand for (kUnknown where there is none). kBadArgument: `frames` below 1 or a
  /// refusal of the planner (Status::index: the node). kTooLittleMemory: the heap has no such
  /// block, or it is over RunOptions::budget_bytes (Status::where: bytes needed). On a device errors
  /// are those of Device::open(). Load time.
  static Result<GraphRun> prepare(const Graph& graph,
                                  int32_t frames,
                                  int64_t total_samples,
                                  Keep keep,
                                  const RunOptions& options = {});

  /// Copies `values` into the input of that name: [frames, bins, channels] of a sequence, the
  /// elements of a constant. kBadArgument: no such input, or not as many values (Status::where: how
  /// many it takes).
  Status set_input(std::string_view name, std::span<const float> values);

  /// Where the rows of the graph's input `k` lie, for the caller to fill before run(): frames, each
  /// of bins * channels floats, or a constant. Counts as set.
  float* input(size_t k);

  /// Computes. kBadState before every input has been set (Status::index: the input's position).
  /// kUnsupportedHardware where the device fails.
  Status run();

  /// Values of tensor `index`: frames * bins * channels of a sequence, elements of a constant; 0
  /// for a weight or an index out of range.
  int64_t values(int32_t index) const;

  /// Copies tensor `index` after run() into `out`, which has values(index) elements. kBadArgument:
  /// not so, or no such tensor. kBadState: not run, or not kept.
  Status read(int32_t index, std::span<float> out) const;

  /// The graph's output `k` after run(), values() floats that are good until the next run.
  const float* output(size_t k) const {
    return device_run_ ? device_run_->output(0, k) : interpreter_.output(k);
  }

  int32_t frames() const {
    return frames_;
  }
  const MemoryReport& memory() const {
    return device_run_ ? device_run_->memory() : interpreter_.plan().memory;
  }
  /// Of the run's memory, on the device where there is one.
  size_t block_bytes() const {
    const MemoryReport& m = memory();
    return m.state_bytes + m.activation_bytes + m.scratch_bytes + m.data_bytes;
  }

 private:
  Status prepare_block(Plan plan, const RunOptions& options);

  const Graph* graph_ = nullptr;
  std::unique_ptr<DeviceRun> device_run_;  ///< nullptr: the interpreter runs
  AlignedBlock block_;
  Interpreter interpreter_;
  Extent extent_;
  int32_t frames_ = 0;
  Array<bool> input_set_;
  Keep keep_ = Keep::kOutputs;
  bool has_run_ = false;
};

}  // namespace ligero

#endif  // LIGERO_MODEL_SPEECH_GRAPH_RUN_H_
