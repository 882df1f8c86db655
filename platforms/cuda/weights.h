// SPDX-License-Identifier: Apache-2.0
// A graph's weights on the device, brought over once for all sessions. Not: the file's layout
// (runtime/graph.h), which is kept.
#ifndef LIGERO_PLATFORMS_CUDA_WEIGHTS_H_
#define LIGERO_PLATFORMS_CUDA_WEIGHTS_H_

#include <memory>
#include <vector>

#include "platforms/cuda/driver.h"
#include "runtime/base/status.h"
#include "runtime/graph.h"

namespace ligero::cuda {

/// f32 and f16 as in the file. int8 with its scales, in panels [inner][16] as the others.
struct DeviceWeight {
  const void* data = nullptr;
  const float* scale = nullptr;  ///< int8 only: one for each output
  Type type = Type::kF32;
  int32_t inner = 0;  ///< panels only
  int32_t outputs = 0;
};

class Weights {
 public:
  /// kTooLittleMemory with the bytes asked for; kUnsupportedHardware where the device fails.
  static Result<std::shared_ptr<Weights>> upload(const Graph& graph, Driver* driver, Queue* queue);

  /// Whether these are the weights of that graph, which must not have moved.
  bool are_of(const Graph& graph) const {
    return graph_ == graph.tensors.data();
  }
  const DeviceWeight& operator[](size_t tensor) const {
    return weights_[tensor];
  }
  size_t bytes() const {
    return bytes_;
  }

 private:
  const Tensor* graph_ = nullptr;
  std::vector<DeviceWeight> weights_;
  Memory memory_;
  size_t bytes_ = 0;
};

}  // namespace ligero::cuda

#endif  // LIGERO_PLATFORMS_CUDA_WEIGHTS_H_
