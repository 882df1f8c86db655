// SPDX-License-Identifier: Apache-2.0
// Windows slide; their spare rows decide how often rows are moved.
#include "runtime/history.h"

#include <cstring>

#include "runtime/plan/plan.h"

namespace ligero {

Status KeptTensors::find(const Plan& plan) {
  size_t count = 0;
  const auto keeps = [](const Placement& p) { return p.live && p.kept && p.history > 0; };
  for (const Placement& place : plan.tensors) {
    count += keeps(place) ? 1 : 0;
  }
  LIGERO_CHECK(tensor.allocate(count) && of.allocate(plan.tensors.size()),
               Code::kTooLittleMemory,
               "no memory for a history");
  count = 0;
  for (size_t t = 0; t < plan.tensors.size(); ++t) {
    of[t] = -1;
    if (keeps(plan.tensors[t])) {
      of[t] = static_cast<int32_t>(count);
      tensor[count++] = static_cast<int32_t>(t);
    }
  }
  return {};
}

Status Windows::start(const Plan& plan, int32_t seats) {
  plan_ = &plan;
  LIGERO_RETURN_IF_ERROR(kept_.find(plan));
  LIGERO_CHECK(heads_.allocate(static_cast<size_t>(seats) * kept_.tensor.size()),
               Code::kTooLittleMemory,
               "no memory for a history");
  return {};
}

void Windows::advance(int32_t seat, std::byte* region, int32_t frames) noexcept {
  for (size_t k = 0; k < kept_.tensor.size(); ++k) {
    const Placement& place = plan_->tensors[static_cast<size_t>(kept_.tensor[k])];
    int32_t& head = heads_[index(seat, static_cast<int32_t>(k))];
    head += frames;
    if (head + place.history + plan_->options.max_frames > place.capacity) {
      float* base = reinterpret_cast<float*>(region + place.offset);
      std::memmove(base,
                   base + head * place.row,
                   static_cast<size_t>(place.history * place.row) * sizeof(float));
      head = 0;
    }
  }
}

void Windows::reset(int32_t seat, std::byte* region) noexcept {
  for (size_t k = 0; k < kept_.tensor.size(); ++k) {
    const Placement& place = plan_->tensors[static_cast<size_t>(kept_.tensor[k])];
    std::memset(region + place.offset, 0, place.bytes);
    // Different starts, so that the windows are not all moved back in the same call.
    const int32_t starts = place.capacity - place.history - plan_->options.max_frames + 1;
    heads_[index(seat, static_cast<int32_t>(k))] = static_cast<int32_t>(k) % starts;
  }
}

}  // namespace ligero
