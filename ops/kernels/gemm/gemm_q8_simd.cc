// SPDX-License-Identifier: Apache-2.0
// Tiles of the int8 product in vectors: int32 sums of one tap in registers, joined in float when the
// tap ends. Not: the dot products (gemm_q8_dot-inl.h), which tiles there are to compute
// (conv.cc).
#include "ops/kernels/gemm/gemm_finish-inl.h"
#include "ops/kernels/gemm/gemm_q8_dot-inl.h"

namespace ligero {
namespace LIGERO_ISA {
namespace {

/// kR rows times kP panels from `panel` on.
template <int kR, int kP>
HWY_NOINLINE void tile(const GemmTile& t,
                       const GemmWeights& w,
                       const GemmEpilogue& e,
                       int row,
                       int32_t panel) {
  constexpr int kGroupBytes = kGemmPanel * kGemmQ8Group;
  const int8_t* weight = static_cast<const int8_t*>(w.data) + panel * w.panel_stride;
  const int64_t stride = w.panel_stride;
  alignas(64) float y[kR][kP * kGemmPanel];
  const int32_t segments = t.segments / t.taps;
  for (int32_t tap = 0; tap < t.taps; ++tap) {
    Dot::Sums sums[kR][kP];
    unroll<0, kR * kP>([&](auto i) LIGERO_INLINE_LAMBDA {
      constexpr int n = decltype(i)::value;
      sums[n / kP][n % kP] = Dot::zero();
    });
    for (int32_t s = tap * segments; s < (tap + 1) * segments; ++s) {
      const int8_t* q[kR];
      unroll<0, kR>([&](auto i) LIGERO_INLINE_LAMBDA {
        q[decltype(i)::value] = t.q[s * kGemmMaxRows + row + decltype(i)::value];
      });
      for (int32_t k = 0; k < t.length; k += kGemmQ8Group) {
        Dot::Weights b[kP];
        unroll<0, kP>([&](auto i) LIGERO_INLINE_LAMBDA {
          b[decltype(i)::value] = Dot::load(weight + decltype(i)::value * stride);
        });
        unroll<0, kR>([&](auto i) LIGERO_INLINE_LAMBDA {
          constexpr int r = decltype(i)::value;
          const Dot::Values x = Dot::splat(q[r] + k);
          unroll<0, kP>([&](auto j) LIGERO_INLINE_LAMBDA {
            Dot::add(sums[r][decltype(j)::value], b[decltype(j)::value], x);
          });
        });
        weight += kGroupBytes;
      }
    }
    unroll<0, kR * kP>([&](auto i) LIGERO_INLINE_LAMBDA {
      constexpr int r = decltype(i)::value / kP;
      constexpr int p = decltype(i)::value % kP;
      const int32_t at = tap * kGemmMaxRows + row + r;
      float* out = &y[r][p * kGemmPanel];
      Dot::join(sums[r][p], t.q_sums[at], t.q_scales[at], tap > 0 ? out : nullptr, out);
    });
  }
  finish_tile<kR, kP>(y, t, e, w, row, panel);
}

/// All panels of [begin, end) for kR rows from `row` on, kP at a time, then by halves.
template <int kR, int kP>
void panels(const GemmTile& t,
            const GemmWeights& w,
            const GemmEpilogue& e,
            int row,
            int32_t begin,
            int32_t end) {
  int32_t panel = begin;
  for (; panel + kP <= end; panel += kP) {
    tile<kR, kP>(t, w, e, row, panel);
  }
  if constexpr (kP > 1) {
    panels<kR, kP / 2>(t, w, e, row, panel, end);
  }
}

/// The last kR rows or fewer, from `row` on.
template <int kR>
void rows(const GemmTile& t,
          const GemmWeights& w,
          const GemmEpilogue& e,
          int row,
          int32_t begin,
          int32_t end) {
  if (t.rows - row == kR) {
    panels<kR, kR == 1 ? kVecPanels : kPanels>(t, w, e, row, begin, end);
  } else if constexpr (kR > 1) {
    rows<kR - 1>(t, w, e, row, begin, end);
  }
}

void gemm_q8_tile(const GemmTile& t,
                     const GemmWeights& w,
                     const GemmEpilogue& e,
                     int32_t panel_begin,
                     int32_t panel_end) noexcept {
  rows<kRows>(t, w, e, 0, panel_begin, panel_end);
}

}  // namespace

extern const GemmQ8Kernels kGemmQ8;
const GemmQ8Kernels kGemmQ8 = {
    LIGERO_ISA_NAME,
    {kRows, kPanels, kVecPanels},
    gemm_q8_tile,
    kSums,
};

}  // namespace LIGERO_ISA
}  // namespace ligero
