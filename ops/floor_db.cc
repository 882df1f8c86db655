// floor_db: keeps a dynamic range below the loudest value of the signal. Not: the logarithm
// (fbank.cc).
#include <algorithm>

#include "ops/check.h"
#include "ops/frames.h"
#include "ops/kernels/reduce/reduce.h"
#include "ops/table.h"

namespace ligero {
namespace {

constexpr float kMaxRangeDb = 1000.0f;

Status infer(const OpContext& ctx, Inference* out) {
  LIGERO_RETURN_IF_ERROR(infer_unary(ctx, out));
  LIGERO_RETURN_IF_ERROR(check_float(ctx.node.float_or("range", 80.0f), 0.0f, kMaxRangeDb));
  out->time[0].use = TimeUse::kWhole;
  return {};
}

void run(const RunContext& ctx) noexcept {
  const int64_t count = ctx.frames * ctx.input(0).elements();
  const float* x = ctx.x(0);
  float* y = ctx.out[0];
  const auto all = static_cast<size_t>(whole_frames(ctx) * ctx.input(0).elements());
  const float floor = max_f32(whole_rows(ctx, 0), all) - ctx.node.float_or("range", 80.0f);
  for (int64_t i = 0; i < count; ++i) {
    y[i] = std::max(x[i], floor);
  }
}

}  // namespace

const Op kFloorDbOp = {"floor_db", 1, nullptr, infer, nullptr, nullptr, run, true};

}  // namespace ligero
