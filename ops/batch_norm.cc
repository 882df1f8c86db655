// batch_norm: (x - mean) / sqrt(variance + epsilon) * gamma + beta per channel, with stored
// statistics. Not: the converter's fold, which removes most of them.
#include <cmath>

#include "ops/check.h"
#include "ops/frames.h"
#include "ops/table.h"

namespace ligero {
namespace {

constexpr float kDefaultEpsilon = 1e-5f;

enum Input : size_t { kX, kMean, kVariance, kGamma, kBeta, kNumInputs };

Status infer(const OpContext& ctx, Inference* out) {
  LIGERO_RETURN_IF_ERROR(check_arity(ctx, kNumInputs, kNumInputs));
  LIGERO_RETURN_IF_ERROR(check_signal(ctx, kX));
  for (size_t k = kMean; k < kNumInputs; ++k) {
    LIGERO_RETURN_IF_ERROR(check_weight(ctx, k, 1, ctx.input(kX).channels()));
  }
  LIGERO_RETURN_IF_ERROR(check_float(ctx.node.float_or("epsilon", kDefaultEpsilon), 0.0f, 1.0f));
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
  const double epsilon = ctx.node.float_or("epsilon", kDefaultEpsilon);
  auto* scale = static_cast<float*>(data);
  float* shift = scale + channels;
  for (int32_t c = 0; c < channels; ++c) {
    const double variance = ctx.input(kVariance).f32()[c] + epsilon;
    LIGERO_CHECK(variance > 0.0 && std::isfinite(variance),
                 Code::kBadModel,
                 "a variance is not positive",
                 -1,
                 c);
    const double s = ctx.input(kGamma).f32()[c] / std::sqrt(variance);
    scale[c] = static_cast<float>(s);
    shift[c] = static_cast<float>(ctx.input(kBeta).f32()[c] - ctx.input(kMean).f32()[c] * s);
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

const Op kBatchNormOp = {"batch_norm", 1, nullptr, infer, measure, prepare, run, true};

}  // namespace ligero
