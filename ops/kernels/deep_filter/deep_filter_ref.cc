// SPDX-License-Identifier: Apache-2.0
// The deep filter, scalar: the specification.
#include <algorithm>
#include <cstddef>

#include "ops/kernels/deep_filter/deep_filter.h"

namespace ligero::ref {
namespace {

void deep_filter_f32(const DeepFilterShape& shape,
                     const float* taps,
                     const float* spectrum,
                     float* out) noexcept {
  const int half = shape.kernel_f / 2;
  for (int f = 0; f < shape.bins; ++f, out += 2) {
    const int first = std::max(0, half - f);
    const int last = std::min(shape.kernel_f, shape.bins - f + half);
    float re = 0.0f;
    float im = 0.0f;
    for (int l = 0; l < shape.kernel_t; ++l, taps += 2 * shape.kernel_f) {
      const ptrdiff_t x = 2 * (static_cast<ptrdiff_t>(l) * shape.bins + f - half);
      for (int i = first; i < last; ++i) {
        const float* value = spectrum + x + 2 * i;
        re += taps[2 * i] * value[0] - taps[2 * i + 1] * value[1];
        im += taps[2 * i] * value[1] + taps[2 * i + 1] * value[0];
      }
    }
    out[0] = re;
    out[1] = im;
  }
}

}  // namespace

extern const DeepFilterKernels kDeepFilter;
const DeepFilterKernels kDeepFilter = {"ref", deep_filter_f32};

}  // namespace ligero::ref

LIGERO_VARIANTS(LIGERO_FOR_EACH_ISA, DeepFilterKernels, kDeepFilter)
