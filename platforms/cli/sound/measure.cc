// SPDX-License-Identifier: Apache-2.0
// SI-SNR in double precision. Not: which files are compared (score.cc).
#include "platforms/cli/sound/measure.h"

#include <cmath>
#include <cstddef>

namespace ligero::cli {

namespace {

constexpr double kEpsilon = 1e-8;

double mean(std::span<const float> x) {
  double sum = 0.0;
  for (const float v : x) {
    sum += v;
  }
  return sum / static_cast<double>(x.size());
}

}  // namespace

double si_snr_db(std::span<const float> estimate, std::span<const float> reference) {
  const double estimate_mean = mean(estimate);
  const double reference_mean = mean(reference);
  double cross = 0.0;
  double energy = 0.0;
  for (size_t i = 0; i < reference.size(); ++i) {
    const double r = reference[i] - reference_mean;
    cross += (estimate[i] - estimate_mean) * r;
    energy += r * r;
  }
  const double alpha = cross / (energy + kEpsilon);
  double signal = 0.0;
  double noise = 0.0;
  for (size_t i = 0; i < reference.size(); ++i) {
    const double target = alpha * (reference[i] - reference_mean);
    const double rest = (estimate[i] - estimate_mean) - target;
    signal += target * target;
    noise += rest * rest;
  }
  return 10.0 * std::log10((signal + kEpsilon) / (noise + kEpsilon));
}

}  // namespace ligero::cli
