// SPDX-License-Identifier: Apache-2.0
// Writes a planned graph down as launches: where every tensor lies, which rows a node computes,
// what is launched in which order. Not: what an op launches (ops/), nor running it (cuda_run.h).
#ifndef LIGERO_PLATFORMS_CUDA_RECORDER_H_
#define LIGERO_PLATFORMS_CUDA_RECORDER_H_

#include <cstdint>
#include <vector>

#include "platforms/cuda/driver.h"
#include "platforms/cuda/weights.h"
#include "runtime/base/checked.h"
#include "runtime/base/status.h"
#include "runtime/graph.h"
#include "runtime/plan/plan.h"

namespace ligero::cuda {

/// Where a run's memory lies on the device.
struct Layout {
  std::byte* arena = nullptr;  ///< of the first session
  size_t arena_bytes = 0;      ///< from a session to the next
  Sessions sessions;
};

/// Tables that kernels read (windows, transforms), on the device.
class Tables {
 public:
  explicit Tables(Driver* driver, Queue* queue) : driver_(driver), queue_(queue) {}
  /// kTooLittleMemory, or kUnsupportedHardware where the device fails.
  Result<const float*> add(const std::vector<float>& values);

 private:
  Driver* driver_;
  Queue* queue_;
  std::vector<Memory> memory_;
};

/// One node being written down. Its functions are for ops; the launches come out in order.
class Recorder {
 public:
  Recorder(const Graph& graph,
           const Plan& plan,
           const KeptTensors& kept,
           const Weights& weights,
           const Layout& layout,
           int32_t processors,
           Tables* tables)
      : graph_(graph),
        plan_(plan),
        kept_(kept),
        weights_(weights),
        layout_(layout),
        processors_(processors),
        tables_(tables) {}

  /// Where launches go from here on, and whether all since could be written down.
  void start(std::vector<Launch>* launches) {
    launches_ = launches;
    status_ = {};
  }
  const Status& status() const {
    return status_;
  }
  /// Node `n`; its launches go to `launches`. kUnsupportedModel, kTooLittleMemory.
  Status record(size_t n, std::vector<Launch>* launches);

  static constexpr int64_t kTooMany = INT64_MAX;  ///< a side of a grid that is refused

  // ---- for ops ----------------------------------------------------------------------------------

  const Node& node() const {
    return graph_.nodes[n_];
  }
  OpContext context() const {
    return op_context(graph_, plan_, n_);
  }
  /// As the op has parsed them (ops/options.h).
  template <class T>
  const T& options() const {
    return plan_.nodes[n_].options.as<T>();
  }
  const Tensor& input(size_t k) const {
    return graph_.tensors[static_cast<size_t>(node().inputs[k])];
  }
  const Tensor& output() const {
    return graph_.tensors[static_cast<size_t>(node().outputs[0])];
  }
  bool has(size_t k) const {
    return node().has_input(k);
  }
  const Sessions& sessions() const {
    return layout_.sessions;
  }
  /// Of the GPU: blocks that run side by side at least.
  int32_t processors() const {
    return processors_;
  }
  /// The rows that the node computes.
  Rows rows() const;
  /// Input `k` as the node's rows see it: row t of it is what row t of the node needs.
  View in(size_t k) const;
  View out() const;
  /// Tensor `t` at its own rows, for what is read and written between host and device.
  View tensor(int32_t t) const;
  /// The node's carried state.
  View state() const;
  /// Rows of `row` floats in scratch from `offset` floats on, of which row 0 is at place `first`.
  View scratch(int64_t offset, int64_t row, int32_t first) const;
  /// A plain weight; null where the input is absent.
  const float* weight(size_t k) const;
  const DeviceWeight& panels(size_t k) const;
  /// A table in device memory. Null where it cannot be had: record() then says why.
  const float* table(const std::vector<float>& values);

  /// x, y, z: the grid. Nothing is launched where one of its sides is 0; kUnsupportedModel where
  /// one is longer than a GPU's.
  template <typename Body>
  void launch(const Body& body,
              int64_t x,
              int64_t y,
              int64_t z = 1,
              int64_t shared_floats = 0,
              int32_t repeat = 1) {
    Launch made;
    made.set(body);
    add(made, x, y, z, shared_floats, repeat);
  }
  /// Over the `width` elements of each of `rows` rows of every session (each_element()).
  template <typename Body>
  void launch_elements(const Body& body, int64_t rows, int64_t width) {
    const int64_t blocks = ceil_div(rows * width, kElementsPerBlock);
    launch(
        body, rows * width <= INT32_MAX - kElementsPerBlock ? blocks : kTooMany, sessions().count);
  }

 private:
  void add(Launch& launch, int64_t x, int64_t y, int64_t z, int64_t shared_floats, int32_t repeat);
  View place(int32_t t, int32_t shift) const;

  const Graph& graph_;
  const Plan& plan_;
  const KeptTensors& kept_;
  const Weights& weights_;
  const Layout& layout_;
  int32_t processors_;
  Tables* tables_;
  size_t n_ = 0;
  std::vector<Launch>* launches_ = nullptr;
  Status status_;
};

}  // namespace ligero::cuda

#endif  // LIGERO_PLATFORMS_CUDA_RECORDER_H_
