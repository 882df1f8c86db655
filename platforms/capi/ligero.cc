// SPDX-License-Identifier: Apache-2.0
// The C API over the sessions of model/session: arguments checked, statuses translated, nothing
// else. These functions are what every build has. Not: models on the heap (models.cc), profiles
// (profiles.cc), batches (batch.cc), whole recordings (recording.cc).
#include "runtime/api/ligero.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>
#include <utility>

#include "model/format/loader.h"
#include "model/format/profile.h"
#include "model/session/session.h"
#include "platforms/capi/handles.h"
#include "platforms/capi/library_ops.h"
#include "platforms/capi/refusal.h"
#include "platforms/capi/session_plan.h"
#include "runtime/base/aligned_block.h"
#include "runtime/base/arena.h"
#include "runtime/base/version.h"

using ligero::Code;
using ligero::Result;
using ligero::Status;
using ligero::capi::null_argument;
using ligero::capi::plan_config;
using ligero::capi::refuse;

namespace {

bool has_target(const ligero_session* session, uint32_t index) {
  return index < static_cast<uint32_t>(session->group->targets());
}

ligero_status refuse_target() {
  return refuse(Code::kBadArgument, "the session has fewer targets (ligero_session_config.targets)");
}

}  // namespace

uint32_t ligero_version(void) {
  return LIGERO_API_VERSION;
}

const char* ligero_version_string(void) {
  return ligero::version();
}

const char* ligero_last_error(void) {
  return ligero::capi::last_error();
}

ligero_status ligero::capi::open_model(std::span<const std::byte> bytes, ligero_model* m) {
  Fault fault;
  Result<Model> opened = Model::open(bytes, library_ops(), {}, &fault);
  if (!opened.ok()) {
    return refuse(opened.status(), fault.text);
  }
  m->model = std::move(opened.value());
  return LIGERO_OK;
}

ligero_status ligero_model_open_in(
    const void* data, size_t bytes, void* arena, size_t arena_bytes, ligero_model** model) {
  if (data == nullptr || arena == nullptr || model == nullptr) {
    return null_argument("data, arena, model");
  }
  *model = nullptr;
  if (reinterpret_cast<uintptr_t>(arena) % ligero::kAlignment != 0) {
    return refuse(Code::kBadArgument, "the arena is not aligned to 64 bytes");
  }
  ligero::Arena memory(arena, arena_bytes);
  void* const place = memory.take(sizeof(ligero_model), alignof(ligero_model));
  if (place == nullptr) {
    return refuse(Code::kTooLittleMemory, "the arena is too small for a model");
  }
  auto* m = ::new (place) ligero_model;
  m->arena = memory;
  const ligero::UseArena use(m->memory());
  // If it fails, the arena with all that is in it is the caller's again.
  const ligero_status opened =
      ligero::capi::open_model({static_cast<const std::byte*>(data), bytes}, m);
  *model = opened == LIGERO_OK ? m : nullptr;
  return opened;
}

size_t ligero_arena_bytes(const ligero_model* model) {
  return model != nullptr ? model->arena.most_bytes() : 0;
}

void ligero_model_close(ligero_model* model) {
  if (model != nullptr && model->memory() == nullptr) {
    delete model;
  }
}

ligero_status ligero_session_bytes(const ligero_model* model,
                                   const ligero_session_config* config,
                                   size_t* bytes) {
  if (model == nullptr || bytes == nullptr) {
    return null_argument("model, bytes");
  }
  const ligero::UseArena use(model->memory());
  ligero::SessionPlan plan;
  const ligero_status planned = plan_config(model, config, 1, &plan);
  if (planned == LIGERO_OK) {
    *bytes = plan.bytes;
  }
  return planned;
}

ligero_status ligero_session_create(const ligero_model* model,
                                    const ligero_session_config* config,
                                    void* block,
                                    size_t bytes,
                                    ligero_session** session) {
  if (model == nullptr || session == nullptr) {
    return null_argument("model, session");
  }
  *session = nullptr;
  const ligero::UseArena use(model->memory());
  ligero::SessionPlan plan;
  const ligero_status planned = plan_config(model, config, 1, &plan);
  if (planned != LIGERO_OK) {
    return planned;
  }
  std::unique_ptr<ligero_session> s(new (std::nothrow) ligero_session);
  if (s != nullptr) {
    s->memory = model->memory();
    s->own.reset(new (std::nothrow) ligero::SessionGroup);
    s->group = s->own.get();
  }
  if (s == nullptr || s->group == nullptr ||
      (block == nullptr && !s->block.allocate(plan.bytes))) {
    return refuse(ligero::error(Code::kTooLittleMemory,
                                "no memory for a session's block",
                                -1,
                                static_cast<int64_t>(plan.bytes)));
  }
  if (block == nullptr) {
    block = s->block.data();
    bytes = s->block.size();
  }
  const Status started = s->group->start(std::move(plan), block, bytes);
  if (!started.ok()) {
    return refuse(started);
  }
  *session = s.release();
  return LIGERO_OK;
}

