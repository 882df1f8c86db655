// SPDX-License-Identifier: Apache-2.0
// One step of 32 LSTM cells in a row each. Gates are i, f, g, o; c' = f c + i g within +-limit;
// h = o tanh(c').
// A step is kept for the way back as 16 cells at a time: i, f, g, o, c' (5 x 16 bf16).
#pragma once

#include "bands.h"
#include "simd.h"

namespace bsrnn {

// gates [32, 4 H] before their activations; c [32, H]; kept [32, H / 16, 5, 16] or null.
// h goes to h1 (rows ld1 apart) and h2 (ld2).
inline void cell_forward(const float* gates,
                         int H,
                         float limit,
                         float* c,
                         bf16* kept,
                         bf16* h1,
                         long ld1,
                         bf16* h2,
                         long ld2) {
  for (int r = 0; r < kRows; r++) {
    const float* g = gates + r * 4 * H;
    for (int v = 0; v < H; v += 16) {
      const f32x16 input = sigmoid(loadu(g + v));
      const f32x16 forget = sigmoid(loadu(g + H + v));
      const f32x16 value = tanh(loadu(g + 2 * H + v));
      const f32x16 output = sigmoid(loadu(g + 3 * H + v));
      const f32x16 before = loadu(c + r * H + v);
      const f32x16 cell = clamp(fmadd(forget, before, mul(input, value)), all(limit));
      const f32x16 h = mul(output, tanh(cell));
      storeu(c + r * H + v, cell);
      if (kept) {
        bf16* k = kept + (r * H + v) * 5;
        stream_bf16(k, input);
        stream_bf16(k + 16, forget);
        stream_bf16(k + 32, value);
        stream_bf16(k + 48, output);
        stream_bf16(k + 64, cell);
      }
      store_bf16(h1 + r * ld1 + v, h);
      store_bf16(h2 + r * ld2 + v, h);
    }
  }
}

// kept: of this step; before: of the step before it, or null. dh [32, H]; dc [32, H] comes from the
// step after and leaves for the one before. d_gates [32, 4 H]; adds their sums to d_bias.
template <int Vectors>
void cell_backward(float limit,
                   const bf16* kept,
                   const bf16* before,
                   const float* dh,
                   float* dc,
                   bf16* d_gates,
                   float* d_bias) {
  constexpr int H = Vectors * 16;
  const f32x16 one = all(1.f);
  f32x16 sum[4][Vectors];
#pragma GCC unroll 4
  for (int v = 0; v < Vectors; v++) {
    for (int k = 0; k < 4; k++) sum[k][v] = zero();
  }
  for (int r = 0; r < kRows; r++) {
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; v++) {
      const f32x16 input = load_bf16(kept), forget = load_bf16(kept + 16);
      const f32x16 value = load_bf16(kept + 32), output = load_bf16(kept + 48);
      const f32x16 cell = load_bf16(kept + 64), squashed = tanh(cell);
      const f32x16 c = before ? load_bf16(before + 64) : zero();
      const f32x16 d = load(dh + v * 16);
      const f32x16 slope = fnmadd(squashed, squashed, one);
      const f32x16 d_cell =
          inside(cell, all(limit), fmadd(mul(d, output), slope, load(dc + v * 16)));
      const f32x16 di = mul(mul(d_cell, value), mul(input, sub(one, input)));
      const f32x16 df = mul(mul(d_cell, c), mul(forget, sub(one, forget)));
      const f32x16 dg = mul(mul(d_cell, input), fnmadd(value, value, one));
      const f32x16 d_o = mul(mul(d, squashed), mul(output, sub(one, output)));
      store(dc + v * 16, mul(d_cell, forget));
      bf16* p = d_gates + v * 16;
      store_bf16(p, di);
      store_bf16(p + H, df);
      store_bf16(p + 2 * H, dg);
      store_bf16(p + 3 * H, d_o);
      sum[0][v] = add(sum[0][v], di);
      sum[1][v] = add(sum[1][v], df);
      sum[2][v] = add(sum[2][v], dg);
      sum[3][v] = add(sum[3][v], d_o);
      kept += 80;
      if (before) before += 80;
    }
    dh += H;
    dc += H;
    d_gates += 4 * H;
  }
  for (int k = 0; k < 4; k++) {
    for (int v = 0; v < Vectors; v++) add_to(d_bias + k * H + v * 16, sum[k][v]);
  }
}

// H: 16, 32, 48 or 64.
inline void cell_backward(int H,
                          float limit,
                          const bf16* kept,
                          const bf16* before,
                          const float* dh,
                          float* dc,
                          bf16* d_gates,
                          float* d_bias) {
  switch (H / 16) {
    case 1:
      return cell_backward<1>(limit, kept, before, dh, dc, d_gates, d_bias);
    case 2:
      return cell_backward<2>(limit, kept, before, dh, dc, d_gates, d_bias);
    case 3:
      return cell_backward<3>(limit, kept, before, dh, dc, d_gates, d_bias);
    default:
      return cell_backward<4>(limit, kept, before, dh, dc, d_gates, d_bias);
  }
}

}  // namespace bsrnn
