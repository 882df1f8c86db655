// SPDX-License-Identifier: Apache-2.0
// Batches of the C API: many sessions of one model. Bare-metal builds lack them.
#include <algorithm>
#include <new>
#include <utility>

#include "platforms/capi/handles.h"
#include "platforms/capi/refusal.h"
#include "platforms/capi/session_plan.h"

using ligero::Code;
using ligero::Status;
using ligero::capi::null_argument;
using ligero::capi::plan_config;
using ligero::capi::refuse;

ligero_status ligero_batch_create(const ligero_model* model,
                                  const ligero_session_config* config,
                                  uint32_t sessions,
                                  ligero_batch** batch) {
  if (model == nullptr || batch == nullptr) {
    return null_argument("model, batch");
  }
  *batch = nullptr;
  const auto count = static_cast<int32_t>(std::min<uint32_t>(sessions, INT32_MAX));
  ligero::SessionPlan plan;
  const ligero_status planned = plan_config(model, config, count, &plan);
  if (planned != LIGERO_OK) {
    return planned;
  }
  std::unique_ptr<ligero_batch> made(new (std::nothrow) ligero_batch);
  if (made != nullptr) {
    made->sessions.reset(new (std::nothrow) ligero_session[sessions]);
  }
  if (made == nullptr || made->sessions == nullptr || !made->block.allocate(plan.bytes)) {
    return refuse(Code::kTooLittleMemory, "no memory for the sessions of a batch");
  }
  const Status started =
      made->group.start(std::move(plan), made->block.data(), made->block.size());
  if (!started.ok()) {
    return refuse(started);
  }
  for (int32_t s = 0; s < count; ++s) {
    made->sessions[static_cast<size_t>(s)].group = &made->group;
    made->sessions[static_cast<size_t>(s)].index = s;
  }
  *batch = made.release();
  return LIGERO_OK;
}

void ligero_batch_destroy(ligero_batch* batch) {
  delete batch;
}

ligero_session* ligero_batch_session(ligero_batch* batch, uint32_t index) {
  return batch != nullptr && index < static_cast<uint32_t>(batch->group.sessions())
             ? &batch->sessions[index]
             : nullptr;
}

ligero_status ligero_batch_process(ligero_batch* batch,
                                   const float* const* in,
                                   float* const* out,
                                   uint32_t frames) {
  if (batch == nullptr || in == nullptr || out == nullptr) {
    return null_argument("batch, in, out");
  }
  if (frames > INT32_MAX) {
    return refuse(Code::kBadArgument, "too many frames in one call");
  }
  batch->group.process(in, out, static_cast<int32_t>(frames));
  return LIGERO_OK;
}
