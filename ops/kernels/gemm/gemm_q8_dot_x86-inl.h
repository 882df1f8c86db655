// SPDX-License-Identifier: Apache-2.0
// The int8 dot products of x86's instruction sets. Not: what each has to have
// (gemm_q8_dot-inl.h).
#ifndef LIGERO_OPS_KERNELS_GEMM_GEMM_Q8_DOT_X86_INL_H_
#define LIGERO_OPS_KERNELS_GEMM_GEMM_Q8_DOT_X86_INL_H_

#include <hwy/highway.h>
#include <immintrin.h>
#include <string.h>

#include <cstdint>

namespace ligero {
namespace LIGERO_ISA {
namespace {

constexpr bool kPairs = false;
constexpr bool kInRegisters = false;

#if HWY_TARGET == HWY_AVX3

// The instruction multiplies unsigned by signed bytes: a weight's sign bit is flipped, which adds
// 128, and 128 times the sum of the values is taken off at the end. Overflow on the way wraps, and
// so wraps back.
constexpr int kRows = 6;
constexpr int kMaxRows = kRows;
constexpr int kPanels = 4;
constexpr int kVecPanels = 8;

struct Dot {
  using Weights = __m512i;
  using Values = __m512i;
  struct Sums {
    __m512i v;
  };
  static HWY_INLINE Weights load(const int8_t* w) {
    return _mm512_xor_si512(_mm512_loadu_si512(w), _mm512_set1_epi8(-128));
  }
  static HWY_INLINE Values splat(const int8_t* q) {
    int32_t four = 0;
    memcpy(&four, q, sizeof(four));
    return _mm512_set1_epi32(four);
  }
  static HWY_INLINE Sums zero() {
    return {_mm512_setzero_si512()};
  }
  static HWY_INLINE void add(Sums& s, const Weights& w, const Values& q) {
    s.v = _mm512_dpbusd_epi32(s.v, w, q);
  }
  static HWY_INLINE void join(
      const Sums& s, int32_t row_sum, float scale, const float* before, float* y) {
    const auto offset = static_cast<int32_t>(static_cast<uint32_t>(row_sum) << 7);
    const __m512 sums = _mm512_cvtepi32_ps(_mm512_sub_epi32(s.v, _mm512_set1_epi32(offset)));
    const __m512 factor = _mm512_set1_ps(scale);
    _mm512_store_ps(y,
                    before != nullptr ? _mm512_fmadd_ps(sums, factor, _mm512_load_ps(before))
                                      : _mm512_mul_ps(sums, factor));
  }
};

void sums_of(const int8_t* q, int32_t bins, int32_t n, int32_t* out) noexcept {
  const __m512i ones = _mm512_set1_epi8(1);
  for (int32_t b = 0; b < bins; ++b, q += n) {
    __m512i s = _mm512_setzero_si512();
    for (int32_t i = 0; i < n; i += 64) {
      const int32_t left = n - i;
      const __mmask64 mask = left >= 64 ? ~__mmask64{0} : (__mmask64{1} << left) - 1;
      s = _mm512_dpbusd_epi32(s, ones, _mm512_maskz_loadu_epi8(mask, q + i));
    }
    out[b] = _mm512_reduce_add_epi32(s);
  }
}
constexpr auto kSums = sums_of;

#elif HWY_TARGET == HWY_AVX2

// Bytes become 16 bits wide; pairs of products are added in 32 bits, and the two pairs of an output
// at the end.
constexpr int kRows = 2;
constexpr int kMaxRows = kRows;
constexpr int kPanels = 1;
constexpr int kVecPanels = 2;
constexpr void (*kSums)(const int8_t*, int32_t, int32_t, int32_t*) noexcept = nullptr;

struct Dot {
  struct Weights {
    __m256i v[4];
  };
  using Values = __m256i;
  struct Sums {
    __m256i v[4];
  };
  static HWY_INLINE Weights load(const int8_t* w) {
    Weights r;
    for (int i = 0; i < 4; ++i) {
      r.v[i] = _mm256_cvtepi8_epi16(
          _mm_loadu_si128(reinterpret_cast<const __m128i*>(w + 16 * i)));
    }
    return r;
  }
  static HWY_INLINE Values splat(const int8_t* q) {
    int32_t four = 0;
    memcpy(&four, q, sizeof(four));
    return _mm256_broadcastq_epi64(_mm_cvtepi8_epi16(_mm_cvtsi32_si128(four)));
  }
  static HWY_INLINE Sums zero() {
    const __m256i z = _mm256_setzero_si256();
    return {{z, z, z, z}};
  }
  static HWY_INLINE void add(Sums& s, const Weights& w, const Values& q) {
    for (int i = 0; i < 4; ++i) {
      s.v[i] = _mm256_add_epi32(s.v[i], _mm256_madd_epi16(w.v[i], q));
    }
  }
  static HWY_INLINE void join(const Sums& s, int32_t, float scale, const float* before, float* y) {
    const __m256 factor = _mm256_set1_ps(scale);
    for (int i = 0; i < 4; i += 2) {
      const __m256i pairs = _mm256_hadd_epi32(s.v[i], s.v[i + 1]);
      const __m256 sums = _mm256_cvtepi32_ps(_mm256_permute4x64_epi64(pairs, 0xD8));
      _mm256_store_ps(y + 4 * i,
                      before != nullptr
                          ? _mm256_fmadd_ps(sums, factor, _mm256_load_ps(before + 4 * i))
                          : _mm256_mul_ps(sums, factor));
    }
  }
};

#else

constexpr int kRows = 1;
constexpr int kMaxRows = kRows;
constexpr int kPanels = 1;
constexpr int kVecPanels = 1;
constexpr void (*kSums)(const int8_t*, int32_t, int32_t, int32_t*) noexcept = nullptr;

struct Dot {
  struct Weights {
    __m128i v[8];
  };
  using Values = __m128i;
  struct Sums {
    __m128i v[8];
  };
  static HWY_INLINE Weights load(const int8_t* w) {
    Weights r;
    for (int i = 0; i < 8; ++i) {
      r.v[i] = _mm_cvtepi8_epi16(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(w + 8 * i)));
    }
    return r;
  }
  static HWY_INLINE Values splat(const int8_t* q) {
    int32_t four = 0;
    memcpy(&four, q, sizeof(four));
    const __m128i v = _mm_cvtepi8_epi16(_mm_cvtsi32_si128(four));
    return _mm_unpacklo_epi64(v, v);
  }
  static HWY_INLINE Sums zero() {
    const __m128i z = _mm_setzero_si128();
    return {{z, z, z, z, z, z, z, z}};
  }
  static HWY_INLINE void add(Sums& s, const Weights& w, const Values& q) {
    for (int i = 0; i < 8; ++i) {
      s.v[i] = _mm_add_epi32(s.v[i], _mm_madd_epi16(w.v[i], q));
    }
  }
  static HWY_INLINE void join(const Sums& s, int32_t, float scale, const float* before, float* y) {
    for (int i = 0; i < 8; i += 2) {
      const __m128 sums = _mm_cvtepi32_ps(_mm_hadd_epi32(s.v[i], s.v[i + 1]));
      const __m128 tap = _mm_mul_ps(sums, _mm_set1_ps(scale));
      _mm_store_ps(y + 2 * i,
                   before != nullptr ? _mm_add_ps(_mm_load_ps(before + 2 * i), tap) : tap);
    }
  }
};

#endif

}  // namespace
}  // namespace LIGERO_ISA
}  // namespace ligero

#endif  // LIGERO_OPS_KERNELS_GEMM_GEMM_Q8_DOT_X86_INL_H_
