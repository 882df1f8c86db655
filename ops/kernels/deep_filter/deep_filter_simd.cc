// SPDX-License-Identifier: Apache-2.0
// The deep filter in vectors of two complex numbers, and of one at the end of a frame's taps.
#include "ops/kernels/deep_filter/deep_filter.h"
#include "ops/kernels/variants.h"
#include "ops/kernels/vec/vec_math-inl.h"

namespace ligero {
namespace LIGERO_ISA {
namespace {

using Pair = hn::CappedTag<float, 4>;
using One = hn::CappedTag<float, 2>;

/// Of taps and values as they lie, [re im ...]: re * re and im * im in turn, then re * im and im *
/// re.
template <class D>
struct Sums {
  hn::Vec<D> straight = hn::Zero(D());
  hn::Vec<D> crossed = hn::Zero(D());

  HWY_INLINE void add(const float* taps, const float* values) {
    const auto h = hn::LoadU(D(), taps);
    const auto x = hn::LoadU(D(), values);
    straight = hn::MulAdd(h, x, straight);
    crossed = hn::MulAdd(h, hn::Reverse2(D(), x), crossed);
  }
};

void deep_filter_f32(const DeepFilterShape& shape,
                     const float* taps,
                     const float* spectrum,
                     float* out) noexcept {
  const int half = shape.kernel_f / 2;
  for (int f = 0; f < shape.bins; ++f, out += 2) {
    const int first = half > f ? half - f : 0;
    const int left = shape.bins - f + half;
    const int last = left < shape.kernel_f ? left : shape.kernel_f;
    Sums<Pair> pairs;
    Sums<One> ones;
    const float* values = spectrum + 2 * (f - half);
    for (int l = 0; l < shape.kernel_t; ++l, taps += 2 * shape.kernel_f, values += 2 * shape.bins) {
      int i = first;
      for (; i + 2 <= last; i += 2) {
        pairs.add(taps + 2 * i, values + 2 * i);
      }
      if (i < last) {
        ones.add(taps + 2 * i, values + 2 * i);
      }
    }
    alignas(16) float straight[6];
    alignas(16) float crossed[6];
    hn::StoreU(pairs.straight, Pair(), straight);
    hn::StoreU(pairs.crossed, Pair(), crossed);
    hn::StoreU(ones.straight, One(), straight + 4);
    hn::StoreU(ones.crossed, One(), crossed + 4);
    out[0] = ((straight[0] - straight[1]) + (straight[2] - straight[3])) + (straight[4] - straight[5]);
    out[1] = ((crossed[0] + crossed[1]) + (crossed[2] + crossed[3])) + (crossed[4] + crossed[5]);
  }
}

}  // namespace

extern const DeepFilterKernels kDeepFilter;
const DeepFilterKernels kDeepFilter = {LIGERO_ISA_NAME, deep_filter_f32};

}  // namespace LIGERO_ISA
}  // namespace ligero
