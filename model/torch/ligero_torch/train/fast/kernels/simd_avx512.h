// SPDX-License-Identifier: Apache-2.0
// The vocabulary of simd.h on AVX-512. Included by simd.h.
#pragma once

namespace bsrnn {

using f32x16 = __m512;
using i32x16 = __m512i;

inline f32x16 all(float x) {
  return _mm512_set1_ps(x);
}
inline f32x16 zero() {
  return _mm512_setzero_ps();
}
inline f32x16 load(const float* p) {
  return _mm512_load_ps(p);
}
inline f32x16 loadu(const float* p) {
  return _mm512_loadu_ps(p);
}
inline void store(float* p, f32x16 v) {
  _mm512_store_ps(p, v);
}
inline void storeu(float* p, f32x16 v) {
  _mm512_storeu_ps(p, v);
}
inline f32x16 add(f32x16 a, f32x16 b) {
  return _mm512_add_ps(a, b);
}
inline f32x16 sub(f32x16 a, f32x16 b) {
  return _mm512_sub_ps(a, b);
}
inline f32x16 mul(f32x16 a, f32x16 b) {
  return _mm512_mul_ps(a, b);
}
inline f32x16 fmadd(f32x16 a, f32x16 b, f32x16 c) {
  return _mm512_fmadd_ps(a, b, c);
}
inline f32x16 fmsub(f32x16 a, f32x16 b, f32x16 c) {
  return _mm512_fmsub_ps(a, b, c);
}
inline f32x16 fnmadd(f32x16 a, f32x16 b, f32x16 c) {
  return _mm512_fnmadd_ps(a, b, c);
}
inline f32x16 root(f32x16 a) {
  return _mm512_sqrt_ps(a);
}
inline float sum_of(f32x16 a) {
  return _mm512_reduce_add_ps(a);
}
inline f32x16 inverse(f32x16 a) {
  return _mm512_rcp14_ps(a);
}  // relative error 2^-14

// x within +-limit.
inline f32x16 clamp(f32x16 x, f32x16 limit) {
  return _mm512_max_ps(_mm512_min_ps(x, limit), _mm512_sub_ps(zero(), limit));
}
// value where |x| < limit, else zero.
inline f32x16 inside(f32x16 x, f32x16 limit, f32x16 value) {
  return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(_mm512_abs_ps(x), limit, _CMP_LT_OQ), value);
}

inline __mmask16 first(int count) {
  return (1u << (count < 16 ? count : 16)) - 1;
}

// The first `count` floats (at most 16 are read), zeros behind them.
inline f32x16 load_first(int count, const float* p) {
  return _mm512_maskz_loadu_ps(first(count), p);
}
// Element i is p[i stride], for i below count.
inline f32x16 load_strided(int count, const float* p, long stride) {
  if (stride == 1) return load_first(count, p);
  const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  const __m512i index = _mm512_mullo_epi32(lane, _mm512_set1_epi32((int)stride));
  return _mm512_mask_i32gather_ps(zero(), first(count), index, p, 4);
}
// Real and imaginary parts of 16 complex numbers.
inline void load_complex(const float* p, f32x16& re, f32x16& im) {
  const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  const __m512i odd = _mm512_add_epi32(even, _mm512_set1_epi32(1));
  const f32x16 a = loadu(p), b = loadu(p + 16);
  re = _mm512_permutex2var_ps(a, even, b);
  im = _mm512_permutex2var_ps(a, odd, b);
}

// Rounds to the nearest bf16, ties to even.
inline __m256i to_bf16(f32x16 v) {
#ifdef __AVX512BF16__
  return (__m256i)_mm512_cvtneps_pbh(v);
#else
  alignas(64) static constexpr uint16_t kUpper[32] = {
      1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31};
  const __m512i bits = _mm512_castps_si512(v);
  const __mmask16 odd = _mm512_test_epi32_mask(bits, _mm512_set1_epi32(0x10000));
  __m512i sum = _mm512_add_epi32(bits, _mm512_set1_epi32(0x7fff));
  sum = _mm512_mask_add_epi32(sum, odd, bits, _mm512_set1_epi32(0x8000));
  return _mm512_castsi512_si256(_mm512_permutexvar_epi16(_mm512_load_si512(kUpper), sum));
#endif
}
inline void store_bf16_first(int count, bf16* p, f32x16 v) {
  _mm256_mask_storeu_epi16(p, first(count), to_bf16(v));
}
inline f32x16 load_bf16(const bf16* p) {
  const __m512i wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i*)p));
  return _mm512_castsi512_ps(_mm512_slli_epi32(wide, 16));
}

// 16 pairs of bf16: (low[i], high[i]).
inline i32x16 pairs_of(__m256i low, __m256i high) {
  return _mm512_or_si512(_mm512_cvtepu16_epi32(low),
                         _mm512_slli_epi32(_mm512_cvtepu16_epi32(high), 16));
}
inline void store_pairs(bf16* p, i32x16 v) {
  _mm512_storeu_si512(p, v);
}

inline void transpose(i32x16* r) {  // 16 x 16
  __m512i t[16];
  for (int i = 0; i < 8; i++) {
    t[2 * i] = _mm512_unpacklo_epi32(r[2 * i], r[2 * i + 1]);
    t[2 * i + 1] = _mm512_unpackhi_epi32(r[2 * i], r[2 * i + 1]);
  }
  for (int i = 0; i < 4; i++) {
    r[4 * i] = _mm512_unpacklo_epi64(t[4 * i], t[4 * i + 2]);
    r[4 * i + 1] = _mm512_unpackhi_epi64(t[4 * i], t[4 * i + 2]);
    r[4 * i + 2] = _mm512_unpacklo_epi64(t[4 * i + 1], t[4 * i + 3]);
    r[4 * i + 3] = _mm512_unpackhi_epi64(t[4 * i + 1], t[4 * i + 3]);
  }
  for (int i = 0; i < 2; i++) {
    for (int j = 0; j < 4; j++) {
      t[8 * i + j] = _mm512_shuffle_i32x4(r[8 * i + j], r[8 * i + 4 + j], 0x88);
      t[8 * i + 4 + j] = _mm512_shuffle_i32x4(r[8 * i + j], r[8 * i + 4 + j], 0xdd);
    }
  }
  for (int j = 0; j < 8; j++) {
    r[j] = _mm512_shuffle_i32x4(t[j], t[8 + j], 0x88);
    r[8 + j] = _mm512_shuffle_i32x4(t[j], t[8 + j], 0xdd);
  }
}

// 2^t, relative error 4e-6.
inline f32x16 exp2(f32x16 t) {
  const f32x16 r = _mm512_reduce_ps(t, 0x01);  // t - floor(t)
  f32x16 p = fmadd(r, all(0.01367652f), all(0.05174499f));
  p = fmadd(p, r, all(0.24160203f));
  p = fmadd(p, r, all(0.69297427f));
  p = fmadd(p, r, all(1.0000035f));
  return _mm512_scalef_ps(p, t);
}

// x = 2^exponent mantissa, mantissa in [1, 2), of normal positive numbers.
inline void split(f32x16 x, f32x16& exponent, f32x16& mantissa) {
  exponent = _mm512_getexp_ps(x);
  mantissa = _mm512_getmant_ps(x, _MM_MANT_NORM_1_2, _MM_MANT_SIGN_zero);
}

}  // namespace bsrnn
