// SPDX-License-Identifier: Apache-2.0
// exp, sigmoid, tanh, gelu, elu on Highway vectors, for files compiled once per instruction set.
// Not: loops over arrays (vec_simd.cc). Errors as stated in vec.h; everything has internal linkage.
#ifndef LIGERO_OPS_KERNELS_VEC_VEC_MATH_INL_H_
#define LIGERO_OPS_KERNELS_VEC_VEC_MATH_INL_H_

#include <hwy/highway.h>

#include "ops/kernels/vec/vec.h"

namespace ligero {
namespace LIGERO_ISA {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

/// a / b, b finite. ARMv7 has no division, and Highway's stand-in is off by a bit now and then:
/// what it leaves of a brings the quotient to where every other instruction set has it. Of an
/// infinite quotient nothing is left.
template <class D, class V>
HWY_INLINE V div_v(D d, V a, V b) {
#if HWY_TARGET == HWY_NEON && !HWY_ARCH_ARM_A64
  const auto inverse = hn::Div(hn::Set(d, 1.0f), b);
  const auto q = hn::Mul(a, inverse);
  const auto nearer = hn::MulAdd(hn::NegMulAdd(q, b, a), inverse, q);
  return hn::IfThenElse(hn::Lt(hn::Abs(q), hn::Set(d, __builtin_huge_valf())), nearer, q);
#else
  (void)d;
  return hn::Div(a, b);
#endif
}

/// exp(x) = 2^n (1 + rest), rest = exp(r) - 1, |r| <= ln 2 / 2, by the polynomial of Cephes' expf;
/// -88 <= x <= 88.8. ln 2 is split so that n times its greater part is exact. Adding kRound leaves n
/// + 127, the exponent of 2^n, in the lowest bits.
template <class D, class V = hn::Vec<D>>
struct ExpParts {
  static constexpr float kRound = 0x1.8p23f + 127.0f;
  hn::Vec<hn::RebindToSigned<D>> exponent;
  V rest;
  HWY_INLINE ExpParts(D d, V x) {
    const auto round = hn::Set(d, kRound);
    const auto shifted = hn::MulAdd(x, hn::Set(d, 1.44269504088896341f), round);
    const auto n = hn::Sub(shifted, round);
    auto r = hn::NegMulAdd(n, hn::Set(d, 0.693359375f), x);
    r = hn::NegMulAdd(n, hn::Set(d, -2.12194440e-4f), r);
    auto p = hn::Set(d, 1.9875691500e-4f);
    p = hn::MulAdd(p, r, hn::Set(d, 1.3981999507e-3f));
    p = hn::MulAdd(p, r, hn::Set(d, 8.3334519073e-3f));
    p = hn::MulAdd(p, r, hn::Set(d, 4.1665795894e-2f));
    p = hn::MulAdd(p, r, hn::Set(d, 1.6666665459e-1f));
    p = hn::MulAdd(p, r, hn::Set(d, 5.0000001201e-1f));
    rest = hn::MulAdd(hn::Mul(p, r), r, r);
    exponent = hn::BitCast(hn::RebindToSigned<D>(), shifted);
  }
};

/// 2^n of an exponent n + 127 in the lowest bits, -127 <= n <= 127; 2^-127 is 0 here.
template <class D, class E>
HWY_INLINE hn::Vec<D> pow2_v(D d, E exponent) {
  return hn::BitCast(d, hn::ShiftLeft<23>(exponent));
}

/// exp(x). 2^n is applied in two factors, so that n = 128 does not overflow early.
template <class D, class V>
HWY_INLINE V exp_v(D d, V x) {
  const auto low = hn::Set(d, -87.33654f);
  const auto high = hn::Set(d, 88.72283f);
  const ExpParts<D> e(d, hn::Min(hn::Max(x, low), high));
  const hn::RebindToSigned<D> di;
  const auto n = hn::Sub(e.exponent, hn::BitCast(di, hn::Set(d, ExpParts<D>::kRound)));
  const auto half = hn::ShiftRight<1>(n);
  const auto bias = hn::Set(di, 127);
  auto y = hn::Add(e.rest, hn::Set(d, 1.0f));
  y = hn::Mul(y, pow2_v(d, hn::Add(half, bias)));
  y = hn::Mul(y, pow2_v(d, hn::Add(hn::Sub(n, half), bias)));
  y = hn::IfThenElse(hn::Gt(x, high), hn::Set(d, __builtin_huge_valf()), y);
  return hn::IfThenZeroElse(hn::Lt(x, low), y);
}

/// exp(x), x <= 0, for less: there is no upper end, and below -87.7 n is -127, so the result 0.
template <class D, class V>
HWY_INLINE V exp_falling_v(D d, V x) {
  const ExpParts<D> e(d, hn::Max(hn::Set(d, -88.0f), x));
  const auto scale = pow2_v(d, e.exponent);
  return hn::MulAdd(scale, e.rest, scale);
}

/// exp(x) - 1, -88 <= x <= 88.
template <class D, class V>
HWY_INLINE V expm1_v(D d, V x) {
  const ExpParts<D> e(d, x);
  const auto scale = pow2_v(d, e.exponent);
  return hn::MulAdd(scale, e.rest, hn::Sub(scale, hn::Set(d, 1.0f)));
}

/// With e = exp(-|x|): 1 / (1 + e), or e / (1 + e) for negative x.
template <class D, class V>
HWY_INLINE V sigmoid_v(D d, V x) {
  const auto one = hn::Set(d, 1.0f);
  const auto e = exp_falling_v(d, hn::Neg(hn::Abs(x)));
  const auto top = hn::IfThenElse(hn::Lt(x, hn::Zero(d)), e, one);
  return div_v(d, top, hn::Add(one, e));
}

/// With t = exp(2|x|) - 1: t / (t + 2) with the sign of x.
template <class D, class V>
HWY_INLINE V tanh_v(D d, V x) {
  const auto a = hn::Abs(x);
  const auto t = expm1_v(d, hn::Min(hn::Set(d, 40.0f), hn::Add(a, a)));
  return hn::CopySign(div_v(d, t, hn::Add(t, hn::Set(d, 2.0f))), x);
}

/// x Phi(x), the tail Phi(-|x|) by Abramowitz and Stegun 7.1.26: t p(t) exp(-x^2 / 2) / 2,
/// t = 1 / (1 + 0.3275911 |x| / sqrt 2).
template <class D, class V>
HWY_INLINE V gelu_v(D d, V x) {
  const auto one = hn::Set(d, 1.0f);
  const auto a = hn::Abs(x);
  const auto t = div_v(d, one, hn::MulAdd(a, hn::Set(d, 0.3275911f * 0.70710678118654752f), one));
  auto p = hn::Set(d, 0.5f * 1.061405429f);
  p = hn::MulAdd(p, t, hn::Set(d, 0.5f * -1.453152027f));
  p = hn::MulAdd(p, t, hn::Set(d, 0.5f * 1.421413741f));
  p = hn::MulAdd(p, t, hn::Set(d, 0.5f * -0.284496736f));
  p = hn::MulAdd(p, t, hn::Set(d, 0.5f * 0.254829592f));
  const auto e = exp_falling_v(d, hn::Mul(hn::Mul(a, a), hn::Set(d, -0.5f)));
  const auto tail = hn::Mul(x, hn::Mul(hn::Mul(p, t), e));
  return hn::IfThenElse(hn::Gt(x, hn::Zero(d)), hn::Sub(x, tail), tail);
}

template <class D, class V>
HWY_INLINE V elu_v(D d, V x) {
  const auto negative = expm1_v(d, hn::Max(hn::Set(d, -88.0f), hn::Min(x, hn::Zero(d))));
  return hn::IfThenElse(hn::Gt(x, hn::Zero(d)), x, negative);
}

template <class D, class V>
HWY_INLINE V relu_v(D d, V x) {
  return hn::Max(x, hn::Zero(d));
}

template <class D, class V>
HWY_INLINE V prelu_v(D d, V x, V slope) {
  return hn::IfThenElse(hn::Gt(x, hn::Zero(d)), x, hn::Mul(x, slope));
}

}  // namespace
}  // namespace LIGERO_ISA
}  // namespace ligero

#endif  // LIGERO_OPS_KERNELS_VEC_VEC_MATH_INL_H_
