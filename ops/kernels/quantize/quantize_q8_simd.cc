// Rows of int8 in vectors. Not: the products that take them (gemm_q8_simd.cc).
#include <string.h>

#include "ops/kernels/quantize/quantize.h"
#include "ops/kernels/unroll-inl.h"

namespace ligero {
namespace LIGERO_ISA {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

using D = hn::CappedTag<float, 16>;
using V = hn::Vec<D>;
constexpr int kLanes = static_cast<int>(hn::MaxLanes(D()));

/// The largest magnitude, as the bits of a float: those order like integers, what is not finite
/// above all else.
HWY_INLINE int32_t largest_bits(const float* x, int64_t n) {
  const D d;
  const hn::RebindToSigned<D> di;
  constexpr int kChains = 4;
  constexpr int32_t kMagnitude = 0x7FFFFFFF;
  hn::Vec<decltype(di)> most[kChains];
  unroll<0, kChains>([&](auto c) LIGERO_INLINE_LAMBDA { most[decltype(c)::value] = hn::Zero(di); });
  const auto step = [&](int chain, const float* p) LIGERO_INLINE_LAMBDA {
    most[chain] = hn::Max(most[chain], hn::BitCast(di, hn::Abs(hn::LoadU(d, p))));
  };
  int64_t i = 0;
  for (; i + kChains * kLanes <= n; i += kChains * kLanes) {
    unroll<0, kChains>([&](auto c) LIGERO_INLINE_LAMBDA {
      step(decltype(c)::value, x + i + decltype(c)::value * kLanes);
    });
  }
  for (; i + kLanes <= n; i += kLanes) {
    step(0, x + i);
  }
  const auto all = hn::Max(hn::Max(most[0], most[1]), hn::Max(most[2], most[3]));
  int32_t largest = hn::GetLane(hn::MaxOfLanes(di, all));
  for (; i < n; ++i) {
    int32_t bits;
    memcpy(&bits, x + i, sizeof(bits));
    bits &= kMagnitude;
    largest = bits > largest ? bits : largest;
  }
  return largest;
}

/// Two passes: the largest magnitude, then the values.
float q8(const float* x, int64_t n, int8_t* q) noexcept {
  constexpr int32_t kInfinity = 0x7F800000;
  const D d;
  const int32_t bits = largest_bits(x, n);
  float largest;
  memcpy(&largest, &bits, sizeof(largest));
  if (bits >= kInfinity || largest < kQ8Smallest) {
    memset(q, 0, static_cast<size_t>(n));
    return bits >= kInfinity ? __builtin_nanf("") : 0.0f;
  }
  int64_t i;
  const V factor = hn::Set(d, kQ8Max / largest);
  const hn::Rebind<int8_t, D> narrow;
  for (i = 0; i + kLanes <= n; i += kLanes) {
    const auto whole = hn::NearestInt(hn::Mul(hn::LoadU(d, x + i), factor));
    hn::StoreU(hn::DemoteTo(narrow, whole), narrow, q + i);
  }
  if (i < n) {
    float rest[kLanes] = {};
    int8_t out[kLanes];
    memcpy(rest, x + i, static_cast<size_t>(n - i) * sizeof(float));
    const auto whole = hn::NearestInt(hn::Mul(hn::LoadU(d, rest), factor));
    hn::StoreU(hn::DemoteTo(narrow, whole), narrow, out);
    memcpy(q + i, out, static_cast<size_t>(n - i));
  }
  return largest / kQ8Max;
}

}  // namespace

extern const QuantizeKernels kQuantize;
const QuantizeKernels kQuantize = {LIGERO_ISA_NAME, q8};

}  // namespace LIGERO_ISA
}  // namespace ligero
