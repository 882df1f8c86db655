// SPDX-License-Identifier: Apache-2.0
// 16-bit samples in and out of a session. Not: what a session does with them (ligero.cc).
#include <algorithm>
#include <cmath>
#include <cstdint>

#include "platforms/capi/handles.h"
#include "platforms/capi/refusal.h"

namespace {

constexpr int32_t kMostChannels = 32;
constexpr uint32_t kChunk = 64;  // frames that are on the stack at a time
constexpr float kFullScale = 32768.0f;

int16_t to_int16(float x) {
  return static_cast<int16_t>(std::lrint(std::clamp(x * kFullScale, -kFullScale, kFullScale - 1.0f)));
}

}  // namespace

ligero_status ligero_process_s16(ligero_session* session,
                                 const int16_t* in,
                                 int16_t* out,
                                 uint32_t frames) {
  if (session == nullptr || in == nullptr || out == nullptr) {
    return ligero::capi::null_argument("session, in, out");
  }
  const auto channels = static_cast<uint32_t>(session->group->channels());
  float samples[kMostChannels * kChunk];
  float* pieces[kMostChannels];
  for (uint32_t c = 0; c < channels; ++c) {
    pieces[c] = samples + c * kChunk;
  }
  for (uint32_t at = 0; at < frames;) {
    const uint32_t n = std::min(kChunk, frames - at);
    for (uint32_t c = 0; c < channels; ++c) {
      for (uint32_t i = 0; i < n; ++i) {
        pieces[c][i] = static_cast<float>(in[i * channels + c]) / kFullScale;
      }
    }
    const ligero_status status = ligero_process(session, pieces, pieces, n);
    if (status != LIGERO_OK) {
      return status;
    }
    for (uint32_t c = 0; c < channels; ++c) {
      for (uint32_t i = 0; i < n; ++i) {
        out[i * channels + c] = to_int16(pieces[c][i]);
      }
    }
    in += size_t{n} * channels;
    out += size_t{n} * channels;
    at += n;
  }
  return LIGERO_OK;
}
