// layer_norm: each bin's channels to mean 0 and variance 1, then gamma, beta. Not: norms over time.
#include <cmath>

#include "ops/check.h"
#include "ops/frames.h"
#include "ops/kernels/reduce/reduce.h"
#include "ops/option_table.h"
#include "ops/options.h"
#include "ops/table.h"

namespace ligero {
namespace {

// A constant row has variance 0; below 1e-20 its inverse square root is no longer useful.
constexpr Option kOptions[] = {LIGERO_FLOAT_OPTION(NormOptions, epsilon, 1e-5, 1e-20, 1)};

Status infer(const OpContext& ctx, Inference* out) {
  LIGERO_RETURN_IF_ERROR(check_arity(ctx, 3, 3));
  LIGERO_RETURN_IF_ERROR(check_signal(ctx, 0));
  LIGERO_RETURN_IF_ERROR(check_weight(ctx, 1, 1, ctx.input(0).channels()));
  LIGERO_RETURN_IF_ERROR(check_weight(ctx, 2, 1, ctx.input(0).channels()));
  output_like_input(ctx, out);
  return {};
}

void normalise(
    const float* x, ptrdiff_t n, const float* gamma, const float* beta, float epsilon, float* y) {
  const auto count = static_cast<float>(n);
  const float mean = sum_f32(x, static_cast<size_t>(n)) / count;
  // Two passes: the difference of large squares would lose the variance of a row with an offset.
  const float variance = sum_squares_f32(x, static_cast<size_t>(n), mean) / count;
  const float scale = 1.0f / std::sqrt(variance + epsilon);
  LIGERO_ELEMENTWISE
  for (ptrdiff_t i = 0; i < n; ++i) {
    y[i] = (x[i] - mean) * scale * gamma[i] + beta[i];
  }
}

void run(const RunContext& ctx) noexcept {
  const ptrdiff_t row = ctx.input(0).elements();
  const ptrdiff_t channels = ctx.input(0).channels();
  const float epsilon = ctx.options<NormOptions>().epsilon;
  for_frames(ctx, row, [&](int begin, int end) noexcept {
    for (ptrdiff_t i = begin * row; i < end * row; i += channels) {
      normalise(ctx.x(0) + i, channels, ctx.x(1), ctx.x(2), epsilon, ctx.out[0] + i);
    }
  });
}

}  // namespace

const Op kLayerNormOp = {"layer_norm", 1, parse<kOptions>, infer, nullptr, nullptr, run, true};

}  // namespace ligero
