// SPDX-License-Identifier: Apache-2.0
// add, subtract, multiply, divide: two tensors element by element, the second one broadcast over
// bins, channels or time. Not: complex products (complex.cc).
#include "ops/check.h"
#include "ops/frames.h"
#include "ops/kernels/vec/vec.h"
#include "ops/option_table.h"
#include "ops/options.h"
#include "ops/table.h"

namespace ligero {
namespace {

constexpr Option kOptions[] = {LIGERO_INT_OPTION(ActivationOptions, activation, 0, 0, 6)};
static_assert(kNumActivations == 7);

/// The operand with the output's shape, and the one that is spread over it.
struct Roles {
  size_t full = 0;
  size_t spread = 1;
};

/// Where only the second operand has a time axis, it is the full one; infer() has seen to it that
/// the op does not mind.
Roles roles(std::span<const Tensor> tensors, const Node& node) {
  const Tensor& a = tensors[static_cast<size_t>(node.inputs[0])];
  const Tensor& b = tensors[static_cast<size_t>(node.inputs[1])];
  const bool swap = a.kind != Kind::kSequence && b.kind == Kind::kSequence;
  return swap ? Roles{1, 0} : Roles{0, 1};
}

template <bool kCommutes>
Status infer(const OpContext& ctx, Inference* out) {
  LIGERO_RETURN_IF_ERROR(check_arity(ctx, 2, 2));
  LIGERO_RETURN_IF_ERROR(check_plain(ctx, 0));
  LIGERO_RETURN_IF_ERROR(check_plain(ctx, 1));
  const Roles r = roles(ctx.tensors, ctx.node);
  LIGERO_CHECK(kCommutes || r.full == 0,
               Code::kUnsupportedModel,
               "a sequence cannot be taken from, or divide, a constant");
  const Tensor& full = ctx.input(r.full);
  const Tensor& spread = ctx.input(r.spread);
  LIGERO_CHECK(full.kind != Kind::kWeight, Code::kBadModel, "the first operand is a weight");
  LIGERO_CHECK((spread.bins() == full.bins() || spread.bins() == 1) &&
                   (spread.channels() == full.channels() || spread.channels() == 1),
               Code::kBadModel,
               "the operands' shapes do not fit");
  LIGERO_CHECK(ctx.options<ActivationOptions>().activation != Activation::kPrelu,
               Code::kUnsupportedModel,
               "this op has no slopes for prelu");
  out->outputs[0].set(out->outputs[0].kind, full.bins(), full.channels());
  return {};
}

/// Data of the op: the activation, or null.
Status measure(const OpContext&, Needs* needs) {
  needs->data_bytes = sizeof(VecFn);
  return {};
}

Status prepare(const OpContext& ctx, void* data) {
  const VecKernels& vec = kVecVariants.best(ctx.cpu);
  VecFn function = nullptr;
  switch (ctx.options<ActivationOptions>().activation) {
    case Activation::kRelu:
      function = vec.relu_f32;
      break;
    case Activation::kTanh:
      function = vec.tanh_f32;
      break;
    case Activation::kSigmoid:
      function = vec.sigmoid_f32;
      break;
    case Activation::kGelu:
      function = vec.gelu_f32;
      break;
    case Activation::kElu:
      function = vec.elu_f32;
      break;
    case Activation::kNone:
    case Activation::kPrelu:
      break;
  }
  *static_cast<VecFn*>(data) = function;
  return {};
}

template <typename F>
void with_vector(const float* a, const float* b, ptrdiff_t n, float* y, F f) {
  LIGERO_ELEMENTWISE
  for (ptrdiff_t i = 0; i < n; ++i) {
    y[i] = f(a[i], b[i]);
  }
}

template <typename F>
void with_scalar(const float* a, float b, ptrdiff_t n, float* y, F f) {
  LIGERO_ELEMENTWISE
  for (ptrdiff_t i = 0; i < n; ++i) {
    y[i] = f(a[i], b);
  }
}

/// One frame: `full` is [bins, channels].
template <typename F>
void frame(
    const Tensor& full, const Tensor& spread, const float* a, const float* b, float* y, F f) {
  const ptrdiff_t channels = full.channels();
  if (same_shape(full, spread)) {
    with_vector(a, b, full.elements(), y, f);
  } else if (spread.elements() == 1) {
    with_scalar(a, b[0], full.elements(), y, f);
  } else if (spread.channels() == 1) {
    for (int32_t i = 0; i < full.bins(); ++i, a += channels, y += channels) {
      with_scalar(a, b[i], channels, y, f);
    }
  } else {
    for (int32_t i = 0; i < full.bins(); ++i, a += channels, y += channels) {
      with_vector(a, b, channels, y, f);
    }
  }
}

template <typename F>
void run_binary(const RunContext& ctx, F f) {
  const Roles r = roles(ctx.tensors, ctx.node);
  const Tensor& full = ctx.input(r.full);
  const Tensor& spread = ctx.input(r.spread);
  const VecFn activation = *static_cast<const VecFn*>(ctx.data);
  const ptrdiff_t row = full.elements();
  const ptrdiff_t spread_step = frame_step(ctx, r.spread);
  for_frames(ctx, row, [&](int begin, int end) noexcept {
    for (int t = begin; t < end; ++t) {
      float* y = ctx.out[0] + t * row;
      frame(full, spread, ctx.x(r.full) + t * row, ctx.x(r.spread) + t * spread_step, y, f);
      if (activation != nullptr) {
        activation(y, static_cast<size_t>(row), y);
      }
    }
  });
}

void run_add(const RunContext& ctx) noexcept {
  run_binary(ctx, [](float a, float b) { return a + b; });
}
void run_subtract(const RunContext& ctx) noexcept {
  run_binary(ctx, [](float a, float b) { return a - b; });
}
void run_multiply(const RunContext& ctx) noexcept {
  run_binary(ctx, [](float a, float b) { return a * b; });
}
void run_divide(const RunContext& ctx) noexcept {
  run_binary(ctx, [](float a, float b) { return a / b; });
}

}  // namespace

const Op kAddOp = {"add", 1, parse<kOptions>, infer<true>, measure, prepare, run_add, true};
const Op kSubtractOp = {
    "subtract", 1, parse<kOptions>, infer<false>, measure, prepare, run_subtract, true};
const Op kMultiplyOp = {
    "multiply", 1, parse<kOptions>, infer<true>, measure, prepare, run_multiply, true};
const Op kDivideOp = {
    "divide", 1, parse<kOptions>, infer<false>, measure, prepare, run_divide, true};

}  // namespace ligero
