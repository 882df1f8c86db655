// SPDX-License-Identifier: Apache-2.0
// relu, sigmoid, tanh, gelu, elu, square, sqrt, power: y = f(x), element by element. Not: the
// functions with polynomials inside (kernels/vec), those with weights (prelu.cc).
#include <cmath>

#include "ops/check.h"
#include "ops/frames.h"
#include "ops/kernels/vec/vec.h"
#include "ops/option_table.h"
#include "ops/options.h"
#include "ops/table.h"

namespace ligero {
namespace {

// Negative exponents would turn silence into infinities.
constexpr Option kPowerOptions[] = {
    LIGERO_FLOAT_OPTION(ExponentOptions, exponent, kRequired, 0, 64),
};

/// Data of the op: the function chosen at prepare.
Status measure(const OpContext&, Needs* needs) {
  needs->data_bytes = sizeof(VecFn);
  return {};
}

template <VecFn VecKernels::*kFunction>
Status prepare(const OpContext& ctx, void* data) {
  *static_cast<VecFn*>(data) = kVecVariants.best(ctx.cpu).*kFunction;
  return {};
}

void run(const RunContext& ctx) noexcept {
  const VecFn function = *static_cast<const VecFn*>(ctx.data);
  const ptrdiff_t row = ctx.input(0).elements();
  for_frames(ctx, row, [&](int begin, int end) noexcept {
    const auto count = static_cast<size_t>((end - begin) * row);
    function(ctx.x(0) + begin * row, count, ctx.out[0] + begin * row);
  });
}

/// y[i] = f(x[i]) for functions that the compiler knows.
template <typename F>
void map(const RunContext& ctx, F f) {
  const ptrdiff_t row = ctx.input(0).elements();
  for_frames(ctx, row, [&](int begin, int end) noexcept {
    const float* x = ctx.x(0);
    float* y = ctx.out[0];
    LIGERO_ELEMENTWISE
    for (ptrdiff_t i = begin * row; i < end * row; ++i) {
      y[i] = f(x[i]);
    }
  });
}

inline float positive(float x) {
  return x > 0.0f ? x : 0.0f;
}

void run_square(const RunContext& ctx) noexcept {
  map(ctx, [](float x) { return x * x; });
}

/// Of a negative number: 0, so that rounding before it cannot make a NaN.
void run_sqrt(const RunContext& ctx) noexcept {
  map(ctx, [](float x) { return std::sqrt(positive(x)); });
}

void run_power(const RunContext& ctx) noexcept {
  const float exponent = ctx.options<ExponentOptions>().exponent;
  map(ctx, [exponent](float x) { return std::pow(positive(x), exponent); });
}

}  // namespace

const Op kReluOp = {
    "relu", 1, nullptr, infer_unary, measure, prepare<&VecKernels::relu_f32>, run, true};
const Op kSigmoidOp = {
    "sigmoid", 1, nullptr, infer_unary, measure, prepare<&VecKernels::sigmoid_f32>, run, true};
const Op kTanhOp = {
    "tanh", 1, nullptr, infer_unary, measure, prepare<&VecKernels::tanh_f32>, run, true};
const Op kGeluOp = {
    "gelu", 1, nullptr, infer_unary, measure, prepare<&VecKernels::gelu_f32>, run, true};
const Op kEluOp = {
    "elu", 1, nullptr, infer_unary, measure, prepare<&VecKernels::elu_f32>, run, true};
const Op kSquareOp = {"square", 1, nullptr, infer_unary, nullptr, nullptr, run_square, true};
const Op kSqrtOp = {"sqrt", 1, nullptr, infer_unary, nullptr, nullptr, run_sqrt, true};
const Op kPowerOp = {
    "power", 1, parse<kPowerOptions>, infer_unary, nullptr, nullptr, run_power, true};

}  // namespace ligero
