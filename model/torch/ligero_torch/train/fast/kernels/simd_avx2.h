// SPDX-License-Identifier: Apache-2.0
// The vocabulary of simd.h on AVX2 and FMA, two registers a vector. Included by simd.h.
#pragma once

namespace bsrnn {

struct f32x16 {
  __m256 low, high;
};
struct i32x16 {
  __m256i low, high;
};

inline f32x16 all(float x) {
  return {_mm256_set1_ps(x), _mm256_set1_ps(x)};
}
inline f32x16 zero() {
  return {_mm256_setzero_ps(), _mm256_setzero_ps()};
}
inline f32x16 load(const float* p) {
  return {_mm256_load_ps(p), _mm256_load_ps(p + 8)};
}
inline f32x16 loadu(const float* p) {
  return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)};
}
inline void store(float* p, f32x16 v) {
  _mm256_store_ps(p, v.low);
  _mm256_store_ps(p + 8, v.high);
}
inline void storeu(float* p, f32x16 v) {
  _mm256_storeu_ps(p, v.low);
  _mm256_storeu_ps(p + 8, v.high);
}
inline f32x16 add(f32x16 a, f32x16 b) {
  return {_mm256_add_ps(a.low, b.low), _mm256_add_ps(a.high, b.high)};
}
inline f32x16 sub(f32x16 a, f32x16 b) {
  return {_mm256_sub_ps(a.low, b.low), _mm256_sub_ps(a.high, b.high)};
}
inline f32x16 mul(f32x16 a, f32x16 b) {
  return {_mm256_mul_ps(a.low, b.low), _mm256_mul_ps(a.high, b.high)};
}
inline f32x16 fmadd(f32x16 a, f32x16 b, f32x16 c) {
  return {_mm256_fmadd_ps(a.low, b.low, c.low), _mm256_fmadd_ps(a.high, b.high, c.high)};
}
inline f32x16 fmsub(f32x16 a, f32x16 b, f32x16 c) {
  return {_mm256_fmsub_ps(a.low, b.low, c.low), _mm256_fmsub_ps(a.high, b.high, c.high)};
}
inline f32x16 fnmadd(f32x16 a, f32x16 b, f32x16 c) {
  return {_mm256_fnmadd_ps(a.low, b.low, c.low), _mm256_fnmadd_ps(a.high, b.high, c.high)};
}
inline f32x16 root(f32x16 a) {
  return {_mm256_sqrt_ps(a.low), _mm256_sqrt_ps(a.high)};
}
inline float sum_of(f32x16 a) {
  const __m256 both = _mm256_add_ps(a.low, a.high);
  __m128 s = _mm_add_ps(_mm256_castps256_ps128(both), _mm256_extractf128_ps(both, 1));
  s = _mm_add_ps(s, _mm_movehl_ps(s, s));
  return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}

// A step of Newton's on the processor's 12 bits: relative error 2^-22.
inline __m256 inverse(__m256 a) {
  const __m256 r = _mm256_rcp_ps(a);
  return _mm256_mul_ps(r, _mm256_fnmadd_ps(a, r, _mm256_set1_ps(2.f)));
}
inline f32x16 inverse(f32x16 a) {
  return {inverse(a.low), inverse(a.high)};
}

// x within +-limit.
inline __m256 clamp(__m256 x, __m256 limit) {
  return _mm256_max_ps(_mm256_min_ps(x, limit), _mm256_sub_ps(_mm256_setzero_ps(), limit));
}
inline f32x16 clamp(f32x16 x, f32x16 limit) {
  return {clamp(x.low, limit.low), clamp(x.high, limit.high)};
}
// value where |x| < limit, else zero.
inline __m256 inside(__m256 x, __m256 limit, __m256 value) {
  const __m256 size = _mm256_andnot_ps(_mm256_set1_ps(-0.f), x);
  return _mm256_and_ps(_mm256_cmp_ps(size, limit, _CMP_LT_OQ), value);
}
inline f32x16 inside(f32x16 x, f32x16 limit, f32x16 value) {
  return {inside(x.low, limit.low, value.low), inside(x.high, limit.high, value.high)};
}

// Element i is p[i stride], for i below count; zeros behind them.
inline f32x16 load_strided(int count, const float* p, long stride) {
  alignas(32) float copy[16] = {};
  for (int i = 0; i < count && i < 16; i++) copy[i] = p[i * stride];
  return load(copy);
}
// The first `count` floats (at most 16 are read), zeros behind them.
inline f32x16 load_first(int count, const float* p) {
  return count < 16 ? load_strided(count, p, 1) : loadu(p);
}
// Real and imaginary parts of 16 complex numbers.
inline void load_complex(const float* p, f32x16& re, f32x16& im) {
  auto eight = [](const float* q, __m256& r, __m256& i) {
    const __m256 a = _mm256_loadu_ps(q), b = _mm256_loadu_ps(q + 8);
    auto in_order = [](__m256 x) {  // 0 1 4 5 2 3 6 7 -> 0 .. 7
      return _mm256_castpd_ps(_mm256_permute4x64_pd(_mm256_castps_pd(x), 0xd8));
    };
    r = in_order(_mm256_shuffle_ps(a, b, 0x88));
    i = in_order(_mm256_shuffle_ps(a, b, 0xdd));
  };
  eight(p, re.low, im.low);
  eight(p + 16, re.high, im.high);
}

