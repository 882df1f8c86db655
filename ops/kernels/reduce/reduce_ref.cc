// SPDX-License-Identifier: Apache-2.0
// Reductions in fixed partial results. Not: intrinsics; the baseline's vectors are enough.
#include <limits>

#include "ops/kernels/reduce/reduce.h"

namespace ligero {
namespace {

constexpr size_t kLanes = 16;

/// join(partial, i) over all i < n, then the partials joined pairwise by `merge`.
template <typename Join, typename Merge>
inline float reduce(size_t n, float start, Join join, Merge merge) {
  float lane[kLanes];
  for (float& v : lane) {
    v = start;
  }
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (size_t k = 0; k < kLanes; ++k) {
      lane[k] = join(lane[k], i + k);
    }
  }
  for (size_t k = 0; i + k < n; ++k) {
    lane[k] = join(lane[k], i + k);
  }
  for (size_t width = kLanes / 2; width > 0; width /= 2) {
    for (size_t k = 0; k < width; ++k) {
      lane[k] = merge(lane[k], lane[k + width]);
    }
  }
  return lane[0];
}

inline float add(float a, float b) {
  return a + b;
}
inline float larger(float a, float b) {
  return a > b ? a : b;
}

}  // namespace

float sum_f32(const float* x, size_t n) noexcept {
  const auto join = [x](float sum, size_t i) { return sum + x[i]; };
  return reduce(n, 0.0f, join, add);
}

float dot_f32(const float* a, const float* b, size_t n) noexcept {
  const auto join = [a, b](float sum, size_t i) { return sum + a[i] * b[i]; };
  return reduce(n, 0.0f, join, add);
}

float sum_squares_f32(const float* x, size_t n, float centre) noexcept {
  const auto join = [x, centre](float sum, size_t i) {
    const float d = x[i] - centre;
    return sum + d * d;
  };
  return reduce(n, 0.0f, join, add);
}

float max_f32(const float* x, size_t n) noexcept {
  const auto join = [x](float most, size_t i) { return larger(most, x[i]); };
  return reduce(n, -std::numeric_limits<float>::infinity(), join, larger);
}

}  // namespace ligero
