// SPDX-License-Identifier: Apache-2.0
// The C API over the sessions of model/session: arguments checked, statuses translated, nothing
// else.
#include "runtime/api/ligero.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>
#include <string_view>
#include <utility>

#include "model/format/loader.h"
#include "model/format/profile.h"
#include "model/format/whole_file.h"
#include "model/session/anchor.h"
#include "model/session/recording.h"
#include "model/session/resampler.h"
#include "model/session/session.h"
#include "model/session/verify.h"
#include "platforms/capi/handles.h"
#include "platforms/capi/library_ops.h"
#include "platforms/capi/refusal.h"
#include "platforms/cuda/choose.h"
#include "runtime/base/aligned_block.h"
#include "runtime/base/version.h"
#include "runtime/cpu_run.h"

using ligero::Code;
using ligero::Result;
using ligero::Status;
using ligero::capi::hertz;
using ligero::capi::kMostFrames;
using ligero::capi::null_argument;
using ligero::capi::refuse;

namespace {

Result<const ligero::Backend*> find_accelerator(uint32_t device) {
  if (device > LIGERO_DEVICE_AUTO) {
    return ligero::error(Code::kBadArgument, "no such device", -1, device);
  }
  return ligero::cuda::choose_accelerator(static_cast<ligero::cuda::Choice>(device));
}

/// A model that cannot run frame by frame is named, and what to do about it.
ligero_status refuse_plan(const ligero_model* model,
                          const ligero::SessionConfig& config,
                          const Status& status) {
  const bool needs_whole =
      status.code == Code::kBadArgument && status.index >= 0 && config.block.hops == 0;
  if (!needs_whole) {
    return refuse(status);
  }
  const std::string_view name = model->model.metadata("name");
  char what[160];
  std::snprintf(what,
                sizeof(what),
                "%.*s hears whole recordings and cannot run frame by frame; use a -live model, or "
                "blocks",
                static_cast<int>(std::min<size_t>(name.size(), 64)),
                name.data());
  return refuse(status.code, what);
}

Result<ligero::SessionConfig> read_config(const ligero_session_config* config) {
  ligero::SessionConfig c;
  ligero_session_config given = {};
  if (config != nullptr) {
    if (config->struct_bytes < sizeof(config->struct_bytes) ||
        config->struct_bytes > sizeof(given) || config->struct_bytes % sizeof(uint32_t) != 0) {
      return ligero::error(Code::kBadArgument,
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
      return ligero::error(Code::kBadArgument, "rate, channel count, block or targets out of range");
    }
  }
  c.rate_hz = given.rate_hz != 0 ? static_cast<int32_t>(given.rate_hz) : c.rate_hz;
  c.channels = given.channels != 0 ? static_cast<int32_t>(given.channels) : c.channels;
  c.channel_mask = given.channel_mask;
  const Result<ligero::Bandwidth> bandwidth = ligero::capi::bandwidth_of(given.bandwidth);
  LIGERO_RETURN_IF_ERROR(bandwidth.status());
  c.bandwidth = bandwidth.value();
  c.targets = given.targets != 0 ? static_cast<int32_t>(given.targets) : c.targets;
  c.pass_without_target = given.pass_without_target != 0;
  c.block = {static_cast<int32_t>(given.block_hops),
             static_cast<int32_t>(given.context_hops),
             static_cast<int32_t>(given.look_ahead_hops)};
  const Result<const ligero::Backend*> accelerator = find_accelerator(given.device);
  LIGERO_RETURN_IF_ERROR(accelerator.status());
  c.processor.accelerator = accelerator.value();
  return c;
}

void fill_report(const ligero::AnchorQuality& q, ligero_anchor_report* report) {
  ligero_anchor_report full = {};
  full.struct_bytes = report->struct_bytes;
  full.speech_seconds = static_cast<float>(q.speech_seconds);
  full.level_db = static_cast<float>(q.speech_db);
  full.noise_db = static_cast<float>(q.noise_db);
  full.clipped_share = static_cast<float>(q.clipped_share);
  full.cleaned_samples = q.cleaned_samples;
  full.advice = ligero::describe(ligero::advice(q));
  std::memcpy(report, &full, std::min<size_t>(report->struct_bytes, sizeof(full)));
}

ligero_status open_model(ligero_model* m, std::span<const std::byte> bytes, ligero_model** out) {
  ligero::Fault fault;
  Result<ligero::Model> opened = ligero::Model::open(bytes, ligero::library_ops(), {}, &fault);
  if (!opened.ok()) {
    delete m;
    return refuse(opened.status(), fault.text);
  }
  m->model = std::move(opened.value());
  *out = m;
  return LIGERO_OK;
}

ligero_status keep_profile(Result<ligero::Profile> made, const char* where, ligero_profile** out) {
  if (!made.ok()) {
    return refuse(made.status(), where);
  }
  *out = new (std::nothrow) ligero_profile{std::move(made.value())};
  return *out != nullptr ? LIGERO_OK : refuse(Code::kTooLittleMemory, "no memory for a profile");
}

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

ligero_status ligero_model_open(const char* path, ligero_model** model) {
  if (path == nullptr || model == nullptr) {
    return null_argument("path, model");
  }
  *model = nullptr;
  Result<ligero::WholeFile> file = ligero::WholeFile::open(path);
  if (!file.ok()) {
    return refuse(file.status(), path);
  }
  auto* m = new (std::nothrow) ligero_model;
  if (m == nullptr) {
    return refuse(Code::kTooLittleMemory, "no memory for a model");
  }
  m->file = std::move(file.value());
  return open_model(m, m->file.bytes(), model);
}

ligero_status ligero_model_open_memory(const void* data, size_t bytes, ligero_model** model) {
  if (data == nullptr || model == nullptr) {
    return null_argument("data, model");
  }
  *model = nullptr;
  auto* m = new (std::nothrow) ligero_model;
  if (m == nullptr) {
    return refuse(Code::kTooLittleMemory, "no memory for a model");
  }
  return open_model(m, {static_cast<const std::byte*>(data), bytes}, model);
}

void ligero_model_close(ligero_model* model) {
  delete model;
}

ligero_status ligero_enroll(const ligero_model* model,
                            const float* samples,
                            size_t frames,
                            uint32_t rate_hz,
                            uint32_t channels,
                            ligero_profile** profile,
                            ligero_anchor_report* report) {
  return ligero_enroll_on(
      LIGERO_DEVICE_CPU, model, samples, frames, rate_hz, channels, profile, report);
}

ligero_status ligero_enroll_on(uint32_t device,
                               const ligero_model* model,
                               const float* samples,
                               size_t frames,
                               uint32_t rate_hz,
                               uint32_t channels,
                               ligero_profile** profile,
                               ligero_anchor_report* report) {
  if (model == nullptr || samples == nullptr || profile == nullptr) {
    return null_argument("model, samples, profile");
  }
  *profile = nullptr;
  if (channels < 1 || channels > 32 || frames == 0 || frames > kMostFrames) {
    return refuse(Code::kBadArgument, "channels must be 1 to 32 and frames 1 to 2^30");
  }
  const Result<const ligero::Backend*> found = find_accelerator(device);
  if (!found.ok()) {
    return refuse(found.status());
  }
  ligero::Processor processor;
  processor.accelerator = found.value();
  ligero::Array<float> mono;
  const Status converted = ligero::resample_recording({samples, frames * channels},
                                                      static_cast<int32_t>(channels),
                                                      hertz(rate_hz),
                                                      model->model.rate_hz(),
                                                      &mono);
  if (!converted.ok()) {
    return refuse(converted);
  }
  const std::span<const float> anchor(mono.data(), mono.size());
  if (report != nullptr) {
    const Result<ligero::AnchorQuality> quality =
        ligero::measure_anchor(anchor, model->model.rate_hz());
    if (!quality.ok()) {
      return refuse(quality.status());
    }
    fill_report(quality.value(), report);
  }
  return keep_profile(ligero::enroll(model->model, anchor, processor), "", profile);
}

ligero_status ligero_profile_load(const char* path, ligero_profile** profile) {
  if (path == nullptr || profile == nullptr) {
    return null_argument("path, profile");
  }
  *profile = nullptr;
  return keep_profile(ligero::Profile::load(path), path, profile);
}

ligero_status ligero_profile_save(const ligero_profile* profile, const char* path) {
  if (profile == nullptr || path == nullptr) {
    return null_argument("profile, path");
  }
  const Status saved = profile->profile.save(path);
  return saved.ok() ? LIGERO_OK : refuse(saved, path);
}

ligero_status ligero_profile_open_memory(const void* data, size_t bytes, ligero_profile** profile) {
  if (data == nullptr || profile == nullptr) {
    return null_argument("data, profile");
  }
  *profile = nullptr;
  return keep_profile(ligero::Profile::parse({static_cast<const std::byte*>(data), bytes}), "", profile);
}

ligero_status ligero_profile_data(const ligero_profile* profile, const void** data, size_t* bytes) {
  if (profile == nullptr || data == nullptr || bytes == nullptr) {
    return null_argument("profile, data, bytes");
  }
  *data = profile->profile.bytes().data();
  *bytes = profile->profile.bytes().size();
  return LIGERO_OK;
}

void ligero_profile_close(ligero_profile* profile) {
  delete profile;
}

ligero_status ligero_profile_similarity(const ligero_profile* a,
                                        const ligero_profile* b,
                                        float* similarity) {
  if (a == nullptr || b == nullptr || similarity == nullptr) {
    return null_argument("a, b, similarity");
  }
  const Result<double> cosine = ligero::similarity(a->profile, b->profile);
  if (!cosine.ok()) {
    return refuse(cosine.status());
  }
  *similarity = static_cast<float>(cosine.value());
  return LIGERO_OK;
}

ligero_status ligero_session_bytes(const ligero_model* model,
                                   const ligero_session_config* config,
                                   size_t* bytes) {
  if (model == nullptr || bytes == nullptr) {
    return null_argument("model, bytes");
  }
  const Result<ligero::SessionConfig> c = read_config(config);
  if (!c.ok()) {
    return refuse(c.status());
  }
  const Result<ligero::SessionPlan> plan = ligero::plan_sessions(model->model, c.value());
  if (!plan.ok()) {
    return refuse_plan(model, c.value(), plan.status());
  }
  *bytes = plan.value().bytes;
  return LIGERO_OK;
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
  const Result<ligero::SessionConfig> c = read_config(config);
  if (!c.ok()) {
    return refuse(c.status());
  }
  Result<ligero::SessionPlan> plan = ligero::plan_sessions(model->model, c.value());
  if (!plan.ok()) {
    return refuse_plan(model, c.value(), plan.status());
  }
  std::unique_ptr<ligero_session> s(new (std::nothrow) ligero_session);
  if (s != nullptr) {
    s->own.reset(new (std::nothrow) ligero::SessionGroup);
    s->group = s->own.get();
  }
  if (s == nullptr || s->group == nullptr ||
      (block == nullptr && !s->block.allocate(plan.value().bytes))) {
    return refuse(Code::kTooLittleMemory, "no memory for a session");
  }
  if (block == nullptr) {
    block = s->block.data();
    bytes = s->block.size();
  }
  const Status started = s->group->start(std::move(plan.value()), block, bytes);
  if (!started.ok()) {
    return refuse(started);
  }
  *session = s.release();
  return LIGERO_OK;
}

void ligero_session_destroy(ligero_session* session) {
  if (session != nullptr && session->own != nullptr) {
    delete session;
  }
}

ligero_status ligero_batch_create(const ligero_model* model,
                                  const ligero_session_config* config,
                                  uint32_t sessions,
                                  ligero_batch** batch) {
  if (model == nullptr || batch == nullptr) {
    return null_argument("model, batch");
  }
  *batch = nullptr;
  const Result<ligero::SessionConfig> c = read_config(config);
  if (!c.ok()) {
    return refuse(c.status());
  }
  const auto count = static_cast<int32_t>(std::min<uint32_t>(sessions, INT32_MAX));
  Result<ligero::SessionPlan> plan = ligero::plan_sessions(model->model, c.value(), count);
  if (!plan.ok()) {
    return refuse_plan(model, c.value(), plan.status());
  }
  std::unique_ptr<ligero_batch> made(new (std::nothrow) ligero_batch);
  if (made != nullptr) {
    made->sessions.reset(new (std::nothrow) ligero_session[sessions]);
  }
  if (made == nullptr || made->sessions == nullptr || !made->block.allocate(plan.value().bytes)) {
    return refuse(Code::kTooLittleMemory, "no memory for the sessions of a batch");
  }
  const Status started =
      made->group.start(std::move(plan.value()), made->block.data(), made->block.size());
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
