// SPDX-License-Identifier: Apache-2.0
// layer_norm: each bin's channels, or all of a frame, to mean 0 and variance 1, then gamma, beta.
// Not: norms over time.
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
constexpr Option kOptions[] = {LIGERO_FLOAT_OPTION(NormOptions, epsilon, 1e-5, 1e-20, 1),
                               LIGERO_INT_OPTION(NormOptions, joint, 0, 0, 1)};

/// gamma and beta: alike for all bins, or not.
Status check_affine(const OpContext& ctx, size_t k) {
  LIGERO_RETURN_IF_ERROR(check_plain(ctx, k));
  const bool all = ctx.input(k).bins() == 1;
  return check_map(ctx, k, all ? 1 : ctx.input(0).bins(), ctx.input(0).channels());
}

Status infer(const OpContext& ctx, Inference* out) {
  LIGERO_RETURN_IF_ERROR(check_arity(ctx, 3, 3));
  LIGERO_RETURN_IF_ERROR(check_signal(ctx, 0));
  LIGERO_RETURN_IF_ERROR(check_affine(ctx, 1));
  LIGERO_RETURN_IF_ERROR(check_affine(ctx, 2));
  output_like_input(ctx, out);
  return {};
}

struct Affine {
  const float* gamma;
  const float* beta;
  ptrdiff_t gamma_step;  // from bin to bin
  ptrdiff_t beta_step;
};

/// `bins` bins of `channels` by one mean and variance.
void normalise(
    const float* x, ptrdiff_t bins, ptrdiff_t channels, Affine affine, float epsilon, float* y) {
  const ptrdiff_t n = bins * channels;
  const auto count = static_cast<float>(n);
  const float mean = sum_f32(x, static_cast<size_t>(n)) / count;
  // Two passes: the difference of large squares would lose the variance of a row with an offset.
  const float variance = sum_squares_f32(x, static_cast<size_t>(n), mean) / count;
  const float scale = 1.0f / std::sqrt(variance + epsilon);
  for (ptrdiff_t b = 0; b < bins; ++b, x += channels, y += channels) {
    LIGERO_ELEMENTWISE
    for (ptrdiff_t i = 0; i < channels; ++i) {
      y[i] = (x[i] - mean) * scale * affine.gamma[i] + affine.beta[i];
    }
    affine.gamma += affine.gamma_step;
    affine.beta += affine.beta_step;
  }
}

void run(const RunContext& ctx) noexcept {
  const ptrdiff_t bins = ctx.input(0).bins();
  const ptrdiff_t channels = ctx.input(0).channels();
  const auto& options = ctx.options<NormOptions>();
  const auto step = [&](size_t k) { return ctx.input(k).bins() == 1 ? 0 : channels; };
  const Affine affine = {ctx.x(1), ctx.x(2), step(1), step(2)};
  // As many bins as have a mean in common.
  const ptrdiff_t together = options.joint != 0 ? bins : 1;
  for_frames(ctx, bins * channels, [&](int begin, int end) noexcept {
    for (ptrdiff_t b = begin * bins; b < end * bins; b += together) {
      Affine own = affine;
      own.gamma += b % bins * affine.gamma_step;
      own.beta += b % bins * affine.beta_step;
      normalise(ctx.x(0) + b * channels,
                together,
                channels,
                own,
                options.epsilon,
                ctx.out[0] + b * channels);
    }
  });
}

}  // namespace

const Op kLayerNormOp = {"layer_norm", 1, parse<kOptions>, infer, nullptr, nullptr, run, true};

}  // namespace ligero
