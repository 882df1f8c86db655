// SPDX-License-Identifier: Apache-2.0
// The share, step by step, and what it is applied to.
#include "model/session/top_band.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "runtime/base/fpmode.h"

namespace ligero {
namespace {

float finite(float x) {
  return std::isfinite(x) ? x : 0.0f;
}

/// Power of the octave, a sample, below which there is nothing in it: -100 dB.
constexpr float kNothing = 1e-10f;

}  // namespace

float TopShare::next(const float* heard, const float* voice, int32_t n, int32_t rate_hz) noexcept {
  const auto samples = static_cast<float>(n);
  const float ten_ms = 0.01f * static_cast<float>(rate_hz);
  const float kept = ten_ms / (ten_ms + samples);
  float both = 0.0f;
  float all = kNothing * samples;
  for (int32_t i = 0; i < n; ++i) {
    const float h = heard_.next(heard[i]);
    both += h * voice_.next(voice[i]);
    all += h * h;
  }
  both_ = kept * both_ + both;
  all_ = kept * all_ + all;
  if (!std::isfinite(both_) || !std::isfinite(all_)) {
    reset();
    return 0.0f;
  }
  return std::clamp(both_ / all_, 0.0f, 1.0f);
}

Result<TopBand> TopBand::create(int32_t model_hz, int32_t rate_hz, Bandwidth bandwidth) {
  Result<Resampler> up = Resampler::create(model_hz, rate_hz);
  LIGERO_RETURN_IF_ERROR(up.status());
  TopBand top;
  top.up_ = std::move(up.value());
  top.keeps_ = bandwidth == Bandwidth::kFull && rate_hz > model_hz;
  top.model_hz_ = model_hz;
  top.rate_hz_ = rate_hz;
  top.delay_ = static_cast<int32_t>(std::lround(top.up_.delay_s() * model_hz));
  return top;
}

void TopBand::skip_delay() noexcept {
  up_.skip_delay();
  position_ = int64_t{delay_} * rate_hz_;
}

void TopBand::reset() noexcept {
  up_.reset();
  measure_.reset();
  last_ = 0.0f;
  position_ = 0;
  if (keeps()) {
    std::fill(track_, track_ + memory_floats(), 0.0f);
  }
}

/// The track of this step, which goes to its share in the first half, and the voice without what
/// the sound will bring.
void TopBand::follow(const float* heard, float* voice, int32_t n) noexcept {
  const float goal = measure_.next(heard, voice, n, model_hz_);
  const int32_t ramp = std::max<int32_t>(1, n / 2);
  float* const track = track_ + delay_;
  for (int32_t i = 0; i < n; ++i) {
    track[i] = i < ramp
                   ? last_ + (goal - last_) * static_cast<float>(i + 1) / static_cast<float>(ramp)
                   : goal;
    voice[i] -= track[i] * heard[i];
  }
  last_ = goal;
}

int32_t TopBand::process(
    const float* heard, float* voice, int32_t n, float* low, float* share) noexcept {
  if (!keeps()) {
    return up_.process(voice, n, low);
  }
  follow(heard, voice, n);
  const int32_t made = up_.process(voice, n, low);
  for (int32_t i = 0; i < made; ++i, position_ += model_hz_) {
    const float* at = track_ + position_ / rate_hz_;
    const float part = static_cast<float>(position_ % rate_hz_) / static_cast<float>(rate_hz_);
    share[i] = at[0] + part * (at[1] - at[0]);
  }
  position_ -= int64_t{n} * rate_hz_;
  std::copy(track_ + n, track_ + n + delay_, track_);
  return made;
}

Status widen_recording(std::span<const float> sound,
                       int32_t rate_hz,
                       std::span<const float> heard,
                       std::span<const float> voice,
                       int32_t model_hz,
                       Bandwidth bandwidth,
                       std::span<float> out) {
  const FlushToZero mode;
  Result<TopBand> made = TopBand::create(model_hz, rate_hz, bandwidth);
  LIGERO_RETURN_IF_ERROR(made.status());
  TopBand& top = made.value();
  const int32_t step = TopBand::recording_step(model_hz);
  const auto most = static_cast<size_t>(top.most_output(step));
  Array<float> low;
  Array<float> share;
  Array<float> track;
  LIGERO_CHECK(low.allocate(most) && share.allocate(most) && track.allocate(top.memory_floats()),
               Code::kTooLittleMemory,
               "no memory for the recording");
  top.set_memory(track.data());
  top.skip_delay();
  float heard_now[TopBand::kMostStep];
  float voice_now[TopBand::kMostStep];
  size_t given = 0;
  for (size_t at = 0; given < out.size(); at += static_cast<size_t>(step)) {
    // A short last step, then silence until all has come out.
    const size_t left = voice.size() - std::min(at, voice.size());
    const auto n = left > 0 ? static_cast<int32_t>(std::min<size_t>(left, static_cast<size_t>(step)))
                            : step;
    for (size_t i = 0; i < static_cast<size_t>(n); ++i) {
      heard_now[i] = left > 0 ? finite(heard[at + i]) : 0.0f;
      voice_now[i] = left > 0 ? voice[at + i] : 0.0f;
    }
    const int32_t got = top.process(heard_now, voice_now, n, low.data(), share.data());
    for (size_t i = 0; i < static_cast<size_t>(got) && given < out.size(); ++i, ++given) {
      out[given] = low[i] + (top.keeps() ? share[i] * finite(sound[given]) : 0.0f);
    }
  }
  return {};
}

}  // namespace ligero
