// The int8 dot products of ARM's instruction sets, for product_q8_simd.cc: with the instruction for
// it (ARMv8.2), without (ARMv8), and for 32 bits (ARMv7). Not: x86 (product_q8_dot-inl.h, which also
// says what each set has to have), tiles.
#ifndef LIGERO_OPS_KERNELS_PRODUCT_PRODUCT_Q8_DOT_ARM_INL_H_
#define LIGERO_OPS_KERNELS_PRODUCT_PRODUCT_Q8_DOT_ARM_INL_H_

#include <arm_neon.h>
#include <hwy/highway.h>
#include <string.h>

#include <cstdint>

namespace ligero {
namespace LIGERO_ISA {
namespace {

constexpr int32_t (*kSum)(const int8_t*, int32_t) noexcept = nullptr;

/// Sums of the 16 outputs, and what joins them: the same for all sets.
struct PanelSums {
  int32x4_t v[4];
  static HWY_INLINE PanelSums zero() {
    const int32x4_t z = vdupq_n_s32(0);
    return {{z, z, z, z}};
  }
  HWY_INLINE void join(float scale, float* y) const {
    for (int i = 0; i < 4; ++i) {
      float* out = y + 4 * i;
      vst1q_f32(out, vfmaq_f32(vld1q_f32(out), vcvtq_f32_s32(v[i]), vdupq_n_f32(scale)));
    }
  }
};

struct PanelWeights {
  int8x16_t v[4];  ///< of 4 outputs each
  static HWY_INLINE PanelWeights load(const int8_t* w) {
    return {{vld1q_s8(w), vld1q_s8(w + 16), vld1q_s8(w + 32), vld1q_s8(w + 48)}};
  }
};

HWY_INLINE int32_t four_values(const int8_t* q) {
  int32_t four = 0;
  memcpy(&four, q, sizeof(four));
  return four;
}

#if defined(__ARM_FEATURE_DOTPROD)

constexpr int kRows = 6;
constexpr int kPanels = 1;
constexpr int kVecPanels = 4;

struct Dot {
  using Weights = PanelWeights;
  using Values = int8x16_t;
  using Sums = PanelSums;
  static HWY_INLINE Weights load(const int8_t* w) {
    return PanelWeights::load(w);
  }
  static HWY_INLINE Values splat(const int8_t* q) {
    return vreinterpretq_s8_s32(vdupq_n_s32(four_values(q)));
  }
  static HWY_INLINE Sums zero() {
    return PanelSums::zero();
  }
  static HWY_INLINE void add(Sums& s, const Weights& w, const Values& q) {
    for (int i = 0; i < 4; ++i) {
      s.v[i] = vdotq_s32(s.v[i], w.v[i], q);
    }
  }
  static HWY_INLINE void join(const Sums& s, int32_t, float scale, float* y) {
    s.join(scale, y);
  }
};

#else

// Products of 16 bits are added in pairs before they are widened: with values in [-127, 127] a pair
// is at most 2 * 128 * 127 < 2^15.
#if HWY_ARCH_ARM_A64
constexpr int kRows = 4;
constexpr int kPanels = 1;
constexpr int kVecPanels = 4;

HWY_INLINE int16x8_t pair_sums(int16x8_t a, int16x8_t b) {
  return vpaddq_s16(a, b);
}
#else  // half the registers
constexpr int kRows = 2;
constexpr int kPanels = 1;
constexpr int kVecPanels = 1;

HWY_INLINE int16x8_t pair_sums(int16x8_t a, int16x8_t b) {
  return vcombine_s16(vpadd_s16(vget_low_s16(a), vget_high_s16(a)),
                      vpadd_s16(vget_low_s16(b), vget_high_s16(b)));
}
#endif

struct Dot {
  using Weights = PanelWeights;
  using Values = int8x8_t;
  using Sums = PanelSums;
  static HWY_INLINE Weights load(const int8_t* w) {
    return PanelWeights::load(w);
  }
  static HWY_INLINE Values splat(const int8_t* q) {
    return vreinterpret_s8_s32(vdup_n_s32(four_values(q)));
  }
  static HWY_INLINE Sums zero() {
    return PanelSums::zero();
  }
  static HWY_INLINE void add(Sums& s, const Weights& w, const Values& q) {
    for (int i = 0; i < 4; ++i) {
      const int16x8_t low = vmull_s8(vget_low_s8(w.v[i]), q);
      const int16x8_t high = vmull_s8(vget_high_s8(w.v[i]), q);
      s.v[i] = vpadalq_s16(s.v[i], pair_sums(low, high));
    }
  }
  static HWY_INLINE void join(const Sums& s, int32_t, float scale, float* y) {
    s.join(scale, y);
  }
};

#endif

}  // namespace
}  // namespace LIGERO_ISA
}  // namespace ligero

#endif  // LIGERO_OPS_KERNELS_PRODUCT_PRODUCT_Q8_DOT_ARM_INL_H_
