// SPDX-License-Identifier: Apache-2.0
// Look-up, and the exchange of ops in a graph.
#include "platforms/cuda/table.h"

namespace ligero::cuda {

const DeviceOp* find_device_op(std::string_view name) {
  for (const auto& family :
       {product_ops, recurrent_ops, attention_ops, signal_ops, elementwise_ops, reduce_ops}) {
    for (const DeviceOp& op : family()) {
      if (name == op.name) {
        return &op;
      }
    }
  }
  return nullptr;
}

Result<DeviceGraph> DeviceGraph::make(const Graph& graph) {
  DeviceGraph made;
  made.nodes_.assign(graph.nodes.begin(), graph.nodes.end());
  made.ops_.reserve(graph.nodes.size());
  for (size_t n = 0; n < graph.nodes.size(); ++n) {
    const Op& op = *graph.nodes[n].op;
    const DeviceOp* device = find_device_op(op.name);
    LIGERO_CHECK(device != nullptr,
                 Code::kUnsupportedModel,
                 "the GPU backend does not have this op",
                 static_cast<int32_t>(n));
    made.ops_.push_back(
        {op.name, op.version, op.parse, op.infer, device->measure, nullptr, nullptr, op.in_place});
    made.nodes_[n].op = &made.ops_.back();
  }
  made.graph_ = graph;
  made.graph_.nodes = made.nodes_;
  return made;
}

const char* kernel_name(Kernel kernel) {
  static const char* const kNames[] = {
#define LIGERO_NAME(name, type) #name,
      LIGERO_CUDA_PRODUCT_KERNELS(LIGERO_NAME) LIGERO_CUDA_OTHER_KERNELS(LIGERO_NAME)
#undef LIGERO_NAME
          "none"};
  return kNames[static_cast<size_t>(kernel)];
}

}  // namespace ligero::cuda
