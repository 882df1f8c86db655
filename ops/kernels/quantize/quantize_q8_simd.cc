// SPDX-License-Identifier: Apache-2.0
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

/// kLanes values to whole numbers.
HWY_INLINE hn::Vec<hn::RebindToSigned<D>> whole_v(const float* x, V factor) {
  return hn::NearestInt(hn::Mul(hn::LoadU(D(), x), factor));
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
  int64_t i = 0;
  const V factor = hn::Set(d, kQ8Max / largest);
  const hn::Rebind<int8_t, D> narrow;
// Chains of operations side by side, where two vectors become one in their order: those of 128 bits
// but for ARMv7's.
#if HWY_MAX_BYTES == 16 && !HWY_ARCH_ARM_V7
  const hn::Full128<int16_t> d16;
  const hn::Full64<int8_t> d8;
  for (; i + 16 <= n; i += 16) {
    const auto low = hn::ReorderDemote2To(d16, whole_v(x + i, factor), whole_v(x + i + 4, factor));
    const auto high =
        hn::ReorderDemote2To(d16, whole_v(x + i + 8, factor), whole_v(x + i + 12, factor));
    hn::StoreU(hn::DemoteTo(d8, low), d8, q + i);
    hn::StoreU(hn::DemoteTo(d8, high), d8, q + i + 8);
  }
#endif
  for (; i + kLanes <= n; i += kLanes) {
    hn::StoreU(hn::DemoteTo(narrow, whole_v(x + i, factor)), narrow, q + i);
  }
  if (i < n) {
    float rest[kLanes] = {};
    int8_t out[kLanes];
    memcpy(rest, x + i, static_cast<size_t>(n - i) * sizeof(float));
    hn::StoreU(hn::DemoteTo(narrow, whole_v(rest, factor)), narrow, out);
    memcpy(q + i, out, static_cast<size_t>(n - i));
  }
  return largest / kQ8Max;
}

}  // namespace

extern const QuantizeKernels kQuantize;
const QuantizeKernels kQuantize = {LIGERO_ISA_NAME, q8};

}  // namespace LIGERO_ISA
}  // namespace ligero
