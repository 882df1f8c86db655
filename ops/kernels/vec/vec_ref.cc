// SPDX-License-Identifier: Apache-2.0
// The array functions of vec.h, one element at a time: the specification.
#include <cmath>

#include "ops/kernels/vec/vec.h"
#include "ops/kernels/vec/vec_scalar.h"

namespace ligero::ref {
namespace {

void exp_f32(const float* x, size_t n, float* y) noexcept {
  for (size_t i = 0; i < n; ++i) {
    y[i] = std::exp(x[i]);
  }
}

template <Activation kActivation>
void activate_f32(const float* x, size_t n, float* y) noexcept {
  for (size_t i = 0; i < n; ++i) {
    y[i] = activate(x[i], kActivation, 0.0f);
  }
}

void prelu_f32(const float* x, const float* slopes, size_t n, float* y) noexcept {
  for (size_t i = 0; i < n; ++i) {
    y[i] = activate(x[i], Activation::kPrelu, slopes[i]);
  }
}

}  // namespace

extern const VecKernels kVec;
const VecKernels kVec = {
    "ref",
    exp_f32,
    activate_f32<Activation::kSigmoid>,
    activate_f32<Activation::kTanh>,
    activate_f32<Activation::kGelu>,
    activate_f32<Activation::kElu>,
    activate_f32<Activation::kRelu>,
    prelu_f32,
};

}  // namespace ligero::ref

LIGERO_VARIANTS(LIGERO_FOR_EACH_ISA, VecKernels, kVec)
