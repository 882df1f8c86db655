// SPDX-License-Identifier: Apache-2.0
// The product of single channels, one multiplication at a time: the specification.
#include "ops/kernels/depthwise/depthwise.h"
#include "ops/kernels/gemm/gemm_scalar.h"

namespace ligero::ref {
namespace {

/// The sums of the outputs [first, first + count) of a panel.
void sum_taps(const GemmTile& t,
              const GemmWeights& w,
              int32_t row,
              int32_t first,
              int32_t count,
              float* sums) {
  const float* weights = static_cast<const float*>(w.data) + first / kGemmPanel * w.panel_stride;
  for (int32_t i = 0; i < count; ++i) {
    sums[i] = 0.0f;
  }
  for (int32_t s = 0; s < t.segments; ++s) {
    const float* a = t.a[s * kGemmMaxRows] == nullptr ? nullptr : t.a[s * kGemmMaxRows + row] + first;
    for (int32_t k = 0; k < t.length; k += w.outputs, weights += kGemmPanel) {
      for (int32_t i = 0; a != nullptr && i < count; ++i) {
        sums[i] += a[k + i] * weights[i];
      }
    }
  }
}

void depthwise_tile(const GemmTile& t,
                    const GemmWeights& w,
                    const GemmEpilogue& e,
                    int32_t panel_begin,
                    int32_t panel_end) noexcept {
  float sums[kGemmPanel];
  for (int32_t first = panel_begin * kGemmPanel; first < panel_end * kGemmPanel;
       first += kGemmPanel) {
    const int32_t count = w.outputs - first < kGemmPanel ? w.outputs - first : kGemmPanel;
    for (int32_t row = 0; row < t.rows; ++row) {
      sum_taps(t, w, row, first, count, sums);
      for (int32_t i = 0; i < count; ++i) {
        t.out[row][first + i] = finish(sums[i], t, e, row, first + i);
      }
    }
  }
}

}  // namespace

extern const DepthwiseKernels kDepthwise;
const DepthwiseKernels kDepthwise = {"ref", {8, 1, 1}, depthwise_tile};

}  // namespace ligero::ref

LIGERO_VARIANTS(LIGERO_FOR_EACH_ISA, DepthwiseKernels, kDepthwise)
