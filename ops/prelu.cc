// prelu: y = x > 0 ? x : slope * x, one slope per channel or one for all. Not: the fused form of
// the products.
#include "ops/check.h"
#include "ops/frames.h"
#include "ops/table.h"

namespace ligero {
namespace {

Status infer(const OpContext& ctx, Inference* out) {
  LIGERO_RETURN_IF_ERROR(check_arity(ctx, 2, 2));
  LIGERO_RETURN_IF_ERROR(check_signal(ctx, 0));
  LIGERO_RETURN_IF_ERROR(check_plain(ctx, 1));
  const int32_t slopes = ctx.input(1).channels();
  LIGERO_RETURN_IF_ERROR(check_weight(ctx, 1, 1, slopes == 1 ? 1 : ctx.input(0).channels()));
  output_like_input(ctx, out);
  return {};
}

/// Without a product that only one side of a condition needs: compilers turn that into a jump.
inline float prelu(float x, float slope) {
  return (x > 0.0f ? x : 0.0f) + slope * (x > 0.0f ? 0.0f : x);
}

void run(const RunContext& ctx) noexcept {
  const ptrdiff_t row = ctx.input(0).elements();
  const bool single = ctx.input(1).elements() == 1;
  const ptrdiff_t channels = ctx.input(0).channels();
  const float* slopes = ctx.x(1);
  for_frames(ctx, row, [&](int begin, int end) noexcept {
    const float* x = ctx.x(0);
    float* y = ctx.out[0];
    if (single) {
      const float slope = slopes[0];
      LIGERO_ELEMENTWISE
      for (ptrdiff_t i = begin * row; i < end * row; ++i) {
        y[i] = prelu(x[i], slope);
      }
      return;
    }
    for (ptrdiff_t i = begin * row; i < end * row; i += channels) {
      LIGERO_ELEMENTWISE
      for (ptrdiff_t c = 0; c < channels; ++c) {
        y[i + c] = prelu(x[i + c], slopes[c]);
      }
    }
  });
}

}  // namespace

const Op kPreluOp = {"prelu", 1, infer, nullptr, nullptr, run, true};

}  // namespace ligero
