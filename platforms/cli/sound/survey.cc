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

void Survey::add(const float* frames, size_t count) {
  const size_t channels = energy_.size();
  for (size_t t = 0; t < count; ++t) {
    for (size_t c = 0; c < channels; ++c) {
      const double x = std::abs(static_cast<double>(frames[t * channels + c]));
      if (x > 0.0 && std::isfinite(x)) {
        energy_[c] += x * x;
        peak_ = std::max(peak_, x);
        ++nonzero_;
        beyond_ += x > kMostSample ? 1 : 0;
      }
    }
  }
}

std::vector<int> Survey::heard() const {
  const double loudest = *std::max_element(energy_.begin(), energy_.end());
  std::vector<int> channels;
  for (size_t c = 0; c < energy_.size(); ++c) {
    if (energy_[c] >= kSilentBelow * loudest) {
      channels.push_back(static_cast<int>(c));
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
