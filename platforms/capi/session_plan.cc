// SPDX-License-Identifier: Apache-2.0
// Reads a ligero_session_config of any version, and plans it.
#include "platforms/capi/session_plan.h"

#include <cstring>
#include <utility>

#include "platforms/capi/handles.h"
#include "platforms/capi/refusal.h"
#include "platforms/cuda/choose.h"
#include "runtime/base/text.h"

namespace ligero::capi {
namespace {

/// A model that cannot run frame by frame is named, and what to do about it.
ligero_status refuse_plan(const Model& model, const SessionConfig& config, const Status& status) {
  constexpr size_t kMostName = 64;
  const bool needs_whole =
      status.code == Code::kBadArgument && status.index >= 0 && config.block.hops == 0;
  if (!needs_whole) {
    return refuse(status);
  }
  char what[160];
  Text(what, sizeof(what))
      .add_printable(model.metadata("name"), kMostName)
      .add(" hears whole recordings and cannot run frame by frame; use a -live model, or blocks");
  return refuse(status.code, what);
}

Result<SessionConfig> read_config(const ligero_session_config* config, bool in_arena) {
  SessionConfig c;
  ligero_session_config given = {};
  if (config != nullptr) {
    if (config->struct_bytes < sizeof(config->struct_bytes) ||
        config->struct_bytes > sizeof(given) || config->struct_bytes % sizeof(uint32_t) != 0) {
      return error(Code::kBadArgument,
                   "struct_bytes is not the size of a ligero_session_config",
                   -1,
                   config->struct_bytes);
    }
    std::memcpy(&given, config, config->struct_bytes);
  }
  constexpr uint32_t kMost = 1u << 30;  // so that no value wraps; the session has lower limits
  for (const uint32_t value : {given.rate_hz,
                               given.channels,
                               given.block_hops,
                               given.context_hops,
                               given.look_ahead_hops,
                               given.targets}) {
    if (value > kMost) {
      return error(Code::kBadArgument, "rate, channel count, block or targets out of range");
    }
  }
  c.rate_hz = given.rate_hz != 0 ? static_cast<int32_t>(given.rate_hz) : c.rate_hz;
  c.channels = given.channels != 0 ? static_cast<int32_t>(given.channels) : c.channels;
  c.channel_mask = given.channel_mask;
  const Result<Bandwidth> bandwidth = bandwidth_of(given.bandwidth);
  LIGERO_RETURN_IF_ERROR(bandwidth.status());
  c.bandwidth = bandwidth.value();
  c.targets = given.targets != 0 ? static_cast<int32_t>(given.targets) : c.targets;
  c.pass_without_target = given.pass_without_target != 0;
  c.block = {static_cast<int32_t>(given.block_hops),
             static_cast<int32_t>(given.context_hops),
             static_cast<int32_t>(given.look_ahead_hops)};
  LIGERO_CHECK(!in_arena || given.device == LIGERO_DEVICE_CPU,
               Code::kBadArgument,
               "in an arena a session computes on the processor",
               -1,
               given.device);
  const Result<const Backend*> accelerator = find_accelerator(given.device);
  LIGERO_RETURN_IF_ERROR(accelerator.status());
  c.processor.accelerator = accelerator.value();
  return c;
}

}  // namespace

Result<const Backend*> find_accelerator(uint32_t device) {
  LIGERO_CHECK(device <= LIGERO_DEVICE_AUTO, Code::kBadArgument, "no such device", -1, device);
  return cuda::choose_accelerator(static_cast<cuda::Choice>(device));
}

ligero_status plan_config(const ligero_model* model,
                          const ligero_session_config* config,
                          int32_t sessions,
                          SessionPlan* plan) {
  const Result<SessionConfig> c = read_config(config, model->arena.is_set());
  if (!c.ok()) {
    return refuse(c.status());
  }
  Result<SessionPlan> made = plan_sessions(model->model, c.value(), sessions);
  if (!made.ok()) {
    return refuse_plan(model->model, c.value(), made.status());
  }
  *plan = std::move(made.value());
  return LIGERO_OK;
}

}  // namespace ligero::capi
