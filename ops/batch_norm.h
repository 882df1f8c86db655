// SPDX-License-Identifier: Apache-2.0
// What a batch norm does to a channel, in double: for the op, the pass that folds it away, and GPU
// backends. Not: who rounds it, or when.
#ifndef LIGERO_OPS_BATCH_NORM_H_
#define LIGERO_OPS_BATCH_NORM_H_

#include <cmath>

namespace ligero {

/// What a checkpoint has of a channel.
struct BatchNormChannel {
  float mean;
  float variance;
  float gamma;
  float beta;
};

/// Where an Affine is not finite.
inline constexpr char kBatchNormRefusal[] =
    "a channel's variance is not positive, or a value not finite";

/// y = x * scale + shift.
struct Affine {
  double scale;
  double shift;

  /// False where the variance is not positive, or a value is not finite.
  bool finite() const {
    return std::isfinite(scale) && std::isfinite(shift);
  }
};

/// (x - mean) / sqrt(variance + epsilon) * gamma + beta.
inline Affine batch_norm(const BatchNormChannel& channel, double epsilon) {
  const double variance = channel.variance + epsilon;
  // No infinite variance passes for a scale of zero, and no negative one for a root.
  const double root = variance > 0.0 && std::isfinite(variance) ? std::sqrt(variance) : NAN;
  const double scale = channel.gamma / root;
  return {scale, channel.beta - channel.mean * scale};
}

}  // namespace ligero

#endif  // LIGERO_OPS_BATCH_NORM_H_
