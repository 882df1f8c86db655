// SPDX-License-Identifier: Apache-2.0
// Tiles of the product in vectors: a few rows times a few panels, sums in registers, k outermost.
// Not: which tiles there are to compute (conv.cc).
#include "ops/kernels/gemm/gemm_finish-inl.h"

namespace ligero {
namespace LIGERO_ISA {
namespace {

// Tile shapes fill the register file: rows * panels * kRegs sums, the panel row, one input. Where
// there are few panels, more rows do, as far as there are registers for their addresses.
#if HWY_TARGET == HWY_AVX3
constexpr int kRows = 6;
constexpr int kPanels = 4;
constexpr int kVecPanels = 4;
#elif HWY_TARGET == HWY_AVX2
constexpr int kRows = 6;
constexpr int kPanels = 1;
constexpr int kVecPanels = 4;
#elif HWY_TARGET == HWY_NEON && HWY_ARCH_ARM_A64
constexpr int kRows = 6;
constexpr int kPanels = 1;
constexpr int kVecPanels = 4;
#else
constexpr int kRows = 2;
constexpr int kPanels = 1;
constexpr int kVecPanels = 2;
#endif
constexpr int kNarrowRows = HWY_TARGET == HWY_AVX3 ? 8 : kRows;
constexpr int kNarrowPanels = HWY_TARGET == HWY_AVX3 ? 2 : kPanels;
static_assert(kRows <= kNarrowRows && kNarrowRows <= kGemmMaxRows);

struct F32 {
  using T = float;
  static HWY_INLINE V load(const T* p) {
    return hn::LoadU(D(), p);
  }
};

struct F16 {
  using T = hwy::float16_t;
  static HWY_INLINE V load(const T* p) {
#if HWY_ARCH_WASM
    // Half the time of Highway's, as weights are finite: sign and digits go where a float has them,
    // then a product moves the exponent, also of a subnormal.
    const v128_t bits = wasm_v128_and(wasm_i32x4_shl(wasm_i32x4_load16x4(p), 13),
                                      wasm_i32x4_const_splat(static_cast<int32_t>(0x8FFFE000)));
    return V{wasm_f32x4_mul(bits, wasm_f32x4_const_splat(0x1p112f))};
#else
    return hn::PromoteTo(D(), hn::LoadU(hn::Rebind<T, D>(), p));
#endif
  }
};

/// kR rows times kP panels from `panel` on.
template <class W, int kR, int kP>
HWY_NOINLINE void tile(const GemmTile& t,
                       const GemmWeights& w,
                       const GemmEpilogue& e,
                       int32_t panel) {
  using T = typename W::T;
  constexpr int kWide = kP * kRegs;
  const D d;
  const T* weight = static_cast<const T*>(w.data) + panel * w.panel_stride;
  const int64_t stride = w.panel_stride;
  const int64_t row_stride = w.row_stride;
  V sums[kR][kWide];
  unroll<0, kR * kWide>([&](auto i) LIGERO_INLINE_LAMBDA {
    constexpr int n = decltype(i)::value;
    sums[n / kWide][n % kWide] = hn::Zero(d);
  });
  for (int32_t s = 0; s < t.segments; ++s) {
    if (t.a[s * kGemmMaxRows] == nullptr) {
      weight += t.length * row_stride;
      continue;
    }
    const float* a[kR];
    unroll<0, kR>([&](auto i) LIGERO_INLINE_LAMBDA {
      a[decltype(i)::value] = t.a[s * kGemmMaxRows + decltype(i)::value];
    });
    for (int32_t k = 0; k < t.length; ++k) {
      V b[kWide];
      unroll<0, kWide>([&](auto i) LIGERO_INLINE_LAMBDA {
        constexpr int n = decltype(i)::value;
        b[n] = W::load(weight + (n / kRegs) * stride + (n % kRegs) * kLanes);
      });
      unroll<0, kR>([&](auto i) LIGERO_INLINE_LAMBDA {
        constexpr int r = decltype(i)::value;
        const V x = hn::Set(d, a[r][k]);
        unroll<0, kWide>([&](auto j) LIGERO_INLINE_LAMBDA {
          constexpr int n = decltype(j)::value;
          sums[r][n] = hn::MulAdd(x, b[n], sums[r][n]);
        });
      });
      weight += row_stride;
    }
  }
  alignas(64) float buffer[kR][kP * kGemmPanel];
  unroll<0, kR * kWide>([&](auto i) LIGERO_INLINE_LAMBDA {
    constexpr int n = decltype(i)::value;
    hn::Store(sums[n / kWide][n % kWide], d, &buffer[n / kWide][(n % kWide) * kLanes]);
  });
  finish_tile<kR, kP>(buffer, t, e, w, 0, panel);
}

/// All panels of [begin, end) for kR rows, kP at a time, three where that is what is left of four,
/// then by halves.
template <class W, int kR, int kP>
HWY_INLINE void panels(const GemmTile& t,
                       const GemmWeights& w,
                       const GemmEpilogue& e,
                       int32_t begin,
                       int32_t end) {
  int32_t panel = begin;
  for (; panel + kP <= end; panel += kP) {
    tile<W, kR, kP>(t, w, e, panel);
  }
  if constexpr (kP == 4) {
    if (end - panel == 3) {
      return tile<W, kR, 3>(t, w, e, panel);
    }
  }
  if constexpr (kP > 1) {
    panels<W, kR, kP / 2>(t, w, e, panel, end);
  }
}

template <class W, int kR>
void rows(const GemmTile& t,
          const GemmWeights& w,
          const GemmEpilogue& e,
          int32_t begin,
          int32_t end) {
  if (t.rows == kR) {
    constexpr int kP = kR == 1 ? kVecPanels : kR > kRows ? kNarrowPanels : kPanels;
    panels<W, kR, kP>(t, w, e, begin, end);
  } else if constexpr (kR > 1) {
    rows<W, kR - 1>(t, w, e, begin, end);
  }
}

template <class W>
void gemm_tile(const GemmTile& t,
                  const GemmWeights& w,
                  const GemmEpilogue& e,
                  int32_t panel_begin,
                  int32_t panel_end) noexcept {
  rows<W, kNarrowRows>(t, w, e, panel_begin, panel_end);
}

}  // namespace

extern const GemmKernels kGemm;
const GemmKernels kGemm = {
    LIGERO_ISA_NAME,
    {kRows, kPanels, kVecPanels, kNarrowPanels, kNarrowRows},
    gemm_tile<F32>,
    gemm_tile<F16>,
};

}  // namespace LIGERO_ISA
}  // namespace ligero
