// SPDX-License-Identifier: Apache-2.0
// The second table of ops: what each op of ops/table.h takes and launches on the device. Names,
// shapes and time behaviour are the first table's. Not: kernels (kernels/).
#ifndef LIGERO_PLATFORMS_CUDA_TABLE_H_
#define LIGERO_PLATFORMS_CUDA_TABLE_H_

#include <span>
#include <string_view>
#include <vector>

#include "platforms/cuda/recorder.h"
#include "runtime/op.h"

namespace ligero::cuda {

struct DeviceOp {
  const char* name;
  /// State and scratch that it asks for; null: none. Data is never asked for.
  Status (*measure)(const OpContext&, Needs*);
  /// Writes down what is to be launched.
  Status (*record)(Recorder*);
};

/// Null where the device has no such op.
const DeviceOp* find_device_op(std::string_view name);

/// The graph with its ops replaced by the device's, for make_plan(); the rest is the graph's own.
class DeviceGraph {
 public:
  /// kUnsupportedModel names the node whose op the device does not have.
  static Result<DeviceGraph> make(const Graph& graph);
  const Graph& graph() const {
    return graph_;
  }

 private:
  Graph graph_;
  std::vector<Op> ops_;
  std::vector<Node> nodes_;
};

// By file in ops/.
std::span<const DeviceOp> product_ops();
std::span<const DeviceOp> recurrent_ops();
std::span<const DeviceOp> attention_ops();
std::span<const DeviceOp> signal_ops();
std::span<const DeviceOp> elementwise_ops();
std::span<const DeviceOp> reduce_ops();

}  // namespace ligero::cuda

#endif  // LIGERO_PLATFORMS_CUDA_TABLE_H_
