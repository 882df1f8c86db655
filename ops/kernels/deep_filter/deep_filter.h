// SPDX-License-Identifier: Apache-2.0
// A complex filter per bin over a neighbourhood of frames and bins. Not: the network that finds it.
#ifndef LIGERO_OPS_KERNELS_DEEP_FILTER_DEEP_FILTER_H_
#define LIGERO_OPS_KERNELS_DEEP_FILTER_DEEP_FILTER_H_

#include <cstddef>
#include <cstdint>

#include "ops/kernels/variants.h"

namespace ligero {

/// Neighbourhood: kernel_t frames, oldest first; kernel_f bins (odd), the middle one is the bin
/// itself.
struct DeepFilterShape {
  int bins = 0;
  int kernel_t = 0;
  int kernel_f = 0;
};

/// One output frame:
///   y[f] = sum_l sum_i h[f][l][i] x[l][f + i - kernel_f / 2]      (complex products, no conjugate)
/// taps [bins][kernel_t][kernel_f][2], spectrum [kernel_t][bins][2], out [bins][2]; bins outside
/// are zero. Sums in float32, in up to six partial sums. `out` must not overlap the inputs, of
/// which nothing past the ends is read. A bin does not depend on those filtered with it.
using DeepFilterFn = void (*)(const DeepFilterShape& shape,
                              const float* taps,
                              const float* spectrum,
                              float* out) noexcept;

struct DeepFilterKernels {
  const char* name;
  DeepFilterFn deep_filter_f32;
};

extern const Variants<DeepFilterKernels> kDeepFilterVariants;

}  // namespace ligero

#endif  // LIGERO_OPS_KERNELS_DEEP_FILTER_DEEP_FILTER_H_
