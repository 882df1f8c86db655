// SPDX-License-Identifier: Apache-2.0
// cumulative_norm: each frame to mean 0 and variance 1 of all that came so far, its own bins and
// channels included, then gamma, beta: the layer norm of causal networks (Conv-TasNet's cLN). Not:
// norms of one frame (layer_norm).
#include <cmath>

#include "ops/check.h"
#include "ops/frames.h"
#include "ops/kernels/reduce/reduce.h"
#include "ops/option_table.h"
#include "ops/options.h"
#include "ops/table.h"

namespace ligero {
namespace {

// As in layer_norm: silence has variance 0.
constexpr Option kOptions[] = {LIGERO_FLOAT_OPTION(NormOptions, epsilon, 1e-5, 1e-20, 1)};

/// Of all values so far; zero before the first.
struct Moments {
  double count;
  double mean;
  double squares;  // of the differences from the mean
};

Status infer(const OpContext& ctx, Inference* out) {
  LIGERO_RETURN_IF_ERROR(check_arity(ctx, 3, 3));
  LIGERO_RETURN_IF_ERROR(check_sequence(ctx, 0));
  LIGERO_RETURN_IF_ERROR(check_weight(ctx, 1, 1, ctx.input(0).channels()));
  LIGERO_RETURN_IF_ERROR(check_weight(ctx, 2, 1, ctx.input(0).channels()));
  output_like_input(ctx, out);
  out->time[0].use = TimeUse::kRecurrent;
  return {};
}

Status measure(const OpContext&, Needs* needs) {
  needs->state_bytes = sizeof(Moments);
  return {};
}

/// Joins a frame's moments to those before it: sums of squares alone would lose the variance of a
/// long signal with an offset.
void join(const float* x, size_t n, Moments* m) {
  const float mean = sum_f32(x, n) / static_cast<float>(n);
  const auto count = static_cast<double>(n);
  const double total = m->count + count;
  const double step = double{mean} - m->mean;
  m->squares += double{sum_squares_f32(x, n, mean)} + step * step * m->count * count / total;
  m->mean += step * count / total;
  m->count = total;
}

void run(const RunContext& ctx) noexcept {
  const ptrdiff_t row = ctx.input(0).elements();
  const ptrdiff_t channels = ctx.input(0).channels();
  const double epsilon = double{ctx.options<NormOptions>().epsilon};
  const float* gamma = ctx.x(1);
  const float* beta = ctx.x(2);
  auto* moments = static_cast<Moments*>(ctx.state);
  for (int32_t t = 0; t < ctx.frames; ++t) {
    const float* x = ctx.x(0) + t * row;
    float* y = ctx.out[0] + t * row;
    join(x, static_cast<size_t>(row), moments);
    const auto mean = static_cast<float>(moments->mean);
    const auto scale =
        static_cast<float>(1.0 / std::sqrt(moments->squares / moments->count + epsilon));
    for (ptrdiff_t b = 0; b < row; b += channels) {
      LIGERO_ELEMENTWISE
      for (ptrdiff_t c = 0; c < channels; ++c) {
        y[b + c] = (x[b + c] - mean) * scale * gamma[c] + beta[c];
      }
    }
  }
}

}  // namespace

const Op kCumulativeNormOp = {
    "cumulative_norm", 1, parse<kOptions>, infer, measure, nullptr, run, true};

}  // namespace ligero
