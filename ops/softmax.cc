// SPDX-License-Identifier: Apache-2.0
// softmax: over the channels of each bin, or over all frames of each channel. Not: attention.
#include <algorithm>

#include "ops/check.h"
#include "ops/frames.h"
#include "ops/kernels/reduce/reduce.h"
#include "ops/kernels/vec/vec.h"
#include "ops/option_table.h"
#include "ops/options.h"
#include "ops/table.h"

namespace ligero {
namespace {

constexpr Option kOptions[] = {LIGERO_INT_OPTION(SoftmaxOptions, axis, 2, 0, 2)};

Status infer(const OpContext& ctx, Inference* out) {
  LIGERO_RETURN_IF_ERROR(infer_unary(ctx, out));
  const auto& options = ctx.options<SoftmaxOptions>();
  LIGERO_CHECK(
      options.axis != 1, Code::kUnsupportedModel, "softmax runs over time (0) or channels (2)");
  if (options.over_time()) {
    out->time[0].use = TimeUse::kWhole;
  }
  return {};
}

/// Data of the op: the exponential. Scratch over time: the sum [F * C] of each column in double,
/// then its largest value, later one over the sum, in float, then a row that is no output.
Status measure(const OpContext& ctx, Needs* needs) {
  needs->data_bytes = sizeof(VecFn);
  if (ctx.options<SoftmaxOptions>().over_time()) {
    needs->scratch_bytes =
        static_cast<size_t>(ctx.input(0).elements()) * (sizeof(double) + 2 * sizeof(float));
  }
  return {};
}

Status prepare(const OpContext& ctx, void* data) {
  *static_cast<VecFn*>(data) = kVecVariants.best(ctx.cpu).exp_f32;
  return {};
}

void over_channels(VecFn exp_f32, const float* x, ptrdiff_t n, float* y) {
  const auto count = static_cast<size_t>(n);
  const float largest = max_f32(x, count);
  LIGERO_ELEMENTWISE
  for (ptrdiff_t i = 0; i < n; ++i) {
    y[i] = x[i] - largest;
  }
  exp_f32(y, count, y);
  const float scale = 1.0f / sum_f32(y, count);
  LIGERO_ELEMENTWISE
  for (ptrdiff_t i = 0; i < n; ++i) {
    y[i] *= scale;
  }
}

/// Columns [begin, end) of x [rows, row], of which `frames` rows from `before` on are wanted.
struct Columns {
  VecFn exp_f32;
  int rows;
  int before;
  int frames;
  ptrdiff_t row;
  ptrdiff_t begin;
  ptrdiff_t end;
};

/// Scratch of softmax over time.
struct Work {
  double* sum;
  float* factor;
  float* spare;
};

void over_time(const Columns& c, const float* x, const Work& work, float* y) {
  double* sum = work.sum;
  float* factor = work.factor;
  std::copy(x + c.begin, x + c.end, factor + c.begin);
  std::fill(sum + c.begin, sum + c.end, 0.0);
  for (int t = 1; t < c.rows; ++t) {
    const float* in = x + t * c.row;
    for (ptrdiff_t i = c.begin; i < c.end; ++i) {
      factor[i] = in[i] > factor[i] ? in[i] : factor[i];
    }
  }
  for (int t = 0; t < c.rows; ++t) {
    const float* in = x + t * c.row;
    const int frame = t - c.before;
    float* out = frame >= 0 && frame < c.frames ? y + frame * c.row : work.spare;
    LIGERO_ELEMENTWISE
    for (ptrdiff_t i = c.begin; i < c.end; ++i) {
      out[i] = in[i] - factor[i];
    }
    c.exp_f32(out + c.begin, static_cast<size_t>(c.end - c.begin), out + c.begin);
    for (ptrdiff_t i = c.begin; i < c.end; ++i) {
      sum[i] += out[i];
    }
  }
  for (ptrdiff_t i = c.begin; i < c.end; ++i) {
    factor[i] = static_cast<float>(1.0 / sum[i]);
  }
  for (int t = 0; t < c.frames; ++t) {
    float* out = y + t * c.row;
    for (ptrdiff_t i = c.begin; i < c.end; ++i) {
      out[i] *= factor[i];
    }
  }
}

void run(const RunContext& ctx) noexcept {
  const VecFn exp_f32 = *static_cast<const VecFn*>(ctx.data);
  const ptrdiff_t row = ctx.input(0).elements();
  if (ctx.options<SoftmaxOptions>().over_time()) {
    auto* sum = static_cast<double*>(ctx.scratch);
    auto* factor = reinterpret_cast<float*>(sum + row);
    const Work work = {sum, factor, factor + row};
    for_columns(ctx, row, [&](int begin, int end) noexcept {
      over_time({exp_f32, whole_frames(ctx), ctx.before, ctx.frames, row, begin, end},
                whole_rows(ctx, 0),
                work,
                ctx.out[0]);
    });
    return;
  }
  const ptrdiff_t channels = ctx.input(0).channels();
  for_frames(ctx, row, [&](int begin, int end) noexcept {
    for (ptrdiff_t i = begin * row; i < end * row; i += channels) {
      over_channels(exp_f32, ctx.x(0) + i, channels, ctx.out[0] + i);
    }
  });
}

}  // namespace

const Op kSoftmaxOp = {"softmax", 1, parse<kOptions>, infer, measure, prepare, run, true};

}  // namespace ligero