// Rounds to the nearest bf16, ties to even.
inline __m256i upper_half(__m256 v) {  // 8 integers
  const __m256i bits = _mm256_castps_si256(v);
  const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
  const __m256i sum = _mm256_add_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(0x7fff)), odd);
  return _mm256_srli_epi32(sum, 16);
}
inline __m256i to_bf16(f32x16 v) {
  const __m256i packed = _mm256_packus_epi32(upper_half(v.low), upper_half(v.high));
  return _mm256_permute4x64_epi64(packed, 0xd8);
}
inline void store_bf16_first(int count, bf16* p, f32x16 v) {
  alignas(32) bf16 copy[16];
  _mm256_store_si256((__m256i*)copy, to_bf16(v));
  std::memcpy(p, copy, (count < 16 ? count : 16) * sizeof(bf16));
}
inline i32x16 widen_integers(__m256i v) {
  return {_mm256_cvtepu16_epi32(_mm256_castsi256_si128(v)),
          _mm256_cvtepu16_epi32(_mm256_extracti128_si256(v, 1))};
}
inline f32x16 load_bf16(const bf16* p) {
  const i32x16 w = widen_integers(_mm256_loadu_si256((const __m256i*)p));
  return {_mm256_castsi256_ps(_mm256_slli_epi32(w.low, 16)),
          _mm256_castsi256_ps(_mm256_slli_epi32(w.high, 16))};
}

// 16 pairs of bf16: (low[i], high[i]).
inline i32x16 pairs_of(__m256i low, __m256i high) {
  const i32x16 a = widen_integers(low), b = widen_integers(high);
  return {_mm256_or_si256(a.low, _mm256_slli_epi32(b.low, 16)),
          _mm256_or_si256(a.high, _mm256_slli_epi32(b.high, 16))};
}
inline void store_pairs(bf16* p, i32x16 v) {
  _mm256_storeu_si256((__m256i*)p, v.low);
  _mm256_storeu_si256((__m256i*)(p + 16), v.high);
}

inline void transpose8(const __m256i* r, __m256i* out) {
  __m256i t[8], u[8];
  for (int i = 0; i < 4; i++) {
    t[2 * i] = _mm256_unpacklo_epi32(r[2 * i], r[2 * i + 1]);
    t[2 * i + 1] = _mm256_unpackhi_epi32(r[2 * i], r[2 * i + 1]);
  }
  for (int i = 0; i < 2; i++) {
    for (int j = 0; j < 2; j++) {
      u[4 * i + 2 * j] = _mm256_unpacklo_epi64(t[4 * i + j], t[4 * i + 2 + j]);
      u[4 * i + 2 * j + 1] = _mm256_unpackhi_epi64(t[4 * i + j], t[4 * i + 2 + j]);
    }
  }
  for (int j = 0; j < 4; j++) {
    out[j] = _mm256_permute2x128_si256(u[j], u[4 + j], 0x20);
    out[4 + j] = _mm256_permute2x128_si256(u[j], u[4 + j], 0x31);
  }
}
inline void transpose(i32x16* r) {      // 16 x 16
  __m256i quarter[4][8], turned[4][8];  // rows 0-7 and 8-15, of each the low and the high half
  for (int i = 0; i < 16; i++) {
    quarter[i / 8 * 2][i % 8] = r[i].low;
    quarter[i / 8 * 2 + 1][i % 8] = r[i].high;
  }
  for (int q = 0; q < 4; q++) transpose8(quarter[q], turned[q]);
  for (int i = 0; i < 8; i++) {
    r[i] = {turned[0][i], turned[2][i]};
    r[8 + i] = {turned[1][i], turned[3][i]};
  }
}

// 2^t, relative error 4e-6; t within +-126.
inline __m256 exp2(__m256 t) {
  t = clamp(t, _mm256_set1_ps(126.f));
  const __m256 whole = _mm256_floor_ps(t), r = _mm256_sub_ps(t, whole);
  __m256 p = _mm256_fmadd_ps(r, _mm256_set1_ps(0.01367652f), _mm256_set1_ps(0.05174499f));
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(0.24160203f));
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(0.69297427f));
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0000035f));
  const __m256i power = _mm256_add_epi32(_mm256_cvtps_epi32(whole), _mm256_set1_epi32(127));
  return _mm256_mul_ps(p, _mm256_castsi256_ps(_mm256_slli_epi32(power, 23)));
}
inline f32x16 exp2(f32x16 t) {
  return {exp2(t.low), exp2(t.high)};
}

// x = 2^exponent mantissa, mantissa in [1, 2), of normal positive numbers.
inline void split(__m256 x, __m256& exponent, __m256& mantissa) {
  const __m256i bits = _mm256_castps_si256(x);
  exponent =
      _mm256_cvtepi32_ps(_mm256_sub_epi32(_mm256_srli_epi32(bits, 23), _mm256_set1_epi32(127)));
  const __m256i fraction = _mm256_and_si256(bits, _mm256_set1_epi32(0x7fffff));
  mantissa = _mm256_castsi256_ps(_mm256_or_si256(fraction, _mm256_set1_epi32(0x3f800000)));
}
inline void split(f32x16 x, f32x16& exponent, f32x16& mantissa) {
  split(x.low, exponent.low, mantissa.low);
  split(x.high, exponent.high, mantissa.high);
}

}  // namespace bsrnn
