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
/// what it leaves of a brings the quotient to where every other instruction set has it.
template <class D, class V>
HWY_INLINE V div_v(D d, V a, V b) {
#if HWY_TARGET == HWY_NEON && !HWY_ARCH_ARM_A64
  const auto inverse = hn::Div(hn::Set(d, 1.0f), b);
  const auto q = hn::Mul(a, inverse);
  return hn::MulAdd(hn::NegMulAdd(q, b, a), inverse, q);
#else
  (void)d;
  return hn::Div(a, b);
#endif
}

/// exp(x) = 2^n exp(r), |r| <= ln 2 / 2, by the polynomial of Cephes' expf. ln 2 is split so that
/// n * kLn2High is exact. 2^n is applied in two factors, so that n = 128 does not overflow early.
template <class D, class V>
HWY_INLINE V exp_v(D d, V x) {
  const hn::RebindToSigned<D> di;
  const auto low = hn::Set(d, -87.33654f);
  const auto high = hn::Set(d, 88.72283f);
  const auto c = hn::Min(hn::Max(x, low), high);
  const auto n = hn::NearestInt(hn::Mul(c, hn::Set(d, 1.44269504088896341f)));
  const auto nf = hn::ConvertTo(d, n);
  auto r = hn::NegMulAdd(nf, hn::Set(d, 0.693359375f), c);
  r = hn::NegMulAdd(nf, hn::Set(d, -2.12194440e-4f), r);
  auto p = hn::Set(d, 1.9875691500e-4f);
  p = hn::MulAdd(p, r, hn::Set(d, 1.3981999507e-3f));
  p = hn::MulAdd(p, r, hn::Set(d, 8.3334519073e-3f));
  p = hn::MulAdd(p, r, hn::Set(d, 4.1665795894e-2f));
  p = hn::MulAdd(p, r, hn::Set(d, 1.6666665459e-1f));
  p = hn::MulAdd(p, r, hn::Set(d, 5.0000001201e-1f));
  p = hn::Add(hn::MulAdd(hn::Mul(p, r), r, r), hn::Set(d, 1.0f));
  const auto half = hn::ShiftRight<1>(n);
  const auto bias = hn::Set(di, 127);
  const auto s0 = hn::BitCast(d, hn::ShiftLeft<23>(hn::Add(half, bias)));
  const auto s1 = hn::BitCast(d, hn::ShiftLeft<23>(hn::Add(hn::Sub(n, half), bias)));
  auto y = hn::Mul(hn::Mul(p, s0), s1);
  y = hn::IfThenElse(hn::Gt(x, high), hn::Set(d, __builtin_huge_valf()), y);
  return hn::IfThenZeroElse(hn::Lt(x, low), y);
}

/// With e = exp(-|x|): 1 / (1 + e), or e / (1 + e) for negative x.
template <class D, class V>
HWY_INLINE V sigmoid_v(D d, V x) {
  const auto one = hn::Set(d, 1.0f);
  const auto e = exp_v(d, hn::Neg(hn::Abs(x)));
  const auto top = hn::IfThenElse(hn::Lt(x, hn::Zero(d)), e, one);
  return div_v(d, top, hn::Add(one, e));
}

/// Cephes' tanhf: an odd polynomial below 0.625, else 1 - 2 / (exp(2|x|) + 1) with the sign of x.
template <class D, class V>
HWY_INLINE V tanh_v(D d, V x) {
  const auto a = hn::Abs(x);
  const auto z = hn::Mul(x, x);
  auto p = hn::Set(d, -5.70498872745e-3f);
  p = hn::MulAdd(p, z, hn::Set(d, 2.06390887954e-2f));
  p = hn::MulAdd(p, z, hn::Set(d, -5.37397155531e-2f));
  p = hn::MulAdd(p, z, hn::Set(d, 1.33314422036e-1f));
  p = hn::MulAdd(p, z, hn::Set(d, -3.33332819422e-1f));
  const auto small = hn::MulAdd(hn::Mul(p, z), x, x);
  const auto one = hn::Set(d, 1.0f);
  const auto e = exp_v(d, hn::Min(hn::Add(a, a), hn::Set(d, 40.0f)));
  const auto large = hn::Sub(one, div_v(d, hn::Set(d, 2.0f), hn::Add(e, one)));
  return hn::IfThenElse(hn::Lt(a, hn::Set(d, 0.625f)), small, hn::CopySign(large, x));
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
  const auto e = exp_v(d, hn::Mul(hn::Mul(a, a), hn::Set(d, -0.5f)));
  const auto tail = hn::Mul(x, hn::Mul(hn::Mul(p, t), e));
  return hn::IfThenElse(hn::Gt(x, hn::Zero(d)), hn::Sub(x, tail), tail);
}

template <class D, class V>
HWY_INLINE V elu_v(D d, V x) {
  const auto negative = hn::Sub(exp_v(d, hn::Min(x, hn::Zero(d))), hn::Set(d, 1.0f));
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
