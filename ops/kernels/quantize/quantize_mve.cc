// SPDX-License-Identifier: Apache-2.0
// Rows of int8 for Cortex-M with MVE (M55, M85). Not: the products that take them.
#include <arm_mve.h>

#include <cstring>

#include "ops/kernels/quantize/quantize.h"

namespace ligero::mve {
namespace {

/// Lanes of the `left` values that are still to come.
mve_pred16_t lanes(int64_t left) {
  return vctp32q(static_cast<uint32_t>(left));
}

/// The largest magnitude as the bits of a float: those order like integers, what is not finite
/// above all else.
int32_t largest_bits(const float* x, int64_t n) {
  constexpr int32_t kMagnitude = 0x7FFFFFFF;
  int32_t largest = 0;
  for (int64_t i = 0; i < n; i += 4) {
    const int32x4_t bits = vreinterpretq_s32_f32(vldrwq_z_f32(x + i, lanes(n - i)));
    largest = vmaxvq_s32(largest, vandq_s32(bits, vdupq_n_s32(kMagnitude)));
  }
  return largest;
}

float q8(const float* x, int64_t n, int8_t* q) noexcept {
  constexpr int32_t kInfinity = 0x7F800000;
  const int32_t bits = largest_bits(x, n);
  float largest;
  std::memcpy(&largest, &bits, sizeof(largest));
  if (bits >= kInfinity || largest < kQ8Smallest) {
    std::memset(q, 0, static_cast<size_t>(n));
    return bits >= kInfinity ? __builtin_nanf("") : 0.0f;
  }
  const float factor = kQ8Max / largest;
  for (int64_t i = 0; i < n; i += 4) {
    const mve_pred16_t some = lanes(n - i);
    const float32x4_t scaled = vmulq_n_f32(vldrwq_z_f32(x + i, some), factor);
    vstrbq_p_s32(q + i, vcvtnq_s32_f32(scaled), some);
  }
  return largest / kQ8Max;
}

}  // namespace

extern const QuantizeKernels kQuantize;
const QuantizeKernels kQuantize = {"mve", q8};

}  // namespace ligero::mve
