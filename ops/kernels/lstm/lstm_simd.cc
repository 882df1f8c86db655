// SPDX-License-Identifier: Apache-2.0
// The LSTM cell in vectors. Not: the gates' functions (vec_math-inl.h).
#include <string.h>

#include "ops/kernels/lstm/lstm.h"
#include "ops/kernels/variants.h"
#include "ops/kernels/vec/vec_math-inl.h"

namespace ligero {
namespace LIGERO_ISA {
namespace {

using D = hn::CappedTag<float, 16>;
using V = hn::Vec<D>;
constexpr int kLanes = static_cast<int>(hn::MaxLanes(D()));

/// x within +-bound. A NaN stays one: of x86's instructions the second operand does, of ARM's that
/// Highway takes neither.
HWY_INLINE V clamp_v(D d, V x, float bound) {
  const V low = hn::Set(d, -bound);
  const V high = hn::Set(d, bound);
#if HWY_ARCH_ARM
  return V(vminq_f32(high.raw, vmaxq_f32(low.raw, x.raw)));
#else
  return hn::Min(high, hn::Max(low, x));
#endif
}

/// exp(x) = 2^n (1 + rest) for x within +-`bound` and as at the nearer end outside, to 1.1e-7 of
/// it: less exact than exp_v, as gates may be, and half the work. rest = exp(r) - 1, |r| <= ln 2 /
/// 2, by the polynomial r + r^2 (c2 + c3 r + c4 r^2 + c5 r^3) of the least relative error; bound
/// < 88.
struct Exp {
  V scale, rest;
  HWY_INLINE Exp(D d, V x, float bound) {
    const V inside = clamp_v(d, x, bound);
    const V round = hn::Set(d, 0x1.8p23f + 127.0f);  // leaves n + 127 in the lowest bits
    const V shifted = hn::MulAdd(inside, hn::Set(d, 0x1.715476p0f), round);
    const V r = hn::NegMulAdd(hn::Sub(shifted, round), hn::Set(d, 0x1.62e43p-1f), inside);
    const V r2 = hn::Mul(r, r);
    const V low = hn::MulAdd(r, hn::Set(d, 0x1.5557b4p-3f), hn::Set(d, 0x1.fffdf8p-2f));
    const V high = hn::MulAdd(r, hn::Set(d, 0x1.1061b8p-7f), hn::Set(d, 0x1.572bc4p-5f));
    rest = hn::MulAdd(hn::MulAdd(high, r2, low), r2, r);
    scale = pow2_v(d, hn::BitCast(hn::RebindToSigned<D>(), shifted));
  }
};

/// 1 / sigmoid(z) = 1 + exp(-z); above 1e13 it stays there, so that a product of three is finite.
HWY_INLINE V inverse_sigmoid(D d, V z) {
  const Exp e(d, hn::Neg(z), 30.0f);
  return hn::MulAdd(e.scale, e.rest, hn::Add(e.scale, hn::Set(d, 1.0f)));
}

/// tanh(x) = t / (t + 2), t = exp(2x) - 1; beyond +-9 it rounds to +-1.
HWY_INLINE V tanh_top(D d, V x) {
  const Exp e(d, hn::Add(x, x), 18.5f);
  return hn::MulAdd(e.scale, e.rest, hn::Sub(e.scale, hn::Set(d, 1.0f)));
}

/// kCount times kLanes units, all that is read before all that is written, so that one's chain of
/// operations hides the other's; gate q of unit 0 is at z + q * stride. Gates stay fractions: two
/// divisions in place of five.
template <int kCount>
HWY_INLINE void units(const float* z, int64_t stride, float limit, float* c, float* h) {
  const D d;
  const V two = hn::Set(d, 2.0f);
  const V bound = hn::Set(d, limit);
  V next[kCount];
  V o[kCount];
  for (int k = 0; k < kCount; ++k) {
    const float* gates = z + k * kLanes;
    const V i = inverse_sigmoid(d, hn::LoadU(d, gates));
    const V f = inverse_sigmoid(d, hn::LoadU(d, gates + stride));
    const V g = tanh_top(d, hn::LoadU(d, gates + 2 * stride));
    o[k] = inverse_sigmoid(d, hn::LoadU(d, gates + 3 * stride));
    const V bottom = hn::Mul(i, hn::Add(g, two));
    const V top = hn::MulAdd(g, f, hn::Mul(hn::LoadU(d, c + k * kLanes), bottom));
    const V sum = div_v(d, top, hn::Mul(bottom, f));
    // By magnitude, and not by Min and Max, which differ in what they make of a NaN.
    next[k] = hn::IfThenElse(hn::Gt(hn::Abs(sum), bound), hn::CopySign(bound, sum), sum);
  }
  for (int k = 0; k < kCount; ++k) {
    const V t = tanh_top(d, next[k]);
    hn::StoreU(next[k], d, c + k * kLanes);
    hn::StoreU(div_v(d, t, hn::Mul(o[k], hn::Add(t, two))), d, h + k * kLanes);
  }
}

/// kLanes units: called twice, and so not inlined.
HWY_NOINLINE void one(const float* z, int64_t stride, float limit, float* c, float* h) {
  units<1>(z, stride, limit, c, h);
}

void cell_f32(const float* z, int32_t hidden, float limit, float* c, float* h) noexcept {
  int32_t u = 0;
  for (; u + 2 * kLanes <= hidden; u += 2 * kLanes) {
    units<2>(z + u, hidden, limit, c + u, h + u);
  }
  for (; u + kLanes <= hidden; u += kLanes) {
    one(z + u, hidden, limit, c + u, h + u);
  }
  if (u < hidden) {
    const size_t bytes = static_cast<size_t>(hidden - u) * sizeof(float);
    float gates[4][kLanes] = {};
    float cell[kLanes] = {};
    float out[kLanes];
    for (int q = 0; q < 4; ++q) {
      memcpy(gates[q], z + static_cast<int64_t>(q) * hidden + u, bytes);
    }
    memcpy(cell, c + u, bytes);
    one(gates[0], kLanes, limit, cell, out);
    memcpy(c + u, cell, bytes);
    memcpy(h + u, out, bytes);
  }
}

}  // namespace

extern const LstmKernels kLstm;
const LstmKernels kLstm = {LIGERO_ISA_NAME, cell_f32};

}  // namespace LIGERO_ISA
}  // namespace ligero
