// SPDX-License-Identifier: Apache-2.0
// The products of gemm.h without AMX: blocks of 8 rows by 32 columns in registers, with vdpbf16ps
// (AVX512_BF16) or with multiply-adds of pairs that are expanded to f32. Included by gemm.h.
#pragma once

namespace bsrnn {

struct Tiles {
  Tiles() {}  // nothing to set up
};

#ifdef __AVX512BF16__
using Left = bf16;  // what a block reads of the left matrix
#else
using Left = float;
#endif

// c [8 x 16 Columns] = init + a b over `pairs` pairs of k. Row r of k tile t begins at a + r lda +
// t a_step; column tile n of b at b + n b_step, its k tiles kTile apart.
template <int Columns>
inline void block8(const Left* a,
                   long lda,
                   long a_step,
                   const bf16* b,
                   long b_step,
                   int pairs,
                   float* c,
                   long ldc,
                   const float* init,
                   long ld_init) {
  f32x16 sum[8][Columns];
#pragma GCC unroll 8
  for (int r = 0; r < 8; r++) {
#pragma GCC unroll 2
    for (int n = 0; n < Columns; n++) {
      sum[r][n] = init ? _mm512_loadu_ps(init + r * ld_init + n * 16) : _mm512_setzero_ps();
    }
  }
  for (; pairs > 0; pairs -= 16, a += a_step, b += kTile) {
    const int count = std::min(16, pairs);
#pragma GCC unroll 1
    for (int j = 0; j < count; j++) {
#ifdef __AVX512BF16__
      __m512bh right[Columns];
#pragma GCC unroll 2
      for (int n = 0; n < Columns; n++) {
        right[n] = (__m512bh)_mm512_loadu_si512(b + n * b_step + j * 32);
      }
#pragma GCC unroll 8
      for (int r = 0; r < 8; r++) {
        int pair;
        std::memcpy(&pair, a + r * lda + 2 * j, 4);
        const __m512bh left = (__m512bh)_mm512_set1_epi32(pair);
#pragma GCC unroll 2
        for (int n = 0; n < Columns; n++) sum[r][n] = _mm512_dpbf16_ps(sum[r][n], left, right[n]);
      }
#else
      f32x16 even[Columns], odd[Columns];
#pragma GCC unroll 2
      for (int n = 0; n < Columns; n++) {
        const __m512i pairs = _mm512_loadu_si512(b + n * b_step + j * 32);
        even[n] = _mm512_castsi512_ps(_mm512_slli_epi32(pairs, 16));
        odd[n] = _mm512_castsi512_ps(_mm512_and_si512(pairs, _mm512_set1_epi32(0xffff0000)));
      }
#pragma GCC unroll 8
      for (int r = 0; r < 8; r++) {
        const f32x16 left0 = _mm512_set1_ps(a[r * lda + 2 * j]);
        const f32x16 left1 = _mm512_set1_ps(a[r * lda + 2 * j + 1]);
#pragma GCC unroll 2
        for (int n = 0; n < Columns; n++) sum[r][n] = _mm512_fmadd_ps(left0, even[n], sum[r][n]);
#pragma GCC unroll 2
        for (int n = 0; n < Columns; n++) sum[r][n] = _mm512_fmadd_ps(left1, odd[n], sum[r][n]);
      }
#endif
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < 8; r++) {
#pragma GCC unroll 2
    for (int n = 0; n < Columns; n++) _mm512_storeu_ps(c + r * ldc + n * 16, sum[r][n]);
  }
}

// All columns for `rows` rows (a multiple of 8), two column tiles at a time.
inline void blocks(const Left* a,
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
  for (int n = 0; n < n_tiles; n += 2) {
    for (int r = 0; r < rows; r += 8) {
      const Left* left = a + r * lda;
      const bf16* right = b + n * b_step;
      float* out = c + r * ldc + n * 16;
      const float* from = init ? init + r * ld_init + n * 16 : nullptr;
      if (n + 1 < n_tiles) {
        block8<2>(left, lda, a_step, right, b_step, pairs, out, ldc, from, ld_init);
      } else {
        block8<1>(left, lda, a_step, right, b_step, pairs, out, ldc, from, ld_init);
      }
    }
  }
}

#ifndef __AVX512BF16__
inline void widen(const bf16* from, long count, float* to) {
  for (long i = 0; i < count; i += 16) _mm512_store_ps(to + i, load_bf16(from + i));
}
#endif

constexpr int kMostColumns = 256;  // of a left matrix: four gates of 64 cells
constexpr int kMostChunks = 8;

inline void multiply32(
    const bf16* a, long lda, const Packed& b, float* c, long ldc, const float* init, long ld_init) {
  const long step = (long)b.k_tiles * kTile;
#ifdef __AVX512BF16__
  blocks(a, lda, 32, 32, b.column(0), step, b.pairs, b.n_tiles, c, ldc, init, ld_init);
#else
  alignas(64) float wide[32 * kMostColumns];
  const long ldw = b.k_tiles * 32;
  for (int r = 0; r < 32; r++) widen(a + r * lda, ldw, wide + r * ldw);
  blocks(wide, ldw, 32, 32, b.column(0), step, b.pairs, b.n_tiles, c, ldc, init, ld_init);
#endif
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
#ifdef __AVX512BF16__
    blocks(a + i * step, 32, kTile, 16, b, step, 16 * chunks, b_tiles, out, ldc, out, ldc);
#else
    alignas(64) float wide[kMostChunks * kTile];
    widen(a + i * step, chunks * kTile, wide);
    blocks(wide, 32, kTile, 16, b, step, 16 * chunks, b_tiles, out, ldc, out, ldc);
#endif
  }
}

}  // namespace bsrnn
