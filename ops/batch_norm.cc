// SPDX-License-Identifier: Apache-2.0
// batch_norm: (x - mean) / sqrt(variance + epsilon) * gamma + beta per channel, with stored
// statistics. Not: the converter's fold, which removes most of them.
#include "ops/batch_norm.h"

#include "ops/check.h"
#include "ops/frames.h"
#include "ops/option_table.h"
#include "ops/options.h"
#include "ops/table.h"

namespace ligero {
namespace {

constexpr Option kOptions[] = {LIGERO_FLOAT_OPTION(NormOptions, epsilon, 1e-5, 0, 1)};

enum Input : size_t { kX, kMean, kVariance, kGamma, kBeta, kNumInputs };

Status infer(const OpContext& ctx, Inference* out) {
  LIGERO_RETURN_IF_ERROR(check_arity(ctx, kNumInputs, kNumInputs));
  LIGERO_RETURN_IF_ERROR(check_signal(ctx, kX));
  for (size_t k = kMean; k < kNumInputs; ++k) {
    LIGERO_RETURN_IF_ERROR(check_weight(ctx, k, 1, ctx.input(kX).channels()));
  }
  output_like_input(ctx, out);
  return {};
}

/// Data of the op: scale [C], then shift [C].
Status measure(const OpContext& ctx, Needs* needs) {
  needs->data_bytes = 2 * static_cast<size_t>(ctx.input(kX).channels()) * sizeof(float);
  return {};
}

Status prepare(const OpContext& ctx, void* data) {
  const int32_t channels = ctx.input(kX).channels();
  const double epsilon = double{ctx.options<NormOptions>().epsilon};
  const auto value = [&](Input k, int32_t c) { return ctx.input(k).f32()[c]; };
  auto* scale = static_cast<float*>(data);
  float* shift = scale + channels;
  for (int32_t c = 0; c < channels; ++c) {
    const Affine affine = batch_norm(
        {value(kMean, c), value(kVariance, c), value(kGamma, c), value(kBeta, c)}, epsilon);
    LIGERO_CHECK(affine.finite(),
                 Code::kBadModel,
                 kBatchNormRefusal,
                 -1,
                 c);
    scale[c] = static_cast<float>(affine.scale);
    shift[c] = static_cast<float>(affine.shift);
  }
  return {};
}

void run(const RunContext& ctx) noexcept {
  const ptrdiff_t row = ctx.input(kX).elements();
  const ptrdiff_t channels = ctx.input(kX).channels();
  const auto* scale = static_cast<const float*>(ctx.data);
  const float* shift = scale + channels;
  for_frames(ctx, row, [&](int begin, int end) noexcept {
    const float* x = ctx.x(kX);
    float* y = ctx.out[0];
    for (ptrdiff_t i = begin * row; i < end * row; i += channels) {
      LIGERO_ELEMENTWISE
      for (ptrdiff_t c = 0; c < channels; ++c) {
        y[i + c] = x[i + c] * scale[c] + shift[c];
      }
    }
  });
}

}  // namespace

const Op kBatchNormOp = {"batch_norm", 1, parse<kOptions>, infer, measure, prepare, run, true};

}  // namespace ligero
