// SPDX-License-Identifier: Apache-2.0
// Sums over samples, and what follows from them.
#include "platforms/cli/sound/survey.h"

#include <algorithm>
#include <cmath>

namespace ligero::cli {
namespace {

constexpr double kSilentBelow = 1e-5;  // of the loudest channel's energy: 50 dB
/// Where fewer samples than these are beyond kMostSample, they are faults of single samples.
constexpr double kShareBeyond = 1e-3;
/// Processing in float takes sound of integer size a little beyond what integers hold.
constexpr double kHeadroom = 1.5;
constexpr int kIntegerBits[] = {15, 23, 31};

}  // namespace

Survey::Survey(int channels, int32_t rate_hz, int channel)
    : channels_(static_cast<size_t>(channels)),
      first_(channel > 0 ? static_cast<size_t>(channel - 1) : 0),
      sound_(channel > 0 ? 1 : channels_, Level(rate_hz)),
      finite_(sound_) {}

void Survey::add(const float* frames, size_t count) {
  for (size_t t = 0; t < count; ++t) {
    for (size_t c = 0; c < sound_.size(); ++c) {
      const double x = frames[t * channels_ + first_ + c];
      const double size = std::isfinite(x) ? std::abs(x) : 0.0;
      const bool beyond = size > kMostSample;
      sound_[c].add(size > 0.0 && !beyond ? x : 0.0);
      finite_[c].add(size > 0.0 ? x : 0.0);
      peak_ = std::max(peak_, size);
      nonzero_ += size > 0.0 ? 1 : 0;
      beyond_ += beyond ? 1 : 0;
    }
  }
}

std::vector<int> Survey::heard() const {
  const std::vector<Level>& levels = scale() == 1.0 ? sound_ : finite_;
  double loudest = 0.0;
  for (const Level& level : levels) {
    loudest = std::max(loudest, level.energy());
  }
  std::vector<int> channels;
  for (size_t c = 0; c < levels.size(); ++c) {
    if (levels[c].energy() >= kSilentBelow * loudest) {
      channels.push_back(static_cast<int>(first_ + c));
    }
  }
  return channels;
}

double Survey::scale() const {
  if (static_cast<double>(beyond_) <= kShareBeyond * static_cast<double>(nonzero_)) {
    return 1.0;
  }
  for (const int bits : kIntegerBits) {
    if (peak_ <= kHeadroom * std::ldexp(1.0, bits)) {
      return std::ldexp(1.0, -bits);
    }
  }
  return 0.0;
}

}  // namespace ligero::cli
