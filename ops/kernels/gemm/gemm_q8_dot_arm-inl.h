// SPDX-License-Identifier: Apache-2.0
// The int8 dot products of ARM's instruction sets: with the instruction for it (ARMv8.2), without
// (ARMv8), and for 32 bits (ARMv7). Not: what each has to have (gemm_q8_dot-inl.h).
#ifndef LIGERO_OPS_KERNELS_GEMM_GEMM_Q8_DOT_ARM_INL_H_
#define LIGERO_OPS_KERNELS_GEMM_GEMM_Q8_DOT_ARM_INL_H_

#include <arm_neon.h>
#include <hwy/highway.h>

#include <cstdint>

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

/// Dot::join() for the 4 outputs from `first` on.
HWY_INLINE void join_four(int32x4_t sums, float scale, int first, const float* before, float* y) {
  const float32x4_t whole = vcvtq_f32_s32(sums);
  const float32x4_t factor = vdupq_n_f32(scale);
  vst1q_f32(y + first,
            before != nullptr ? vfmaq_f32(vld1q_f32(before + first), whole, factor)
                              : vmulq_f32(whole, factor));
}

#if HWY_ARCH_ARM_A64

#if defined(__ARM_FEATURE_DOTPROD)
constexpr int kRows = 5;  // a sixth would spill
constexpr int kPanels = 1;
constexpr int kVecPanels = 4;

HWY_INLINE int32x4_t add_four(int32x4_t sums, int8x16_t w, int8x16_t q) {
  return vdotq_s32(sums, w, q);
}
#else
constexpr int kRows = 4;
constexpr int kPanels = 1;
constexpr int kVecPanels = 4;

// Products are added in pairs before they are widened to 32 bits: with values in [-127, 127] a pair
// is at most 2 * 128 * 127 < 2^15.
HWY_INLINE int32x4_t add_four(int32x4_t sums, int8x16_t w, int8x16_t q) {
  const int16x8_t low = vmull_s8(vget_low_s8(w), vget_low_s8(q));
  return vpadalq_s16(sums, vpaddq_s16(low, vmull_high_s8(w, q)));
}
#endif

struct Dot {
  using Weights = PanelWeights;
  using Values = int8x16_t;
  struct Sums {
    int32x4_t v[4];
  };
  static HWY_INLINE Weights load(const int8_t* w) {
    return PanelWeights::load(w);
  }
  static HWY_INLINE Values splat(const int8_t* q) {
    return splat_values(q);
  }
  static HWY_INLINE Sums zero() {
    const int32x4_t z = vdupq_n_s32(0);
    return {{z, z, z, z}};
  }
  static HWY_INLINE void add(Sums& s, const Weights& w, const Values& q) {
    for (int i = 0; i < 4; ++i) {
      s.v[i] = add_four(s.v[i], w.v[i], q);
    }
  }
  static HWY_INLINE void join(const Sums& s, int32_t, float scale, const float* before, float* y) {
    for (int i = 0; i < 4; ++i) {
      join_four(s.v[i], scale, 4 * i, before, y);
    }
  }
};

#else

// Two sums for each output, of pairs, which meet at the end: of the 16 registers there are enough for
// one row.
constexpr int kRows = 1;
constexpr int kPanels = 1;
constexpr int kVecPanels = 1;

struct Dot {
  using Weights = PanelWeights;
  using Values = int8x8_t;
  struct Sums {
    int32x4_t v[8];
  };
  static HWY_INLINE Weights load(const int8_t* w) {
    return PanelWeights::load(w);
  }
  static HWY_INLINE Values splat(const int8_t* q) {
    return vget_low_s8(splat_values(q));
  }
  static HWY_INLINE Sums zero() {
    const int32x4_t z = vdupq_n_s32(0);
    return {{z, z, z, z, z, z, z, z}};
  }
  static HWY_INLINE void add(Sums& s, const Weights& w, const Values& q) {
    for (int i = 0; i < 4; ++i) {
      s.v[2 * i] = vpadalq_s16(s.v[2 * i], vmull_s8(vget_low_s8(w.v[i]), q));
      s.v[2 * i + 1] = vpadalq_s16(s.v[2 * i + 1], vmull_s8(vget_high_s8(w.v[i]), q));
    }
  }
  static HWY_INLINE void join(const Sums& s, int32_t, float scale, const float* before, float* y) {
    for (int i = 0; i < 8; i += 2) {
      const int32x2_t first = vpadd_s32(vget_low_s32(s.v[i]), vget_high_s32(s.v[i]));
      const int32x2_t second = vpadd_s32(vget_low_s32(s.v[i + 1]), vget_high_s32(s.v[i + 1]));
      join_four(vcombine_s32(first, second), scale, 2 * i, before, y);
    }
  }
};

#endif

}  // namespace
}  // namespace LIGERO_ISA
}  // namespace ligero

#endif  // LIGERO_OPS_KERNELS_GEMM_GEMM_Q8_DOT_ARM_INL_H_