void ligero_session_destroy(ligero_session* session) {
  if (session != nullptr && session->own != nullptr) {
    const ligero::UseArena use(session->memory);
    delete session;
  }
}

ligero_status ligero_set_target(ligero_session* session, const ligero_profile* profile) {
  return ligero_set_target_of(session, 0, profile);
}

ligero_status ligero_set_target_of(ligero_session* session,
                                   uint32_t index,
                                   const ligero_profile* profile) {
  if (session == nullptr) {
    return null_argument("session");
  }
  if (!has_target(session, index)) {
    return refuse_target();
  }
  const auto target = static_cast<int32_t>(index);
  if (profile == nullptr) {
    session->session().clear_target(target);
    return LIGERO_OK;
  }
  const Status set = session->session().set_target(profile->profile, target);
  return set.ok() ? LIGERO_OK : refuse(set);
}

ligero_status ligero_set_target_data(ligero_session* session,
                                     uint32_t index,
                                     const void* data,
                                     size_t bytes) {
  if (session == nullptr || data == nullptr) {
    return null_argument("session, data");
  }
  if (!has_target(session, index)) {
    return refuse_target();
  }
  const Result<ligero::Profile> profile =
      ligero::Profile::view({static_cast<const std::byte*>(data), bytes});
  const Status set = profile.ok() ? session->session().set_target(profile.value(),
                                                                  static_cast<int32_t>(index))
                                  : profile.status();
  return set.ok() ? LIGERO_OK : refuse(set);
}

ligero_status ligero_set_strength(ligero_session* session, float strength, float limit_db) {
  if (session == nullptr) {
    return null_argument("session");
  }
  session->session().set_strength(strength, limit_db);
  return LIGERO_OK;
}

ligero_status ligero_set_bypass(ligero_session* session, int bypass) {
  if (session == nullptr) {
    return null_argument("session");
  }
  session->session().set_bypass(bypass != 0);
  return LIGERO_OK;
}

ligero_status ligero_process(ligero_session* session,
                             const float* const* in,
                             float* const* out,
                             uint32_t frames) {
  if (session == nullptr || in == nullptr || out == nullptr) {
    return null_argument("session, in, out");
  }
  if (session->own == nullptr) {
    return refuse(Code::kBadState, "a session of a batch goes on with ligero_batch_process alone");
  }
  if (frames > INT32_MAX) {
    return refuse(Code::kBadArgument, "too many frames in one call");
  }
  for (int32_t c = 0; frames > 0 && c < session->group->channels(); ++c) {
    if (in[c] == nullptr || out[c] == nullptr) {
      return null_argument("in[channel], out[channel]");
    }
  }
  session->group->process(in, out, static_cast<int32_t>(frames));
  return LIGERO_OK;
}

ligero_status ligero_side_output(const ligero_session* session, const char* name, float* value) {
  return ligero_side_output_of(session, 0, name, value);
}

ligero_status ligero_side_output_of(const ligero_session* session,
                                    uint32_t index,
                                    const char* name,
                                    float* value) {
  if (session == nullptr || name == nullptr || value == nullptr) {
    return null_argument("session, name, value");
  }
  if (!has_target(session, index)) {
    return refuse_target();
  }
  const int32_t k = session->group->ports().find_side_output(name);
  if (k < 0) {
    return refuse(Code::kBadArgument, "the network has no side output of that name", name);
  }
  *value = session->session().side_output(static_cast<size_t>(k), static_cast<int32_t>(index));
  return LIGERO_OK;
}

uint32_t ligero_latency(const ligero_session* session) {
  return session != nullptr ? static_cast<uint32_t>(session->session().latency_samples()) : 0;
}

ligero_status ligero_finish(ligero_session* session) {
  if (session == nullptr) {
    return null_argument("session");
  }
  session->session().finish();
  return LIGERO_OK;
}

ligero_status ligero_reset(ligero_session* session) {
  if (session == nullptr) {
    return null_argument("session");
  }
  session->session().reset();
  return LIGERO_OK;
}

ligero_status ligero_get_statistics(const ligero_session* session, ligero_statistics* statistics) {
  if (session == nullptr || statistics == nullptr) {
    return null_argument("session, statistics");
  }
  const ligero::SessionStatistics now = session->session().statistics();
  ligero_statistics full = {};
  full.struct_bytes = statistics->struct_bytes;
  full.samples = now.samples;
  full.cleaned_samples = now.cleaned_samples;
  full.healed_hops = now.healed_hops;
  full.device = now.accelerated ? LIGERO_DEVICE_CUDA : LIGERO_DEVICE_CPU;
  full.lost_devices = now.accelerator_lost ? 1 : 0;
  std::memcpy(statistics, &full, std::min<size_t>(statistics->struct_bytes, sizeof(full)));
  return LIGERO_OK;
}
