// SPDX-License-Identifier: Apache-2.0
// The LSTM cell, one unit at a time: the specification.
#include <cmath>

#include "ops/kernels/lstm/lstm.h"
#include "ops/kernels/vec/vec_scalar.h"

namespace ligero::ref {
namespace {

void cell_f32(const float* z, int32_t hidden, float limit, float* c, float* h) noexcept {
  for (int32_t u = 0; u < hidden; ++u) {
    const float i = sigmoid(z[u]);
    const float f = sigmoid(z[hidden + u]);
    const float g = std::tanh(z[2 * hidden + u]);
    const float o = sigmoid(z[3 * hidden + u]);
    const float next = f * c[u] + i * g;
    c[u] = next > limit ? limit : next < -limit ? -limit : next;
    h[u] = o * std::tanh(c[u]);
  }
}

}  // namespace

extern const LstmKernels kLstm;
const LstmKernels kLstm = {"ref", cell_f32};

}  // namespace ligero::ref

LIGERO_VARIANTS(LIGERO_FOR_EACH_ISA_OR_MVE, LstmKernels, kLstm)
