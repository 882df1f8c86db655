// One block of device memory, filled through one block of host memory.
#include "platforms/cuda/weights.h"

#include <cstring>

#include "runtime/base/checked.h"

namespace ligero::cuda {
namespace {

constexpr int32_t kQ8Group = 4;

int64_t panel_floats(const Tensor& t) {
  return ceil_div(t.dim[1], kPanelWidth) * t.dim[0] * kPanelWidth;
}

size_t device_bytes(const Tensor& t) {
  if (t.layout != Layout::kPanels) {
    return static_cast<size_t>(t.elements()) * sizeof(float);
  }
  return static_cast<size_t>(panel_floats(t)) * (t.type == Type::kF16 ? 2 : sizeof(float));
}

/// Panels [inner / 4][16][4] of int8 to panels [inner][16] of floats.
void widen_q8(const Tensor& t, float* to) {
  const auto* from = static_cast<const int8_t*>(t.data);
  const int64_t groups = ceil_div(t.dim[0], kQ8Group);
  for (int32_t panel = 0; panel * kPanelWidth < t.dim[1]; ++panel) {
    for (int32_t k = 0; k < t.dim[0]; ++k) {
      for (int32_t c = 0; c < kPanelWidth; ++c) {
        const int32_t o = panel * kPanelWidth + c;
        const int64_t at = ((panel * groups + k / kQ8Group) * kPanelWidth + c) * kQ8Group;
        *to++ = o < t.dim[1] ? t.scale[o] * static_cast<float>(from[at + k % kQ8Group]) : 0.0f;
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
    bytes += t.kind == Kind::kWeight ? align_up(device_bytes(t)) : 0;
  }
  made->bytes_ = bytes;
  made->memory_ = Memory(driver, Memory::Where::kDevice, bytes + kAlignment);
  const Memory host(driver, Memory::Where::kHost, bytes + kAlignment);
  LIGERO_CHECK(made->memory_.data() != nullptr && host.data() != nullptr,
               Code::kTooLittleMemory,
               "the GPU has no memory for the weights: 'where' is the bytes needed",
               -1,
               static_cast<int64_t>(bytes));
  size_t at = 0;
  for (size_t i = 0; i < graph.tensors.size(); ++i) {
    const Tensor& t = graph.tensors[i];
    if (t.kind != Kind::kWeight) {
      continue;
    }
    DeviceWeight& w = made->weights_[i];
    w.data = made->memory_.data() + at;
    w.type = t.type == Type::kQ8 ? Type::kF32 : t.type;
    if (t.layout == Layout::kPanels) {
      w.inner = t.dim[0];
      w.outputs = t.dim[1];
    }
    if (t.type == Type::kQ8) {
      widen_q8(t, reinterpret_cast<float*>(host.data() + at));
    } else {
      std::memcpy(host.data() + at, t.data, device_bytes(t));
    }
    at += align_up(device_bytes(t));
  }
  Fault fault = queue->upload(made->memory_.data(), host.data(), bytes);
  fault = fault != 0 ? fault : queue->wait();
  LIGERO_CHECK(fault == 0,
               Code::kUnsupportedHardware,
               "the GPU has failed: 'where' is the driver's error",
               -1,
               fault);
  return made;
}

}  // namespace ligero::cuda
