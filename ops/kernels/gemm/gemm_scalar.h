// SPDX-License-Identifier: Apache-2.0
// The epilogue of the product, one output at a time. Not: the sums (gemm_ref.cc,
// gemm_q8_mve.cc).
#ifndef LIGERO_OPS_KERNELS_GEMM_GEMM_SCALAR_H_
#define LIGERO_OPS_KERNELS_GEMM_GEMM_SCALAR_H_

#include "ops/kernels/gemm/gemm.h"
#include "ops/kernels/vec/vec_scalar.h"

namespace ligero::ref {

/// Output `o` of row `row`, whose sum is `sum`.
inline float finish(
    float sum, const GemmTile& t, const GemmEpilogue& e, int32_t row, int32_t o) {
  float y = sum;
  if (e.bias != nullptr) {
    y += e.bias[o];
  }
  if (t.add != nullptr) {
    for (int32_t m = 0; m < t.add_count[row]; ++m) {
      y += t.add[row][m * t.add_stride + o];
    }
  }
  y = activate(y, e.activation, e.slopes != nullptr ? e.slopes[o] : 0.0f);
  if (e.post_scale != nullptr) {
    y *= e.post_scale[o];
  }
  if (e.post_shift != nullptr) {
    y += e.post_shift[o];
  }
  return y;
}

}  // namespace ligero::ref

#endif  // LIGERO_OPS_KERNELS_GEMM_GEMM_SCALAR_H_
