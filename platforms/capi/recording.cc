// SPDX-License-Identifier: Apache-2.0
// Whole recordings through the C library: to the model's rate, through the network, and back.
#include "runtime/api/ligero.h"

#include <algorithm>
#include <span>
#include <utility>

#include "model/session/blocks.h"
#include "model/session/recording.h"
#include "model/session/resampler.h"
#include "model/session/session.h"
#include "model/session/top_band.h"
#include "platforms/capi/handles.h"
#include "platforms/capi/refusal.h"
#include "runtime/base/aligned_block.h"
#include "runtime/base/array.h"

namespace {

using ligero::Array;
using ligero::Code;
using ligero::Result;
using ligero::Status;
using ligero::capi::hertz;
using ligero::capi::kMostFrames;
using ligero::capi::null_argument;
using ligero::capi::refuse;

ligero_status refuse_frames() {
  return refuse(Code::kBadArgument, "a recording must have 1 to 2^30 frames");
}

/// Exactly out.size() samples.
Status resample(std::span<const float> samples,
                int32_t from_hz,
                int32_t to_hz,
                std::span<float> out) {
  Array<float> made;
  LIGERO_RETURN_IF_ERROR(ligero::resample_recording(samples, 1, from_hz, to_hz, &made));
  const size_t kept = std::min(made.size(), out.size());
  std::copy_n(made.data(), kept, out.data());
  std::fill(out.begin() + static_cast<std::ptrdiff_t>(kept), out.end(), 0.0f);
  return {};
}

/// One session over the recording, with its latency taken off. `voice` is not `mixture`.
Status extract_in_a_session(const ligero::Model& model,
                            const ligero::Profile* profile,
                            std::span<const float> mixture,
                         std::span<float> voice) {
  ligero::SessionConfig config;
  config.rate_hz = model.rate_hz();
  config.block = ligero::file_blocks(model);
  Result<ligero::SessionPlan> plan = ligero::plan_sessions(model, config);
  LIGERO_RETURN_IF_ERROR(plan.status());
  ligero::AlignedBlock block;
  LIGERO_CHECK(block.allocate(plan.value().bytes),
               Code::kTooLittleMemory,
               "no memory for a session",
               -1,
               static_cast<int64_t>(plan.value().bytes));
  ligero::SessionGroup group;
  LIGERO_RETURN_IF_ERROR(group.start(std::move(plan.value()), block.data(), block.size()));
  if (profile != nullptr) {
    LIGERO_RETURN_IF_ERROR(group[0].set_target(*profile));
  }
  const auto latency = static_cast<size_t>(group[0].latency_samples());
  const size_t early = std::min(latency, mixture.size());
  Array<float> rest;
  LIGERO_CHECK(
      rest.allocate(latency), Code::kTooLittleMemory, "no memory for the end of a recording");
  const auto process = [&group](const float* in, float* out, size_t frames) {
    group.process(&in, &out, static_cast<int32_t>(frames));
  };
  process(mixture.data(), rest.data(), early);
  process(mixture.data() + early, voice.data(), mixture.size() - early);
  group[0].finish();
  std::fill_n(rest.data(), latency, 0.0f);
  process(rest.data(), rest.data(), latency);
  std::copy_n(rest.data() + (latency - early), early, voice.data() + (mixture.size() - early));
  return {};
}

Status extract(const ligero::Model& model,
               const ligero::Profile* profile,
               std::span<const float> samples,
               int32_t rate_hz,
               ligero::Bandwidth bandwidth,
               std::span<float> out) {
  const Result<ligero::Ports> ports = ligero::extract_ports(model);
  LIGERO_RETURN_IF_ERROR(ports.status());
  LIGERO_CHECK(profile != nullptr || !ports.value().takes_profile(),
               Code::kBadArgument,
               "the network needs a profile: enrol the person first");
  if (profile != nullptr) {
    LIGERO_RETURN_IF_ERROR(ligero::check_profile(model, ports.value(), *profile));
  }
  Array<float> mixture;
  LIGERO_RETURN_IF_ERROR(
      ligero::resample_recording(samples, 1, rate_hz, model.rate_hz(), &mixture));
  Array<float> voice;
  LIGERO_CHECK(voice.allocate(mixture.size()), Code::kTooLittleMemory, "no memory for the voice");
  const std::span<float> extracted(voice.data(), voice.size());
  const bool whole = static_cast<double>(samples.size()) <= ligero::kMostWholeSeconds * rate_hz;
  LIGERO_RETURN_IF_ERROR(whole ? ligero::extract(model, profile, mixture.span(), extracted)
                               : extract_in_a_session(model, profile, mixture.span(), extracted));
  return ligero::widen_recording(
      samples, rate_hz, mixture.span(), extracted, model.rate_hz(), bandwidth, out);
}

}  // namespace

ligero_status ligero_resample(const float* samples,
                              size_t frames,
                              uint32_t from_hz,
                              uint32_t to_hz,
                              float* out,
                              size_t out_frames) {
  if (samples == nullptr || out == nullptr) {
    return null_argument("samples, out");
  }
  if (frames == 0 || frames > kMostFrames) {
    return refuse_frames();
  }
  const Status status =
      resample({samples, frames}, hertz(from_hz), hertz(to_hz), {out, out_frames});
  return status.ok() ? LIGERO_OK : refuse(status);
}

ligero_status ligero_extract(const ligero_model* model,
                             const ligero_profile* profile,
                             const float* samples,
                             size_t frames,
                             uint32_t rate_hz,
                             uint32_t bandwidth,
                             float* out) {
  if (model == nullptr || samples == nullptr || out == nullptr) {
    return null_argument("model, samples, out");
  }
  const Result<ligero::Bandwidth> band = ligero::capi::bandwidth_of(bandwidth);
  if (!band.ok()) {
    return refuse(band.status());
  }
  if (frames == 0 || frames > kMostFrames) {
    return refuse_frames();
  }
  const Status status = extract(model->model,
                                profile != nullptr ? &profile->profile : nullptr,
                                {samples, frames},
                                hertz(rate_hz),
                                band.value(),
                                {out, frames});
  return status.ok() ? LIGERO_OK : refuse(status);
}
