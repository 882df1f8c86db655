// SPDX-License-Identifier: Apache-2.0
// Layer norm over the channels of a row, and the speaker's map behind it: n = scale x + shift,
// where x = (z - mean) / deviation. channels: a multiple of 16.
#pragma once

#include <cmath>

#include "simd.h"

namespace bsrnn {

// x = the normalised row z, in bf16; returns 1 / deviation.
inline float normalise(const float* z, int channels, bf16* x) {
  f32x16 sum = zero(), squares = sum;
  for (int v = 0; v < channels; v += 16) {
    const f32x16 a = loadu(z + v);
    sum = add(sum, a);
    squares = fmadd(a, a, squares);
  }
  const float inverse = 1.f / channels, mean = sum_of(sum) * inverse;
  const float variance = sum_of(squares) * inverse - mean * mean;
  const float rate = 1.f / std::sqrt((variance > 0 ? variance : 0) + 1e-5f);
  const f32x16 offset = all(-mean * rate), factor = all(rate);
  for (int v = 0; v < channels; v += 16) {
    store_bf16(x + v, fmadd(loadu(z + v), factor, offset));
  }
  return rate;
}

inline void modulate(const bf16* x, const float* scale, const float* shift, int channels, bf16* n) {
  for (int v = 0; v < channels; v += 16) {
    store_bf16(n + v, fmadd(load_bf16(x + v), loadu(scale + v), loadu(shift + v)));
  }
}

// dz = gradient by z from dn, plus `through` (null for zero); adds to d_scale and d_shift.
inline void norm_backward(const float* dn,
                          const bf16* x,
                          const float* scale,
                          float rate,
                          int channels,
                          const float* through,
                          float* d_scale,
                          float* d_shift,
                          float* dz) {
  f32x16 mean = zero(), product = mean;
  for (int v = 0; v < channels; v += 16) {
    const f32x16 d = loadu(dn + v), xv = load_bf16(x + v);
    const f32x16 e = mul(d, loadu(scale + v));
    mean = add(mean, e);
    product = fmadd(e, xv, product);
    add_to(d_scale + v, mul(d, xv));
    add_to(d_shift + v, d);
  }
  const float inverse = 1.f / channels;
  const f32x16 m = all(sum_of(mean) * inverse);
  const f32x16 p = all(sum_of(product) * inverse);
  const f32x16 r = all(rate);
  for (int v = 0; v < channels; v += 16) {
    const f32x16 e = mul(loadu(dn + v), loadu(scale + v));
    const f32x16 d = sub(sub(e, m), mul(load_bf16(x + v), p));
    const f32x16 before = through ? loadu(through + v) : zero();
    storeu(dz + v, fmadd(d, r, before));
  }
}

}  // namespace bsrnn
