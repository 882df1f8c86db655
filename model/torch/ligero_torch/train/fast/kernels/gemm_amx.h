// SPDX-License-Identifier: Apache-2.0
// The products of gemm.h with AMX tiles. Included by gemm.h.
#pragma once

namespace bsrnn {

// The tile intrinsics do not tell the compiler that they read and write memory.
inline void memory_barrier() {
  asm volatile("" ::: "memory");
}

// The thread's tiles are set up while an object of this type lives: eight of 16 rows by 64 bytes.
class Tiles {
 public:
  Tiles() {
    struct alignas(64) {
      uint8_t palette = 1, start = 0, reserved[14] = {};
      uint16_t columns[16] = {64, 64, 64, 64, 64, 64, 64, 64};  // bytes
      uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
    } config;
    static_assert(sizeof config == 64);
    memory_barrier();
    _tile_loadconfig(&config);
    memory_barrier();
  }
  Tiles(const Tiles&) = delete;
  ~Tiles() {
    _tile_release();
  }
};

inline void multiply32(
    const bf16* a, long lda, const Packed& b, float* c, long ldc, const float* init, long ld_init) {
  memory_barrier();
  const long as = lda * 2, cs = ldc * 4, is = ld_init * 4;  // bytes
  const bf16* a1 = a + 16 * lda;
  float* c1 = c + 16 * ldc;
  const float* init1 = init + 16 * ld_init;
  int n = 0;
  for (; n + 1 < b.n_tiles; n += 2) {
    const bf16 *b0 = b.column(n), *b1 = b.column(n + 1);
    const int at = n * 16;
    if (init) {
      _tile_loadd(0, init + at, is);
      _tile_loadd(1, init + at + 16, is);
      _tile_loadd(2, init1 + at, is);
      _tile_loadd(3, init1 + at + 16, is);
    } else {
      _tile_zero(0);
      _tile_zero(1);
      _tile_zero(2);
      _tile_zero(3);
    }
    for (int k = 0; k < b.k_tiles; k++) {
      _tile_loadd(4, a + k * 32, as);
      _tile_loadd(6, b0 + k * kTile, 64);
      _tile_loadd(5, a1 + k * 32, as);
      _tile_loadd(7, b1 + k * kTile, 64);
      _tile_dpbf16ps(0, 4, 6);
      _tile_dpbf16ps(1, 4, 7);
      _tile_dpbf16ps(2, 5, 6);
      _tile_dpbf16ps(3, 5, 7);
    }
    _tile_stored(0, c + at, cs);
    _tile_stored(1, c + at + 16, cs);
    _tile_stored(2, c1 + at, cs);
    _tile_stored(3, c1 + at + 16, cs);
  }
  if (n < b.n_tiles) {
    const bf16* b0 = b.column(n);
    const int at = n * 16;
    if (init) {
      _tile_loadd(0, init + at, is);
      _tile_loadd(2, init1 + at, is);
    } else {
      _tile_zero(0);
      _tile_zero(2);
    }
    for (int k = 0; k < b.k_tiles; k++) {
      _tile_loadd(4, a + k * 32, as);
      _tile_loadd(6, b0 + k * kTile, 64);
      _tile_loadd(5, a1 + k * 32, as);
      _tile_dpbf16ps(0, 4, 6);
      _tile_dpbf16ps(2, 5, 6);
    }
    _tile_stored(0, c + at, cs);
    _tile_stored(2, c1 + at, cs);
  }
  memory_barrier();
}

inline void add_products(const bf16* a,
                         int a_tiles,
                         const bf16* b,
                         int b_tiles,
                         int chunks,
                         int stride,
                         float* c,
                         long ldc) {
  memory_barrier();
  const long cs = ldc * 4;
  for (int i = 0; i < a_tiles; i += 2) {
    const bool second_row = i + 1 < a_tiles;
    const bf16 *a0 = a + (long)i * stride * kTile, *a1 = a0 + (long)stride * kTile;
    for (int n = 0; n < b_tiles; n += 2) {
      const bool second_column = n + 1 < b_tiles;
      const bf16 *b0 = b + (long)n * stride * kTile, *b1 = b0 + (long)stride * kTile;
      float *c0 = c + (long)i * 16 * ldc + n * 16, *c1 = c0 + 16 * ldc;
      _tile_loadd(0, c0, cs);
      if (second_column) _tile_loadd(1, c0 + 16, cs);
      if (second_row) _tile_loadd(2, c1, cs);
      if (second_row && second_column) _tile_loadd(3, c1 + 16, cs);
      for (int k = 0; k < chunks; k++) {
        _tile_loadd(4, a0 + k * kTile, 64);
        _tile_loadd(6, b0 + k * kTile, 64);
        _tile_dpbf16ps(0, 4, 6);
        if (second_column) {
          _tile_loadd(7, b1 + k * kTile, 64);
          _tile_dpbf16ps(1, 4, 7);
        }
        if (second_row) {
          _tile_loadd(5, a1 + k * kTile, 64);
          _tile_dpbf16ps(2, 5, 6);
          if (second_column) _tile_dpbf16ps(3, 5, 7);
        }
      }
      _tile_stored(0, c0, cs);
      if (second_column) _tile_stored(1, c0 + 16, cs);
      if (second_row) _tile_stored(2, c1, cs);
      if (second_row && second_column) _tile_stored(3, c1 + 16, cs);
      memory_barrier();
    }
  }
}

}  // namespace bsrnn
