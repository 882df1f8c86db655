// SPDX-License-Identifier: Apache-2.0
// The product of single channels in vectors: some rows of a panel of channels at a time.
#include "ops/kernels/depthwise/depthwise.h"
#include "ops/kernels/gemm/gemm_finish-inl.h"

namespace ligero {
namespace LIGERO_ISA {
namespace {

constexpr int kRows = 4;  // so many sums, of a panel each, are on their way at once

/// kLanes floats, or the first `count` of them where there are no more.
template <bool kPart>
HWY_INLINE V load_taps(const float* x, int count) {
  const D d;
  if constexpr (kPart) {
    alignas(64) float copy[kLanes] = {};
    memcpy(copy, x, static_cast<size_t>(count) * sizeof(float));
    return hn::Load(d, copy);
  } else {
    return hn::LoadU(d, x);
  }
}

/// kR rows from `row` on, of `count` channels from `first` on; kPart: fewer than a vector has.
template <int kR, bool kPart>
HWY_INLINE void sum_lanes(const GemmTile& t,
                          const GemmWeights& w,
                          int row,
                          int first,
                          int count,
                          float* sums) {
  const D d;
  const float* weights = static_cast<const float*>(w.data) +
                         first / kGemmPanel * w.panel_stride + first % kGemmPanel;
  V sum[kR];
  unroll<0, kR>([&](auto r) LIGERO_INLINE_LAMBDA { sum[decltype(r)::value] = hn::Zero(d); });
  for (int32_t s = 0; s < t.segments; ++s) {
    const float* const* a = t.a + s * kGemmMaxRows;
    for (int32_t k = 0; k < t.length; k += w.outputs, weights += kGemmPanel) {
      if (a[0] == nullptr) {
        continue;
      }
      const V weight = hn::LoadU(d, weights);
      unroll<0, kR>([&](auto r) LIGERO_INLINE_LAMBDA {
        constexpr int n = decltype(r)::value;
        sum[n] = hn::MulAdd(load_taps<kPart>(a[row + n] + first + k, count), weight, sum[n]);
      });
    }
  }
  unroll<0, kR>([&](auto r) LIGERO_INLINE_LAMBDA {
    constexpr int n = decltype(r)::value;
    hn::StoreU(sum[n], d, sums + (row + n) * kGemmPanel + first % kGemmPanel);
  });
}

/// The same of up to a panel of channels.
template <int kR>
void sum_rows(
    const GemmTile& t, const GemmWeights& w, int row, int first, int count, float* sums) {
  int i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    sum_lanes<kR, false>(t, w, row, first + i, kLanes, sums);
  }
  if (i < count) {
    sum_lanes<kR, true>(t, w, row, first + i, count - i, sums);
  }
}

void depthwise_tile(const GemmTile& t,
                    const GemmWeights& w,
                    const GemmEpilogue& e,
                    int32_t panel_begin,
                    int32_t panel_end) noexcept {
  alignas(64) float sums[kGemmMaxRows * kGemmPanel] = {};
  for (int32_t panel = panel_begin; panel < panel_end; ++panel) {
    const int32_t first = panel * kGemmPanel;
    const int32_t count = w.outputs - first < kGemmPanel ? w.outputs - first : kGemmPanel;
    int row = 0;
    for (; row + kRows <= t.rows; row += kRows) {
      sum_rows<kRows>(t, w, row, first, count, sums);
    }
    for (; row < t.rows; ++row) {
      sum_rows<1>(t, w, row, first, count, sums);
    }
    finish_rows(sums, kGemmPanel, {t, e, nullptr, first, 0, t.rows}, w.outputs);
  }
}

}  // namespace

extern const DepthwiseKernels kDepthwise;
const DepthwiseKernels kDepthwise = {LIGERO_ISA_NAME, {kGemmMaxRows, 1, 1}, depthwise_tile};

}  // namespace LIGERO_ISA
}  // namespace ligero
