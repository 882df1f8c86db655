// SPDX-License-Identifier: Apache-2.0
// time_mean, time_std: plain or weighted statistics over all frames, a constant. Not: softmax,
// which makes the weights.
//
// Sums are taken in double: a minute has 6000 frames.
#include <algorithm>
#include <cmath>

#include "ops/check.h"
#include "ops/frames.h"
#include "ops/option_table.h"
#include "ops/options.h"
#include "ops/table.h"

namespace ligero {
namespace {

constexpr Option kStdOptions[] = {
    LIGERO_FLOAT_OPTION(TimeStdOptions, epsilon, 1e-12, 0, 1),
    LIGERO_INT_OPTION(TimeStdOptions, unbiased, 0, 0, 1),
};

/// Input `k`, where it is there, weighs each value: the shape and kind of input 0.
Status check_weighting(const OpContext& ctx, size_t k, Inference* out) {
  out->time[0].use = TimeUse::kWhole;
  if (!ctx.node.has_input(k)) {
    return {};
  }
  LIGERO_RETURN_IF_ERROR(check_signal(ctx, k));
  LIGERO_CHECK(ctx.input(k).kind == ctx.input(0).kind && same_shape(ctx.input(k), ctx.input(0)),
               Code::kBadModel,
               "weights and values have different shapes");
  out->time[k].use = TimeUse::kWhole;
  return {};
}

Status infer_mean(const OpContext& ctx, Inference* out) {
  LIGERO_RETURN_IF_ERROR(check_arity(ctx, 1, 2));
  LIGERO_RETURN_IF_ERROR(check_signal(ctx, 0));
  LIGERO_RETURN_IF_ERROR(check_weighting(ctx, 1, out));
  out->outputs[0].set(Kind::kConstant, ctx.input(0).bins(), ctx.input(0).channels());
  return {};
}

Status infer_std(const OpContext& ctx, Inference* out) {
  LIGERO_RETURN_IF_ERROR(check_arity(ctx, 2, 3));
  LIGERO_RETURN_IF_ERROR(check_signal(ctx, 0));
  LIGERO_RETURN_IF_ERROR(check_signal(ctx, 1));
  LIGERO_CHECK(ctx.input(1).kind == Kind::kConstant && same_shape(ctx.input(0), ctx.input(1)),
               Code::kBadModel,
               "the mean must be a constant of the input's shape");
  LIGERO_RETURN_IF_ERROR(check_weighting(ctx, 2, out));
  LIGERO_CHECK(!ctx.node.has_input(2) || ctx.options<TimeStdOptions>().unbiased == 0,
               Code::kBadModel,
               "weights in an unbiased deviation");
  out->outputs[0].set(Kind::kConstant, ctx.input(0).bins(), ctx.input(0).channels());
  return {};
}

Status measure(const OpContext& ctx, Needs* needs) {
  needs->scratch_bytes = static_cast<size_t>(ctx.input(0).elements()) * sizeof(double);
  return {};
}

/// finish(column, mean or weighted sum over time of value(column, x)).
template <typename Value, typename Finish>
void statistics(const RunContext& ctx, size_t weights_input, Value value, Finish finish) {
  const bool weighted = ctx.node.has_input(weights_input);
  const int frames = whole_frames(ctx);
  const float* values = whole_rows(ctx, 0);
  const float* weights = weighted ? whole_rows(ctx, weights_input) : nullptr;
  const ptrdiff_t row = ctx.input(0).elements();
  auto* sum = static_cast<double*>(ctx.scratch);
  const double scale = weighted ? 1.0 : 1.0 / frames;
  for_columns(ctx, row, [&](int begin, int end) noexcept {
    std::fill(sum + begin, sum + end, 0.0);
    for (int t = 0; t < frames; ++t) {
      const float* x = values + t * row;
      if (weighted) {
        const float* w = weights + t * row;
        for (int c = begin; c < end; ++c) {
          sum[c] += static_cast<double>(w[c]) * value(c, x[c]);
        }
      } else {
        for (int c = begin; c < end; ++c) {
          sum[c] += value(c, x[c]);
        }
      }
    }
    for (int c = begin; c < end; ++c) {
      finish(c, sum[c] * scale);
    }
  });
}

void run_mean(const RunContext& ctx) noexcept {
  statistics(
      ctx,
      1,
      [](int, float x) { return static_cast<double>(x); },
      [&](int c, double mean) { ctx.out[0][c] = static_cast<float>(mean); });
}

void run_std(const RunContext& ctx) noexcept {
  const float* mean = ctx.x(1);
  const auto& options = ctx.options<TimeStdOptions>();
  const double epsilon = double{options.epsilon};
  const bool unbiased = options.unbiased == 1 && whole_frames(ctx) > 1;
  const double scale = unbiased ? whole_frames(ctx) / (whole_frames(ctx) - 1.0) : 1.0;
  statistics(
      ctx,
      2,
      [mean](int c, float x) {
        const double d = static_cast<double>(x) - mean[c];
        return d * d;
      },
      [&](int c, double variance) {
        ctx.out[0][c] = static_cast<float>(std::sqrt(std::max(scale * variance, epsilon)));
      });
}

}  // namespace

const Op kTimeMeanOp = {"time_mean", 1, nullptr, infer_mean, measure, nullptr, run_mean, false};
const Op kTimeStdOp = {
    "time_std", 1, parse<kStdOptions>, infer_std, measure, nullptr, run_std, false};

}  // namespace ligero
