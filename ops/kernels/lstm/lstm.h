// SPDX-License-Identifier: Apache-2.0
// One step of an LSTM cell behind its products. Not: the products (gemm.h) or the walk over
// time.
//
//   c = clamp(sigmoid(z_f) c + sigmoid(z_i) tanh(z_g), -limit, limit),   h = sigmoid(z_o) tanh(c),
//   z = [i | f | g | o]
#ifndef LIGERO_OPS_KERNELS_LSTM_LSTM_H_
#define LIGERO_OPS_KERNELS_LSTM_LSTM_H_

#include <cstddef>
#include <cstdint>

#include "ops/kernels/variants.h"

namespace ligero {

/// z [4 * hidden], limit above 0 or infinite, c [hidden] read and written, h [hidden] written; any
/// alignment, no overlap, nothing past the ends is touched. float32, c and h within 5e-7 for |c| up to
/// 2. An element's result does not depend on `hidden`. What is no number stays so.
using LstmCellFn =
    void (*)(const float* z, int32_t hidden, float limit, float* c, float* h) noexcept;

struct LstmKernels {
  const char* name;
  LstmCellFn cell_f32;
};

extern const Variants<LstmKernels> kLstmVariants;

}  // namespace ligero

#endif  // LIGERO_OPS_KERNELS_LSTM_LSTM_H_
