// SPDX-License-Identifier: Apache-2.0
// Placements of the plan to views, and launches into the list.
#include "platforms/cuda/recorder.h"

#include "platforms/cuda/table.h"

namespace ligero::cuda {
namespace {

/// What a grid may be long: the second and third side of any GPU's.
constexpr int64_t kMostBlocksX = INT32_MAX;
constexpr int64_t kMostBlocksYZ = 65535;

}  // namespace

Result<const float*> Tables::add(const std::vector<float>& values) {
  const size_t bytes = values.size() * sizeof(float);
  Memory device(driver_, Memory::Where::kDevice, bytes);
  const Memory host(driver_, Memory::Where::kHost, bytes);
  if (device.data() == nullptr || host.data() == nullptr) {
    return no_memory(driver_, bytes);
  }
  std::memcpy(host.data(), values.data(), bytes);
  Fault fault = queue_->upload(device.data(), host.data(), bytes);
  fault = fault != 0 ? fault : queue_->wait();
  if (fault != 0) {
    return failed(fault);
  }
  memory_.push_back(std::move(device));
  return reinterpret_cast<const float*>(memory_.back().data());
}

Status Recorder::record(size_t n, std::vector<Launch>* launches) {
  n_ = n;
  start(launches);
  const DeviceOp* op = find_device_op(node().op->name);
  Status status = op->record(this);
  status = status.ok() ? status_ : status;
  if (!status.ok()) {
    status.index = static_cast<int32_t>(n);
  }
  return status;
}

Rows Recorder::rows() const {
  const NodePlacement& place = plan_.places[n_];
  const PlanOptions& options = plan_.options;
  Rows rows;
  if (plan_.nodes[n_].constant) {
    rows.reach = Reach::kAlways;
    return rows;
  }
  rows.frames = options.max_frames;
  rows.revised = place.revised;
  rows.delay = place.delay;
  rows.context = options.context_frames;
  rows.ahead = place.revised > 0 ? 0 : options.look_ahead_frames;
  return rows;
}

View Recorder::place(int32_t t, int32_t shift) const {
  const auto index = static_cast<size_t>(t);
  const Tensor& tensor = graph_.tensors[index];
  View view;
  if (tensor.kind == Kind::kWeight) {
    view.data = const_cast<float*>(static_cast<const float*>(weights_[index].data));
    return view;
  }
  const Placement& place = plan_.tensors[index];
  view.data = reinterpret_cast<float*>(layout_.arena + place.offset);
  view.stride = static_cast<int64_t>(layout_.arena_bytes / sizeof(float));
  view.row = place.row;
  if (tensor.kind == Kind::kSequence) {
    view.step = 1;
    view.first = place.history - shift;
    view.ring = kept_.of[index];
    view.capacity = place.capacity;
  }
  return view;
}

View Recorder::in(size_t k) const {
  const int32_t t = node().inputs[k];
  return place(t, plan_.places[n_].delay - plan_.tensors[static_cast<size_t>(t)].delay);
}

View Recorder::out() const {
  return place(node().outputs[0], 0);
}

View Recorder::tensor(int32_t t) const {
  return place(t, 0);
}

View Recorder::state() const {
  View view;
  view.data = reinterpret_cast<float*>(layout_.arena + plan_.places[n_].state_offset);
  view.stride = static_cast<int64_t>(layout_.arena_bytes / sizeof(float));
  return view;
}

View Recorder::scratch(int64_t offset, int64_t row, int32_t first) const {
  View view;
  view.data = reinterpret_cast<float*>(layout_.arena + plan_.scratch_offset) + offset;
  view.stride = static_cast<int64_t>(layout_.arena_bytes / sizeof(float));
  view.row = row;
  view.step = 1;
  view.first = first;
  return view;
}

const float* Recorder::weight(size_t k) const {
  return has(k) ? static_cast<const float*>(weights_[static_cast<size_t>(node().inputs[k])].data)
                : nullptr;
}

const DeviceWeight& Recorder::panels(size_t k) const {
  return weights_[static_cast<size_t>(node().inputs[k])];
}

const float* Recorder::table(const std::vector<float>& values) {
  const Result<const float*> made = tables_->add(values);
  if (!made.ok()) {
    status_ = made.status();
    return nullptr;
  }
  return made.value();
}

void Recorder::add(
    Launch& launch, int64_t x, int64_t y, int64_t z, int64_t shared_floats, int32_t repeat) {
  if (x <= 0 || y <= 0 || z <= 0 || repeat <= 0) {
    return;
  }
  const int64_t shared_bytes = shared_floats * static_cast<int64_t>(sizeof(float));
  if (x > kMostBlocksX || y > kMostBlocksYZ || z > kMostBlocksYZ ||
      shared_bytes > kMostSharedBytes) {
    status_ = error(Code::kUnsupportedModel, "an op is too large for the GPU backend");
    return;
  }
  launch.blocks[0] = static_cast<int32_t>(x);
  launch.blocks[1] = static_cast<int32_t>(y);
  launch.blocks[2] = static_cast<int32_t>(z);
  launch.shared_bytes = static_cast<int32_t>(shared_bytes);
  launch.repeat = repeat;
  launches_->push_back(launch);
}

}  // namespace ligero::cuda
