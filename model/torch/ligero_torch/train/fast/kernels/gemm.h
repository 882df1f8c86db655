// SPDX-License-Identifier: Apache-2.0
// Products of bf16 matrices with f32 sums, 32 rows at a time.
//
// The left matrix has rows of bf16. The right one is packed in tiles of 32 x 16: 16 lines of 16
// pairs (k, k + 1), which is what both AMX and vdpbf16ps read. Three implementations of the same
// contract:
//
//   multiply32(a, lda, b, c, ldc, init, ld_init)
//     c [32 x n] = init + a [32 x k] b. init: null for zero; ld_init 0 repeats one row.
//     k and n are rounded up to whole tiles: a must be readable and finite there (b is zero there),
//     and c has room for it.
//   add_products(a, a_tiles, b, b_tiles, chunks, stride, c, ldc)
//     c [16 a_tiles x 16 b_tiles] += sum over chunks of a b: tile (i, chunk) of a is 16 x 32, of b
//     is packed 32 x 16, and both lie at (i stride + chunk) kTile. This is a gradient of weights.
#pragma once

#include <algorithm>

#include "simd.h"

namespace bsrnn {

constexpr long kTile = 512;  // elements of a tile

// A right-hand matrix in tiles, column tile by column tile.
class Packed {
 public:
  // Element (k, n) is w[k row_stride + n column_stride].
  Packed(const float* w, long row_stride, long column_stride, int rows, int columns)
      : pairs((rows + 1) / 2),
        k_tiles((rows + 31) / 32),
        n_tiles((columns + 15) / 16),
        data_((size_t)k_tiles * n_tiles * kTile) {
    bf16* out = data_;
    for (int n = 0; n < columns; n += 16) {
      const int count = std::min(16, columns - n);
      for (int k = 0; k < 32 * k_tiles; k += 2, out += 32) {
        auto line = [&](int row) {
          if (row >= rows) return _mm256_setzero_si256();
          return to_bf16(
              load_strided(count, w + row * row_stride + n * column_stride, column_stride));
        };
        store_pairs(out, pairs_of(line(k), line(k + 1)));
      }
    }
  }
  const bf16* column(int n) const {
    return data_ + (long)n * k_tiles * kTile;
  }

  int pairs;  // of rows
  int k_tiles, n_tiles;

 private:
  Buffer<bf16> data_;
};

// Interleaves rows 2 j and 2 j + 1 of 16 columns of 32 rows: 16 lines of 16 pairs.
inline void interleave(const bf16* a, long lda, i32x16* lines) {
  for (int j = 0; j < 16; j++) {
    auto row = [&](int r) { return _mm256_loadu_si256((const __m256i*)(a + r * lda)); };
    lines[j] = pairs_of(row(2 * j), row(2 * j + 1));
  }
}

// The 32 rows of a [32 x 16 tiles], transposed: left tiles (16 columns of a by 32 rows) for
// add_products, `step` elements apart.
inline void left_tiles(const bf16* a, long lda, int tiles, bf16* out, long step) {
  for (int i = 0; i < tiles; i++) {
    i32x16 lines[16];
    interleave(a + i * 16, lda, lines);
    transpose(lines);
    for (int j = 0; j < 16; j++) store_pairs(out + i * step + j * 32, lines[j]);
  }
}

// The same rows as right tiles.
inline void right_tiles(const bf16* a, long lda, int tiles, bf16* out, long step) {
  for (int i = 0; i < tiles; i++) {
    i32x16 lines[16];
    interleave(a + i * 16, lda, lines);
    for (int j = 0; j < 16; j++) store_pairs(out + i * step + j * 32, lines[j]);
  }
}

}  // namespace bsrnn

#if defined(__AMX_BF16__)
#include "gemm_amx.h"
#elif defined(__AVX512F__)
#include "gemm_avx512.h"
#else
#include "gemm_avx2.h"
#endif
