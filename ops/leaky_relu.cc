// SPDX-License-Identifier: Apache-2.0
// leaky_relu: y = x > 0 ? x : slope * x, one slope for all. Not: slopes that a model stores
// (prelu.cc).
#include "ops/check.h"
#include "ops/frames.h"
#include "ops/option_table.h"
#include "ops/table.h"

namespace ligero {
namespace {

struct Options {
  float slope;
};
constexpr Option kOptions[] = {LIGERO_FLOAT_OPTION(Options, slope, 0.01, 0, 1)};

void run(const RunContext& ctx) noexcept {
  const ptrdiff_t row = ctx.input(0).elements();
  const float slope = ctx.options<Options>().slope;
  for_frames(ctx, row, [&](int begin, int end) noexcept {
    const float* x = ctx.x(0);
    float* y = ctx.out[0];
    LIGERO_ELEMENTWISE
    for (ptrdiff_t i = begin * row; i < end * row; ++i) {
      y[i] = x[i] > 0.0f ? x[i] : slope * x[i];
    }
  });
}

}  // namespace

const Op kLeakyReluOp = {
    "leaky_relu", 1, parse<kOptions>, infer_unary, nullptr, nullptr, run, true};

}  // namespace ligero
