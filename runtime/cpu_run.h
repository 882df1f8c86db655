// SPDX-License-Identifier: Apache-2.0
// Execution on the processor: one loop over the nodes, the same for every mode. Not: delays and
// memory (plan/).
#ifndef LIGERO_RUNTIME_CPU_RUN_H_
#define LIGERO_RUNTIME_CPU_RUN_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "runtime/base/aligned_block.h"
#include "runtime/base/array.h"
#include "runtime/base/cpu.h"
#include "runtime/base/parallel.h"
#include "runtime/history.h"
#include "runtime/run.h"

namespace ligero {

/// In one block of memory: the regions of all seats, then what they share. Each node runs for every
/// seat that has its turn before the next node does.
class CpuRun final : public Run {
 public:
  /// Takes the plan and lays everything out in `block` (64-byte aligned, at least plan.bytes()). The
  /// graph, its weights, the block, `pool` and `watch` must outlive the run; both may be null.
  /// kTooLittleMemory with the bytes needed in Status::where. Load time.
  Status start(const Graph& graph,
               Plan plan,
               void* block,
               size_t bytes,
               Parallel* pool = nullptr,
               NodeWatch* watch = nullptr);
  /// The same, in a block that the run owns.
  Status start(
      const Graph& graph, Plan plan, AlignedBlock block, Parallel* pool, NodeWatch* watch);

  float* input(int32_t seat, size_t port) noexcept override;
  const float* output(int32_t seat, size_t port) const noexcept override;
  void timeless_changed(int32_t seat) noexcept override {
    seats_[static_cast<size_t>(seat)].timeless_changed = true;
  }
  Status run(std::span<const Turn> turns) noexcept override;
  void reset(int32_t seat) noexcept override;
  Status read(int32_t seat, int32_t index, std::span<float> out) noexcept override;
  const Plan& plan() const noexcept override {
    return plan_;
  }

 private:
  struct Seat {
    int64_t frames_in;  ///< stream: of all earlier calls
    int32_t last_frames;
    bool timeless_changed;
  };
  /// One seat's turn: what the functions below compute for.
  struct Call {
    int32_t seat;
    int64_t frames_in;
    int64_t total_frames;
    int64_t total_samples;
  };

  std::byte* region(int32_t seat) const noexcept {
    return block_ + static_cast<size_t>(seat) * plan_.memory.region_bytes();
  }
  /// What offsets outside the regions count from.
  std::byte* shared() const noexcept {
    return region(plan_.options.seats - 1);
  }
  float* rows(int32_t seat, int32_t tensor) const noexcept;
  const float* last_rows(int32_t seat, int32_t tensor) const noexcept;
  void forget_states(int32_t seat) noexcept;
  void clear_margins(int32_t seat, int32_t tensor) noexcept;
  void begin(int32_t seat) noexcept;
  void run_nodes(const Call& call, size_t first, size_t last) noexcept;
  void end(int32_t seat) noexcept;
  void run_node(const Call& call, size_t node, Parallel* pool) noexcept;
  void compute(const Call& call, size_t node, int32_t begin, int32_t end, Parallel* pool) noexcept;
  void zero_rows(int32_t seat, const Node& node, int32_t begin, int32_t end) noexcept;

  const Graph* graph_ = nullptr;
  Plan plan_;
  AlignedBlock own_;
  std::byte* block_ = nullptr;
  Parallel* pool_ = nullptr;
  NodeWatch* watch_ = nullptr;
  Windows windows_;
  Array<Seat> seats_;
};

/// Where a graph computes: on this processor, after an accelerator has been asked if there is one.
struct Processor {
  uint32_t cpu = cpu_features();   ///< CpuFeature bits that kernels may use
  Parallel* pool = nullptr;        ///< threads, must outlive the runs; null: the caller's alone
  size_t budget_bytes = SIZE_MAX;  ///< most bytes of a run's block
  NodeWatch* watch = nullptr;      ///< hears of every node; null: nobody
  const Backend* accelerator = nullptr;  ///< asked first; null: none

  /// On the accelerator, or here, in a block of the heap that the run owns. Errors as
  /// Backend::open(), and kTooLittleMemory over budget_bytes. Load time.
  Result<std::unique_ptr<Run>> open(const Graph& graph, const PlanOptions& options) const;

  /// make_plan() with what the processor sets.
  Result<Plan> plan(const Graph& graph, PlanOptions options) const;
};

}  // namespace ligero

#endif  // LIGERO_RUNTIME_CPU_RUN_H_
