// SPDX-License-Identifier: Apache-2.0
// Gains that move within a block: of a voice by time, of the sum by its peak.
#include "model/session/voice_sum.h"

#include <algorithm>
#include <cmath>

namespace ligero {
namespace {

constexpr float kFadeSeconds = 0.01f;    // of a voice
constexpr float kReleaseSeconds = 0.2f;  // until a limited sum is whole again

}  // namespace

void VoiceSum::start(int32_t targets, int32_t block_samples, int32_t rate_hz, Carver* carver) {
  targets_ = targets;
  block_samples_ = block_samples;
  const auto rate = static_cast<float>(rate_hz);
  fade_step_ = 1.0f / (kFadeSeconds * rate);
  release_step_ = static_cast<float>(block_samples) / (kReleaseSeconds * rate);
  gains_ = carver->floats(static_cast<size_t>(targets));
  sum_ = carver->floats(static_cast<size_t>(block_samples));
}

void VoiceSum::reset() noexcept {
  std::fill_n(gains_, targets_, 0.0f);
  limit_ = 1.0f;
}

void VoiceSum::begin(bool heard) noexcept {
  heard_ = heard;
  std::fill_n(sum_, block_samples_, 0.0f);
  any_ = false;
  loudest_ = 1.0f;
}

void VoiceSum::add(int32_t target, const float* voice, bool wanted) noexcept {
  const float goal = wanted ? 1.0f : 0.0f;
  float gain = gains_[target];
  if (voice == nullptr) {
    gains_[target] = goal;  // nothing is heard that could click
    return;
  }
  any_ = true;
  gain = heard_ ? gain : goal;
  for (int32_t i = 0; i < block_samples_; ++i) {
    gain += std::clamp(goal - gain, -fade_step_, fade_step_);
    const float x = gain * voice[i];
    loudest_ = std::max(loudest_, std::fabs(x));
    sum_[i] += x;
  }
  gains_[target] = gain;
}

const float* VoiceSum::take() noexcept {
  if (!any_) {
    limit_ = 1.0f;
    return nullptr;
  }
  float peak = loudest_;
  for (int32_t i = 0; i < block_samples_; ++i) {
    peak = std::max(peak, std::fabs(sum_[i]));
  }
  const float goal = std::min(loudest_ / peak, limit_ + release_step_);
  if (goal == 1.0f && limit_ == 1.0f) {
    return sum_;
  }
  // From the last block's gain to this one's; a peak that comes before is met at once.
  const float step = (goal - limit_) / static_cast<float>(block_samples_);
  for (int32_t i = 0; i < block_samples_; ++i) {
    limit_ += step;
    sum_[i] = std::clamp(sum_[i] * limit_, -loudest_, loudest_);
  }
  limit_ = goal;
  return sum_;
}

}  // namespace ligero
