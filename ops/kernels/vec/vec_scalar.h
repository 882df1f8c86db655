// SPDX-License-Identifier: Apache-2.0
// The activations on one float with the C library's functions: what references compute.
#ifndef LIGERO_OPS_KERNELS_VEC_VEC_SCALAR_H_
#define LIGERO_OPS_KERNELS_VEC_VEC_SCALAR_H_

#include <cmath>

#include "ops/kernels/vec/vec.h"

namespace ligero::ref {

inline float sigmoid(float x) {
  return 1.0f / (1.0f + std::exp(-x));
}

inline float gelu(float x) {
  constexpr float kSqrtHalf = 0.70710678118654752f;
  return 0.5f * x * (1.0f + std::erf(x * kSqrtHalf));
}

inline float elu(float x) {
  return x > 0.0f ? x : std::expm1(x);
}

/// `slope` is read for kPrelu only.
inline float activate(float x, Activation activation, float slope) {
  switch (activation) {
    case Activation::kNone:
      return x;
    case Activation::kRelu:
      return x > 0.0f ? x : 0.0f;
    case Activation::kPrelu:
      return x > 0.0f ? x : slope * x;
    case Activation::kTanh:
      return std::tanh(x);
    case Activation::kSigmoid:
      return sigmoid(x);
    case Activation::kGelu:
      return gelu(x);
    case Activation::kElu:
      return elu(x);
  }
  return x;
}

}  // namespace ligero::ref

#endif  // LIGERO_OPS_KERNELS_VEC_VEC_SCALAR_H_
