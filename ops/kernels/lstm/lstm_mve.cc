// SPDX-License-Identifier: Apache-2.0
// The LSTM cell for Cortex-M with MVE (M55, M85): the formulas of vec_math-inl.h, four units at a
// time. Not: other functions, which are the reference's there.
#include <arm_mve.h>

#include "ops/kernels/lstm/lstm.h"

namespace ligero::mve {
namespace {

using V = float32x4_t;

V splat(float x) {
  return vdupq_n_f32(x);
}

/// exp(x) = scale (1 + rest), for -88 <= x <= 88.
struct ExpParts {
  V scale;
  V rest;
  explicit ExpParts(V x) {
    const V round = splat(0x1.8p23f + 127.0f);
    const V shifted = vfmaq_f32(round, x, splat(1.44269504088896341f));
    const V n = vsubq_f32(shifted, round);
    V r = vfmsq_f32(x, n, splat(0.693359375f));
    r = vfmsq_f32(r, n, splat(-2.12194440e-4f));
    V p = splat(1.9875691500e-4f);
    p = vfmaq_f32(splat(1.3981999507e-3f), p, r);
    p = vfmaq_f32(splat(8.3334519073e-3f), p, r);
    p = vfmaq_f32(splat(4.1665795894e-2f), p, r);
    p = vfmaq_f32(splat(1.6666665459e-1f), p, r);
    p = vfmaq_f32(splat(5.0000001201e-1f), p, r);
    rest = vfmaq_f32(r, vmulq_f32(p, r), r);
    scale = vreinterpretq_f32_s32(vshlq_n_s32(vreinterpretq_s32_f32(shifted), 23));
  }
};

/// The vector unit has no division; the scalar one's are the lanes of the same registers.
V divide(V a, V b) {
  return V{a[0] / b[0], a[1] / b[1], a[2] / b[2], a[3] / b[3]};
}

// Comparisons and not vmaxnm, vminnm: those drop a NaN. And "greater" alone: with a NaN, "less" is
// true here.
V sigmoid(V x) {
  const V one = splat(1.0f);
  const V low = splat(-88.0f);
  V falling = vnegq_f32(vabsq_f32(x));
  falling = vpselq_f32(low, falling, vcmpgtq_f32(low, falling));
  const ExpParts parts(falling);
  const V e = vfmaq_f32(parts.scale, parts.scale, parts.rest);
  return divide(vpselq_f32(e, one, vcmpgtq_f32(splat(0.0f), x)), vaddq_f32(one, e));
}

V tanh(V x) {
  const V most = splat(40.0f);
  V twice = vabsq_f32(x);
  twice = vaddq_f32(twice, twice);
  twice = vpselq_f32(most, twice, vcmpgtq_f32(twice, most));
  const ExpParts parts(twice);
  const V t = vfmaq_f32(vsubq_f32(parts.scale, splat(1.0f)), parts.scale, parts.rest);
  const V y = divide(t, vaddq_f32(t, splat(2.0f)));
  return vpselq_f32(vnegq_f32(y), y, vcmpgtq_f32(splat(0.0f), x));
}

void cell_f32(const float* z, int32_t hidden, float limit, float* c, float* h) noexcept {
  for (int32_t u = 0; u < hidden; u += 4) {
    const mve_pred16_t some = vctp32q(static_cast<uint32_t>(hidden - u));
    const auto gate = [&](int32_t q) { return vldrwq_z_f32(z + q * hidden + u, some); };
    const V i = vmulq_f32(sigmoid(gate(0)), tanh(gate(2)));
    V next = vfmaq_f32(i, sigmoid(gate(1)), vldrwq_z_f32(c + u, some));
    next = vpselq_f32(splat(limit), next, vcmpgtq_n_f32(next, limit));
    next = vpselq_f32(splat(-limit), next, vcmpgtq_f32(splat(-limit), next));
    vstrwq_p_f32(c + u, next, some);
    vstrwq_p_f32(h + u, vmulq_f32(sigmoid(gate(3)), tanh(next)), some);
  }
}

}  // namespace

extern const LstmKernels kLstm;
const LstmKernels kLstm = {"mve", cell_f32};

}  // namespace ligero::mve
