// SPDX-License-Identifier: Apache-2.0
// Elementwise functions on arrays of float. Not: the polynomials (vec_math-inl.h), which kernels
// that fuse an activation include themselves.
#ifndef LIGERO_OPS_KERNELS_VEC_VEC_H_
#define LIGERO_OPS_KERNELS_VEC_VEC_H_

#include <cstddef>
#include <cstdint>

#include "ops/kernels/variants.h"

namespace ligero {

/// The activations of the products' epilogues, by the number that files use.
enum class Activation : int32_t {
  kNone = 0,
  kRelu = 1,
  kPrelu = 2,
  kTanh = 3,
  kSigmoid = 4,
  kGelu = 5,
  kElu = 6,
};
inline constexpr int32_t kNumActivations = 7;

/// y[i] = f(x[i]) for 0 <= i < n. Any alignment; y may be x, else they must not overlap; nothing is
/// read or written past n. An element's result does not depend on its place in the array.
using VecFn = void (*)(const float* x, size_t n, float* y) noexcept;

/// One variant. Largest errors against double precision, over all finite x:
///   exp      2e-7 relative; 0 below -87.33, +inf above 88.72
///   sigmoid  2e-7 absolute, 1/(1+exp(-x))
///   tanh     2e-7 absolute
///   gelu     3e-7 * max(1, |x|), x * (1 + erf(x/sqrt 2)) / 2
///   elu      2e-7 absolute, x > 0 ? x : exp(x) - 1
///   relu     exact, max(x, 0)
/// prelu: y = x > 0 ? x : slopes[i] * x, one slope for each element; y may be x, as above.
struct VecKernels {
  const char* name;  ///< of the instruction set
  VecFn exp_f32;
  VecFn sigmoid_f32;
  VecFn tanh_f32;
  VecFn gelu_f32;
  VecFn elu_f32;
  VecFn relu_f32;
  void (*prelu_f32)(const float* x, const float* slopes, size_t n, float* y) noexcept;
};

extern const Variants<VecKernels> kVecVariants;

}  // namespace ligero

#endif  // LIGERO_OPS_KERNELS_VEC_VEC_H_
