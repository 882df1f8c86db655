// SPDX-License-Identifier: Apache-2.0
// One block of device memory, filled through one block of host memory.
#include "platforms/cuda/weights.h"

#include <cstring>

#include "runtime/base/checked.h"

namespace ligero::cuda {
namespace {

constexpr int32_t kQ8Group = 4;

size_t bytes_of(Type type) {
  switch (type) {
    case Type::kF16:
      return sizeof(Half);
    case Type::kQ8:
      return sizeof(int8_t);
    case Type::kF32:
      break;
  }
  return sizeof(float);
}

size_t data_bytes(const Tensor& t) {
  const int64_t elements = t.layout == Layout::kPanels
                               ? ceil_div(t.dim[1], kPanelWidth) * t.dim[0] * kPanelWidth
                               : t.elements();
  return static_cast<size_t>(elements) * bytes_of(t.type);
}

size_t scale_bytes(const Tensor& t) {
  return t.type == Type::kQ8 ? static_cast<size_t>(t.dim[1]) * sizeof(float) : 0;
}

/// Panels [inner / 4][16][4] of int8 to panels [inner][16].
void lay_out_q8(const Tensor& t, int8_t* to) {
  const auto* from = static_cast<const int8_t*>(t.data);
  const int64_t groups = ceil_div(t.dim[0], kQ8Group);
  for (int64_t panel = 0; panel * kPanelWidth < t.dim[1]; ++panel) {
    for (int32_t k = 0; k < t.dim[0]; ++k) {
      for (int32_t c = 0; c < kPanelWidth; ++c) {
        *to++ = from[((panel * groups + k / kQ8Group) * kPanelWidth + c) * kQ8Group + k % kQ8Group];
      }
    }
  }
}

}  // namespace

Result<std::shared_ptr<Weights>> Weights::upload(const Graph& graph, Driver* driver, Queue* queue) {
  auto made = std::make_shared<Weights>();
  made->graph_ = graph.tensors.data();
  made->weights_.resize(graph.tensors.size());
  size_t bytes = 0;
  for (const Tensor& t : graph.tensors) {
    if (t.kind == Kind::kWeight) {
      bytes += align_up(data_bytes(t)) + align_up(scale_bytes(t));
    }
  }
  made->bytes_ = bytes;
  made->memory_ = Memory(driver, Memory::Where::kDevice, bytes + kAlignment);
  const Memory host(driver, Memory::Where::kHost, bytes + kAlignment);
  if (made->memory_.data() == nullptr || host.data() == nullptr) {
    return no_memory(driver, bytes);
  }
  size_t at = 0;
  for (size_t i = 0; i < graph.tensors.size(); ++i) {
    const Tensor& t = graph.tensors[i];
    if (t.kind != Kind::kWeight) {
      continue;
    }
    DeviceWeight& w = made->weights_[i];
    w.data = made->memory_.data() + at;
    w.type = t.type;
    if (t.layout == Layout::kPanels) {
      w.inner = t.dim[0];
      w.outputs = t.dim[1];
    }
    if (t.type == Type::kQ8) {
      lay_out_q8(t, reinterpret_cast<int8_t*>(host.data() + at));
    } else {
      std::memcpy(host.data() + at, t.data, data_bytes(t));
    }
    at += align_up(data_bytes(t));
    if (t.type == Type::kQ8) {
      w.scale = reinterpret_cast<const float*>(made->memory_.data() + at);
      std::memcpy(host.data() + at, t.scale, scale_bytes(t));
      at += align_up(scale_bytes(t));
    }
  }
  Fault fault = queue->upload(made->memory_.data(), host.data(), bytes);
  fault = fault != 0 ? fault : queue->wait();
  return fault == 0 ? Result<std::shared_ptr<Weights>>(std::move(made)) : failed(fault);
}

}  // namespace ligero::cuda
