// SPDX-License-Identifier: Apache-2.0
// The shape of a transposed convolution: the outputs of its phases. Not: the plain one
// (conv_shape.h).
#ifndef LIGERO_OPS_TRANSPOSED_SHAPE_H_
#define LIGERO_OPS_TRANSPOSED_SHAPE_H_

#include <cstdint>

#include "ops/options.h"

namespace ligero {

/// Output bins of a transposed convolution of so many bins; at most 0 where nothing is left.
inline int64_t transposed_bins(const TransposedConvOptions& o, int32_t bins) {
  return int64_t{bins - 1} * o.stride_f + o.kernel_f + o.out_pad_f - 2 * int64_t{o.pad_f};
}

/// The outputs of one phase: bin `first_bin` + stride_f * q takes from input bin `first` + q - j the
/// tap of its number j, 0 <= j < taps, for 0 <= q < rows.
struct TransposedPhase {
  int32_t taps;
  int32_t first;
  int32_t first_bin;
  int32_t rows;
};

/// Phase `phase` < stride_f of an input of `bins` bins. Output bins are counted modulo the stride
/// before pad_f of them are left out at either end.
inline TransposedPhase transposed_phase(const TransposedConvOptions& o,
                                        int32_t bins,
                                        int32_t phase) {
  const auto rounded_up = [&](int64_t n) {
    return n > 0 ? static_cast<int32_t>((n + o.stride_f - 1) / o.stride_f) : 0;
  };
  const int32_t taps = rounded_up(o.kernel_f - phase);
  const int32_t first = rounded_up(o.pad_f - phase);
  const int32_t end = rounded_up(transposed_bins(o, bins) + o.pad_f - phase);
  return {taps, first, phase + o.stride_f * first - o.pad_f, end > first ? end - first : 0};
}

}  // namespace ligero

#endif  // LIGERO_OPS_TRANSPOSED_SHAPE_H_
