// SPDX-License-Identifier: Apache-2.0
// floor_db: keeps a dynamic range below the loudest value of the signal. Not: the logarithm
// (fbank.cc).
#include <algorithm>

#include "ops/check.h"
#include "ops/frames.h"
#include "ops/kernels/reduce/reduce.h"
#include "ops/option_table.h"
#include "ops/options.h"
#include "ops/table.h"

namespace ligero {
namespace {

constexpr Option kOptions[] = {LIGERO_FLOAT_OPTION(FloorDbOptions, range, 80, 0, 1000)};

Status infer(const OpContext& ctx, Inference* out) {
  LIGERO_RETURN_IF_ERROR(infer_unary(ctx, out));
  out->time[0].use = TimeUse::kWhole;
  return {};
}

void run(const RunContext& ctx) noexcept {
  const int64_t count = ctx.frames * ctx.input(0).elements();
  const float* x = ctx.x(0);
  float* y = ctx.out[0];
  const auto all = static_cast<size_t>(whole_frames(ctx) * ctx.input(0).elements());
  const float floor = max_f32(whole_rows(ctx, 0), all) - ctx.options<FloorDbOptions>().range;
  for (int64_t i = 0; i < count; ++i) {
    y[i] = std::max(x[i], floor);
  }
}

}  // namespace

const Op kFloorDbOp = {"floor_db", 1, parse<kOptions>, infer, nullptr, nullptr, run, true};

}  // namespace ligero
