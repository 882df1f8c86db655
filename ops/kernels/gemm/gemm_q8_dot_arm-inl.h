// SPDX-License-Identifier: Apache-2.0
// The int8 dot products of ARM's instruction sets: with the instruction for it (ARMv8.2), without
// (ARMv8), and for 32 bits (ARMv7). Not: what each has to have (gemm_q8_dot-inl.h).
#ifndef LIGERO_OPS_KERNELS_GEMM_GEMM_Q8_DOT_ARM_INL_H_
#define LIGERO_OPS_KERNELS_GEMM_GEMM_Q8_DOT_ARM_INL_H_

#include <arm_neon.h>
#include <hwy/highway.h>

#include <cstdint>

#include "ops/kernels/unroll-inl.h"

namespace ligero {
namespace LIGERO_ISA {
namespace {

constexpr void (*kSums)(const int8_t*, int32_t, int32_t, int32_t*) noexcept = nullptr;

struct PanelWeights {
  int8x16_t v[4];  ///< of 4 outputs each
  static HWY_INLINE PanelWeights load(const int8_t* w) {
    return {{vld1q_s8(w), vld1q_s8(w + 16), vld1q_s8(w + 32), vld1q_s8(w + 48)}};
  }
};

HWY_INLINE int8x16_t splat_values(const int8_t* q) {
  return vreinterpretq_s8_s32(vld1q_dup_s32(reinterpret_cast<const int32_t*>(q)));
}

HWY_INLINE int32x4_t zero_sums() {
  return vdupq_n_s32(0);
}

#if defined(__ARM_FEATURE_DOTPROD)

constexpr int kRows = 5;  // a sixth would spill
constexpr int kMaxRows = kRows;
constexpr int kPanels = 1;
constexpr int kVecPanels = 4;
constexpr bool kPairs = false;
constexpr bool kInRegisters = true;

struct DotSums {
  int32x4_t v[4];  ///< of 4 outputs each
  static HWY_INLINE DotSums zero() {
    return {{zero_sums(), zero_sums(), zero_sums(), zero_sums()}};
  }
  HWY_INLINE void add(const PanelWeights& w, int8x16_t q) {
    for (int i = 0; i < 4; ++i) {
      v[i] = vdotq_s32(v[i], w.v[i], q);
    }
  }
  HWY_INLINE int32x4_t four(int i) const {
    return v[i];
  }
};

#else

#if HWY_ARCH_ARM_A64
constexpr int kRows = 2;
constexpr int kMaxRows = 8;
constexpr bool kPairs = true;
constexpr bool kInRegisters = true;
#else
constexpr int kRows = 1;  // of the 16 registers there are enough for one
constexpr int kMaxRows = kRows;
constexpr bool kPairs = false;
constexpr bool kInRegisters = false;
#endif
constexpr int kPanels = 1;
constexpr int kVecPanels = kRows;

/// Two sums for each output, which meet at the end.
struct DotSums {
  int32x4_t v[8];  ///< of 2 outputs each
  static HWY_INLINE DotSums zero() {
    return {{zero_sums(),
             zero_sums(),
             zero_sums(),
             zero_sums(),
             zero_sums(),
             zero_sums(),
             zero_sums(),
             zero_sums()}};
  }
  HWY_INLINE void add(const PanelWeights& w, int8x16_t q) {
    for (int i = 0; i < 4; ++i) {
      v[2 * i] = vpadalq_s16(v[2 * i], vmull_s8(vget_low_s8(w.v[i]), vget_low_s8(q)));
      v[2 * i + 1] = vpadalq_s16(v[2 * i + 1], vmull_s8(vget_high_s8(w.v[i]), vget_high_s8(q)));
    }
  }
  HWY_INLINE int32x4_t four(int i) const {
#if HWY_ARCH_ARM_A64
    return vpaddq_s32(v[2 * i], v[2 * i + 1]);
#else
    const int32x4_t a = v[2 * i];
    const int32x4_t b = v[2 * i + 1];
    return vcombine_s32(vpadd_s32(vget_low_s32(a), vget_high_s32(a)),
                        vpadd_s32(vget_low_s32(b), vget_high_s32(b)));
#endif
  }
};

#if HWY_ARCH_ARM_A64
#if defined(__GNUC__) && !defined(__clang__)
// What follows is written in an order that needs 30 registers. The scheduler before register
// allocation, which works on the order of the sums, would need more than there are.
#pragma GCC optimize("no-schedule-insns", "no-tree-ter", "rename-registers")
#endif

/// Two groups of weights of kP panels times those of kR rows. A product of the second group is added
/// to one of the first before both are widened to 32 bits: with values in [-127, 127] the two are at
/// most 2 * 128 * 127 < 2^15. In the order in which a core that issues in order has four products
/// under way and the next weights loading. The first pair sets the sums.
template <int kR, int kP, bool kFirst>
HWY_INLINE void add_pair(DotSums (&sums)[kR][kP],
                         const int8_t* w,
                         int64_t stride,
                         const int8_t* const (&q)[kR]) {
  constexpr int kGroup = 64;
  constexpr int kWide = kR * kP == 1 ? 2 : 1;  // vectors of a panel at once
  constexpr int kVectors = kP * kWide;
  static_assert(kR * kVectors == 2);
  int8x16_t x[kR], y[kR], first[kVectors], second[kVectors];
  const auto load = [&](int8x16_t* to, int from) LIGERO_INLINE_LAMBDA {
    for (int i = 0; i < kVectors; ++i) {
      to[i] = vld1q_s8(w + i / kWide * stride + 16 * (i % kWide) + from);
    }
  };
  load(first, 0);
  load(second, kGroup);
  for (int r = 0; r < kR; ++r) {
    x[r] = splat_values(q[r]);
    y[r] = splat_values(q[r] + 4);
  }
  unroll<0, 4 / kWide>([&](auto step) LIGERO_INLINE_LAMBDA {
    constexpr int at = decltype(step)::value * kWide;
    constexpr int next = at + kWide;
    int16x8_t low[kR][kVectors], high[kR][kVectors];
    for (int r = 0; r < kR; ++r) {
      for (int i = 0; i < kVectors; ++i) {
        low[r][i] = vmull_s8(vget_low_s8(first[i]), vget_low_s8(x[r]));
        high[r][i] = vmull_high_s8(first[i], x[r]);
      }
    }
    if constexpr (next < 4) {
      load(first, 16 * next);
    }
    for (int r = 0; r < kR; ++r) {
      for (int i = 0; i < kVectors; ++i) {
        low[r][i] = vmlal_s8(low[r][i], vget_low_s8(second[i]), vget_low_s8(y[r]));
        high[r][i] = vmlal_high_s8(high[r][i], second[i], y[r]);
      }
    }
    if constexpr (next < 4) {
      load(second, 16 * next + kGroup);
    }
    for (int r = 0; r < kR; ++r) {
      for (int i = 0; i < kVectors; ++i) {
        int32x4_t* to = sums[r][i / kWide].v + 2 * (at + i % kWide);
        to[0] = kFirst ? vpaddlq_s16(low[r][i]) : vpadalq_s16(to[0], low[r][i]);
        to[1] = kFirst ? vpaddlq_s16(high[r][i]) : vpadalq_s16(to[1], high[r][i]);
      }
    }
  });
}
#endif

#endif

struct Dot {
  using Weights = PanelWeights;
  using Values = int8x16_t;
  using Sums = DotSums;
  static HWY_INLINE Weights load(const int8_t* w) {
    return PanelWeights::load(w);
  }
  static HWY_INLINE Values splat(const int8_t* q) {
    return splat_values(q);
  }
  static HWY_INLINE Sums zero() {
    return Sums::zero();
  }
  static HWY_INLINE void add(Sums& s, const Weights& w, const Values& q) {
    s.add(w, q);
  }
  static HWY_INLINE void join(const Sums& s, int32_t, float scale, const float* before, float* y) {
    for (int i = 0; i < 4; ++i) {
      const float32x4_t whole = vcvtq_f32_s32(s.four(i));
      const float32x4_t factor = vdupq_n_f32(scale);
      vst1q_f32(y + 4 * i,
                before != nullptr ? vfmaq_f32(vld1q_f32(before + 4 * i), whole, factor)
                                  : vmulq_f32(whole, factor));
    }
  }
};

/// What join() makes of the first tap, of a few vectors of each row: y[r][v] of vector kFirst + v of
/// the row's panels. In the order of add_pair().
template <int kFirst, int kR, int kP, class V, int kCount>
HWY_INLINE void scale_sums(Index<kFirst>,
                           const DotSums (&sums)[kR][kP],
                           const float* scales,
                           V (&y)[kR][kCount]) {
  int32x4_t four[kR][kCount];
  for (int r = 0; r < kR; ++r) {
    for (int v = 0; v < kCount; ++v) {
      four[r][v] = sums[r][(kFirst + v) / 4].four((kFirst + v) % 4);
    }
  }
  float32x4_t whole[kR][kCount];
  for (int r = 0; r < kR; ++r) {
    for (int v = 0; v < kCount; ++v) {
      whole[r][v] = vcvtq_f32_s32(four[r][v]);
    }
  }
  for (int r = 0; r < kR; ++r) {
    for (int v = 0; v < kCount; ++v) {
      y[r][v] = V(vmulq_n_f32(whole[r][v], scales[r]));
    }
  }
}

}  // namespace
}  // namespace LIGERO_ISA
}  // namespace ligero

#endif  // LIGERO_OPS_KERNELS_GEMM_GEMM_Q8_DOT_ARM_INL_H_
