// SPDX-License-Identifier: Apache-2.0
// The products of gemm.h on AVX2 and FMA: blocks of 4 rows by 16 columns in registers, the pairs
// expanded to f32. Included by gemm.h.
#pragma once

namespace bsrnn {

struct Tiles {
  Tiles() {}  // nothing to set up
};

// c [4 x 16] = init + a b over `pairs` pairs of k. Row r of k tile t begins at a + r lda + t
// a_step; the k tiles of b lie kTile apart.
inline void block4(const float* a,
                   long lda,
                   long a_step,
                   const bf16* b,
                   int pairs,
                   float* c,
                   long ldc,
                   const float* init,
                   long ld_init) {
  f32x16 sum[4];
#pragma GCC unroll 4
  for (int r = 0; r < 4; r++) sum[r] = init ? loadu(init + r * ld_init) : zero();
  for (; pairs > 0; pairs -= 16, a += a_step, b += kTile) {
    const int count = std::min(16, pairs);
#pragma GCC unroll 1
    for (int j = 0; j < count; j++) {
      const __m256i upper = _mm256_set1_epi32(0xffff0000);
      const __m256i* p = (const __m256i*)(b + j * 32);
      const __m256i low = _mm256_loadu_si256(p), high = _mm256_loadu_si256(p + 1);
      const f32x16 even = {_mm256_castsi256_ps(_mm256_slli_epi32(low, 16)),
                           _mm256_castsi256_ps(_mm256_slli_epi32(high, 16))};
      const f32x16 odd = {_mm256_castsi256_ps(_mm256_and_si256(low, upper)),
                          _mm256_castsi256_ps(_mm256_and_si256(high, upper))};
#pragma GCC unroll 4
      for (int r = 0; r < 4; r++) sum[r] = fmadd(all(a[r * lda + 2 * j]), even, sum[r]);
#pragma GCC unroll 4
      for (int r = 0; r < 4; r++) sum[r] = fmadd(all(a[r * lda + 2 * j + 1]), odd, sum[r]);
    }
  }
#pragma GCC unroll 4
  for (int r = 0; r < 4; r++) storeu(c + r * ldc, sum[r]);
}

// All columns for `rows` rows (a multiple of 4).
inline void blocks(const float* a,
                   long lda,
                   long a_step,
                   int rows,
                   const bf16* b,
                   long b_step,
                   int pairs,
                   int n_tiles,
                   float* c,
                   long ldc,
                   const float* init,
                   long ld_init) {
  for (int n = 0; n < n_tiles; n++) {
    for (int r = 0; r < rows; r += 4) {
      block4(a + r * lda,
             lda,
             a_step,
             b + n * b_step,
             pairs,
             c + r * ldc + n * 16,
             ldc,
             init ? init + r * ld_init + n * 16 : nullptr,
             ld_init);
    }
  }
}

inline void widen(const bf16* from, long count, float* to) {
  for (long i = 0; i < count; i += 16) store(to + i, load_bf16(from + i));
}

constexpr int kMostColumns = 256;  // of a left matrix: four gates of 64 cells
constexpr int kMostChunks = 8;

inline void multiply32(
    const bf16* a, long lda, const Packed& b, float* c, long ldc, const float* init, long ld_init) {
  alignas(64) float wide[32 * kMostColumns];
  const long ldw = b.k_tiles * 32;
  for (int r = 0; r < 32; r++) widen(a + r * lda, ldw, wide + r * ldw);
  blocks(wide,
         ldw,
         32,
         32,
         b.column(0),
         (long)b.k_tiles * kTile,
         b.pairs,
         b.n_tiles,
         c,
         ldc,
         init,
         ld_init);
}

inline void add_products(const bf16* a,
                         int a_tiles,
                         const bf16* b,
                         int b_tiles,
                         int chunks,
                         int stride,
                         float* c,
                         long ldc) {
  const long step = (long)stride * kTile;
  for (int i = 0; i < a_tiles; i++) {
    float* out = c + (long)i * 16 * ldc;
    alignas(64) float wide[kMostChunks * kTile];
    widen(a + i * step, chunks * kTile, wide);
    blocks(wide, 32, kTile, 16, b, step, 16 * chunks, b_tiles, out, ldc, out, ldc);
  }
}

}  // namespace bsrnn
