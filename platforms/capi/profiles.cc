// SPDX-License-Identifier: Apache-2.0
// Profiles of the C API: made from recordings, read, written, compared. Bare-metal builds lack
// them; they read a profile in place (ligero.cc).
#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include "model/format/profile.h"
#include "model/session/anchor.h"
#include "model/session/recording.h"
#include "model/session/resampler.h"
#include "model/session/verify.h"
#include "platforms/capi/handles.h"
#include "platforms/capi/refusal.h"
#include "platforms/capi/session_plan.h"

using ligero::Code;
using ligero::Result;
using ligero::Status;
using ligero::capi::find_accelerator;
using ligero::capi::hertz;
using ligero::capi::kMostFrames;
using ligero::capi::null_argument;
using ligero::capi::refuse;

namespace {

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

ligero_status keep_profile(Result<ligero::Profile> made, const char* where, ligero_profile** out) {
  if (!made.ok()) {
    return refuse(made.status(), where);
  }
  *out = new (std::nothrow) ligero_profile{{}, std::move(made.value())};
  return *out != nullptr ? LIGERO_OK : refuse(Code::kTooLittleMemory, "no memory for a profile");
}

}  // namespace

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
  return keep_profile(
      ligero::Profile::parse({static_cast<const std::byte*>(data), bytes}), "", profile);
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
