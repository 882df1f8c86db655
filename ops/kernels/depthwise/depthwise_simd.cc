// The product of single channels in vectors: some rows of a panel of channels at a time.
#include "ops/kernels/depthwise/depthwise.h"
#include "ops/kernels/gemm/gemm_finish-inl.h"

namespace ligero {
namespace LIGERO_ISA {
namespace {

constexpr int kRows = 4;  // so many sums, of a panel each, are on their way at once

/// kR rows from `row` on, of `count` channels from `first` on. Vectors that are not full: one channel at
/// a time.
template <int kR>
void sum_rows(
    const GemmTile& t, const GemmWeights& w, int row, int first, int count, float* sums) {
  const D d;
  const int full = count / kLanes * kLanes;
  for (int i = 0; i < full; i += kLanes) {
    const float* weights =
        static_cast<const float*>(w.data) + first / kGemmPanel * w.panel_stride + i;
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
          sum[n] = hn::MulAdd(hn::LoadU(d, a[row + n] + first + k + i), weight, sum[n]);
        });
      }
    }
    unroll<0, kR>([&](auto r) LIGERO_INLINE_LAMBDA {
      constexpr int n = decltype(r)::value;
      hn::StoreU(sum[n], d, sums + (row + n) * kGemmPanel + i);
    });
  }
  for (int i = full; i < count; ++i) {
    for (int n = row; n < row + kR; ++n) {
      const float* weight =
          static_cast<const float*>(w.data) + first / kGemmPanel * w.panel_stride + i;
      float sum = 0.0f;
      for (int32_t s = 0; s < t.segments; ++s) {
        for (int32_t k = 0; k < t.length; k += w.outputs, weight += kGemmPanel) {
          sum += t.a[s * kGemmMaxRows] != nullptr
                     ? t.a[s * kGemmMaxRows + n][first + k + i] * *weight
                     : 0.0f;
        }
      }
      sums[n * kGemmPanel + i] = sum;
    }
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
