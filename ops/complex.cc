// magnitude, complex_multiply: arithmetic on bins of (re, im). Not: filters (deep_filter.cc).
#include <cmath>

#include "ops/check.h"
#include "ops/frames.h"
#include "ops/table.h"

namespace ligero {
namespace {

Status check_complex(const OpContext& ctx, size_t k) {
  LIGERO_RETURN_IF_ERROR(check_signal(ctx, k));
  LIGERO_CHECK(ctx.input(k).channels() == 2, Code::kBadModel, "the input must be [bins, 2]");
  return {};
}

Status infer_magnitude(const OpContext& ctx, Inference* out) {
  LIGERO_RETURN_IF_ERROR(check_arity(ctx, 1, 1));
  LIGERO_RETURN_IF_ERROR(check_complex(ctx, 0));
  out->outputs[0].set(out->outputs[0].kind, ctx.input(0).bins(), 1);
  return {};
}

void run_magnitude(const RunContext& ctx) noexcept {
  const ptrdiff_t bins = ctx.input(0).bins();
  for_frames(ctx, bins, [&](int begin, int end) noexcept {
    const float* x = ctx.x(0);
    for (ptrdiff_t i = begin * bins; i < end * bins; ++i) {
      ctx.out[0][i] = std::sqrt(x[2 * i] * x[2 * i] + x[2 * i + 1] * x[2 * i + 1]);
    }
  });
}

Status infer_multiply(const OpContext& ctx, Inference* out) {
  LIGERO_RETURN_IF_ERROR(check_arity(ctx, 2, 2));
  LIGERO_RETURN_IF_ERROR(check_complex(ctx, 0));
  LIGERO_RETURN_IF_ERROR(check_complex(ctx, 1));
  LIGERO_CHECK(ctx.input(0).bins() == ctx.input(1).bins(),
               Code::kBadModel,
               "the factors have different numbers of bins");
  output_like_input(ctx, out);
  out->macs = 4 * int64_t{ctx.input(0).bins()};
  return {};
}

void run_multiply(const RunContext& ctx) noexcept {
  const ptrdiff_t bins = ctx.input(0).bins();
  const ptrdiff_t step_a = frame_step(ctx, 0);
  const ptrdiff_t step_b = frame_step(ctx, 1);
  for_frames(ctx, 2 * bins, [&](int begin, int end) noexcept {
    for (int t = begin; t < end; ++t) {
      const float* a = ctx.x(0) + t * step_a;
      const float* b = ctx.x(1) + t * step_b;
      float* y = ctx.out[0] + t * 2 * bins;
      for (ptrdiff_t i = 0; i < 2 * bins; i += 2) {
        const float re = a[i] * b[i] - a[i + 1] * b[i + 1];
        y[i + 1] = a[i] * b[i + 1] + a[i + 1] * b[i];
        y[i] = re;
      }
    }
  });
}

}  // namespace

const Op kMagnitudeOp = {"magnitude", 1, infer_magnitude, nullptr, nullptr, run_magnitude, false};
const Op kComplexMultiplyOp = {
    "complex_multiply", 1, infer_multiply, nullptr, nullptr, run_multiply, false};

}  // namespace ligero
