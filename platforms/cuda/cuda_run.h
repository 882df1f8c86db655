// SPDX-License-Identifier: Apache-2.0
// A graph on the device: its memory, its launches, and what goes over before and comes back after
// each run. Not: which device (backend.h), what an op launches (ops/).
#ifndef LIGERO_PLATFORMS_CUDA_CUDA_RUN_H_
#define LIGERO_PLATFORMS_CUDA_CUDA_RUN_H_

#include <memory>
#include <vector>

#include "platforms/cuda/recorder.h"
#include "platforms/cuda/table.h"
#include "runtime/run.h"

namespace ligero::cuda {

/// In a stream or in blocks all that a run does is captured once and played back for every call; a
/// whole recording is launched step by step.
class CudaRun final : public Run {
 public:
  /// As Backend::open(). `weights` are those of `graph`.
  static Result<std::unique_ptr<Run>> open(const Graph& graph,
                                                 const PlanOptions& options,
                                                 std::shared_ptr<const Weights> weights,
                                                 Driver* driver,
                                                 std::unique_ptr<Queue> queue,
                                                 int32_t processors);
  /// Waits: memory must not go while the device may still use it.
  ~CudaRun() override;

  float* input(int32_t seat, size_t port) noexcept override;
  void timeless_changed(int32_t seat) noexcept override;
  const float* output(int32_t seat, size_t port) const noexcept override;
  Status run(std::span<const Turn> turns) noexcept override;
  void reset(int32_t seat) noexcept override;
  Status read(int32_t seat, int32_t index, std::span<float> out) noexcept override;
  const Plan& plan() const noexcept override {
    return plan_;
  }
  /// All that a run launches, in order.
  const std::vector<Launch>& launches() const {
    return launches_;
  }

 private:
  /// One input or output of the graph, in host memory and, for rows, in the device's mailbox.
  struct Slot {
    int32_t tensor = -1;
    bool constant = false;
    size_t offset = 0;   ///< bytes, of the first session
    int64_t floats = 0;  ///< of a session
  };
  struct Range {
    size_t offset;
    size_t bytes;
  };

  CudaRun(Driver* driver, std::unique_ptr<Queue> queue)
      : driver_(driver), queue_(std::move(queue)), tables_(driver, queue_.get()) {}
  Status lay_out(const Graph& graph);
  void lay_out_slots(const Graph& graph);
  void find_ranges();
  Status record(const Graph& graph);
  Fault capture() noexcept;
  void record_rows(Recorder* recorder, const Slot& slot, bool in);
  void record_margins(Recorder* recorder, int32_t tensor);
  Fault enqueue() noexcept;
  Fault prepare_run(std::span<const Turn> turns) noexcept;

  Driver* driver_;
  std::unique_ptr<Queue> queue_;
  Tables tables_;
  std::shared_ptr<const Weights> weights_;
  DeviceGraph graph_;
  Plan plan_;
  KeptTensors kept_;
  int32_t sessions_ = 0;
  int32_t processors_ = 0;
  Memory arenas_;
  Memory mailbox_;  ///< on the device: clocks, rows in, rows out, heads, capacities of rings
  Memory host_;     ///< clocks, rows in, rows out, constants in
  size_t up_bytes_ = 0;
  size_t down_offset_ = 0;
  size_t down_bytes_ = 0;
  size_t heads_offset_ = 0;
  size_t capacities_offset_ = 0;
  Layout layout_;
  std::vector<Slot> inputs_;
  std::vector<Slot> outputs_;
  std::vector<Range> carried_;  ///< of an arena: what reset() makes zero
  std::vector<Launch> launches_;
  std::vector<Launch> timeless_;  ///< what changes only with the side inputs
  std::vector<int64_t> frames_in_;
  std::vector<bool> changed_;
  std::vector<bool> forgotten_;
  Fault failed_ = 0;  ///< for good
};

}  // namespace ligero::cuda

#endif  // LIGERO_PLATFORMS_CUDA_CUDA_RUN_H_
