// SPDX-License-Identifier: Apache-2.0
// The int8 dot product of WebAssembly's SIMD128. Not: what it has to have (gemm_q8_dot-inl.h).
#ifndef LIGERO_OPS_KERNELS_GEMM_GEMM_Q8_DOT_WASM_INL_H_
#define LIGERO_OPS_KERNELS_GEMM_GEMM_Q8_DOT_WASM_INL_H_

#include <hwy/highway.h>
#include <wasm_simd128.h>

#include <cstdint>

namespace ligero {
namespace LIGERO_ISA {
namespace {

constexpr bool kPairs = false;
constexpr bool kInRegisters = false;

// Bytes become 16 bits wide; pairs of products are added in 32 bits, and the two pairs of an output
// at the end. The sums of one row take half of the registers that x86 has.
constexpr int kRows = 1;
constexpr int kMaxRows = kRows;
constexpr int kPanels = 1;
constexpr int kVecPanels = 1;
constexpr void (*kSums)(const int8_t*, int32_t, int32_t, int32_t*) noexcept = nullptr;

struct Dot {
  struct Weights {
    v128_t v[8];  ///< of 2 outputs each
  };
  using Values = v128_t;
  struct Sums {
    v128_t v[8];
  };
  static HWY_INLINE Weights load(const int8_t* w) {
    Weights r;
    for (int i = 0; i < 8; ++i) {
      r.v[i] = wasm_i16x8_load8x8(w + 8 * i);
    }
    return r;
  }
  static HWY_INLINE Values splat(const int8_t* q) {
    return wasm_i16x8_extend_low_i8x16(wasm_v128_load32_splat(q));
  }
  static HWY_INLINE Sums zero() {
    const v128_t z = wasm_i32x4_const_splat(0);
    return {{z, z, z, z, z, z, z, z}};
  }
  static HWY_INLINE void add(Sums& s, const Weights& w, const Values& q) {
    for (int i = 0; i < 8; ++i) {
      s.v[i] = wasm_i32x4_add(s.v[i], wasm_i32x4_dot_i16x8(w.v[i], q));
    }
  }
  static HWY_INLINE void join(const Sums& s, int32_t, float scale, const float* before, float* y) {
    const v128_t factor = wasm_f32x4_splat(scale);
    for (int i = 0; i < 8; i += 2) {
      const v128_t even = wasm_i32x4_shuffle(s.v[i], s.v[i + 1], 0, 2, 4, 6);
      const v128_t odd = wasm_i32x4_shuffle(s.v[i], s.v[i + 1], 1, 3, 5, 7);
      const v128_t sums = wasm_f32x4_convert_i32x4(wasm_i32x4_add(even, odd));
      const v128_t tap = wasm_f32x4_mul(sums, factor);
      wasm_v128_store(y + 2 * i,
                      before != nullptr ? wasm_f32x4_add(wasm_v128_load(before + 2 * i), tap) : tap);
    }
  }
};

}  // namespace
}  // namespace LIGERO_ISA
}  // namespace ligero

#endif  // LIGERO_OPS_KERNELS_GEMM_GEMM_Q8_DOT_WASM_INL_H_
