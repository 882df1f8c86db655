// SPDX-License-Identifier: Apache-2.0
// Rows of int8 for the products with int8 weights (gemm.h). Not: which rows (kernels/conv).
#ifndef LIGERO_OPS_KERNELS_QUANTIZE_QUANTIZE_H_
#define LIGERO_OPS_KERNELS_QUANTIZE_QUANTIZE_H_

#include <cstdint>

#include "ops/kernels/variants.h"

namespace ligero {

/// Largest magnitude of an int8 value, and the magnitude below which a frame counts as zero.
inline constexpr float kQ8Max = 127.0f;
inline constexpr float kQ8Smallest = 0x1p-119f;

struct QuantizeKernels {
  const char* name;  ///< of the instruction set
  /// q[i] = round(x[i] * (127 / max |x|)), ties to even, for 0 <= i < n; returns s = max |x| / 127.
  /// All q and s are 0 where max |x| is below kQ8Smallest, whose inverse is still finite. With a
  /// value that is not finite all q are 0 and s is NaN, so that what follows is no number. Every
  /// variant gives the same bits. Any alignment; nothing past the ends is touched.
  float (*q8)(const float* x, int64_t n, int8_t* q) noexcept;
};

extern const Variants<QuantizeKernels> kQuantizeVariants;

}  // namespace ligero

#endif  // LIGERO_OPS_KERNELS_QUANTIZE_QUANTIZE_H_
