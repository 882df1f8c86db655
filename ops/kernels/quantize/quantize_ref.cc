// SPDX-License-Identifier: Apache-2.0
// Rows of int8, one value at a time: the specification.
#include <cmath>
#include <cstring>

#include "ops/kernels/quantize/quantize.h"

namespace ligero::ref {
namespace {

float q8(const float* x, int64_t n, int8_t* q) noexcept {
  float largest = 0.0f;
  float fault = 0.0f;  // NaN where a value is not finite
  for (int64_t i = 0; i < n; ++i) {
    const float a = std::fabs(x[i]);
    largest = a > largest ? a : largest;
    fault += x[i] * 0.0f;
  }
  if (!(largest >= kQ8Smallest) || fault != 0.0f) {
    std::memset(q, 0, static_cast<size_t>(n));
    return fault;
  }
  const float factor = kQ8Max / largest;
  for (int64_t i = 0; i < n; ++i) {
    q[i] = static_cast<int8_t>(std::nearbyint(x[i] * factor));
  }
  return largest / kQ8Max;
}

}  // namespace

extern const QuantizeKernels kQuantize;
const QuantizeKernels kQuantize = {"ref", q8};

}  // namespace ligero::ref

LIGERO_VARIANTS(LIGERO_FOR_EACH_Q8_ISA, QuantizeKernels, kQuantize)
