// reshape: the same memory, other bins and channels. Not: a change of order (transpose.cc).
#include <cstring>

#include "ops/check.h"
#include "ops/frames.h"
#include "ops/table.h"

namespace ligero {
namespace {

Status infer(const OpContext& ctx, Inference* out) {
  LIGERO_RETURN_IF_ERROR(check_arity(ctx, 1, 1));
  LIGERO_RETURN_IF_ERROR(check_signal(ctx, 0));
  const int32_t bins = ctx.node.int_or("bins", 0);
  const int32_t channels = ctx.node.int_or("channels", 0);
  LIGERO_CHECK(bins >= 1 && channels >= 1 && int64_t{bins} * channels == ctx.input(0).elements(),
               Code::kBadModel,
               "reshape must keep the number of elements");
  out->outputs[0].set(out->outputs[0].kind, bins, channels);
  return {};
}

void run(const RunContext& ctx) noexcept {
  const auto row = static_cast<size_t>(ctx.input(0).elements());
  if (ctx.out[0] != ctx.x(0)) {
    std::memcpy(ctx.out[0], ctx.x(0), static_cast<size_t>(ctx.frames) * row * sizeof(float));
  }
}

}  // namespace

const Op kReshapeOp = {"reshape", 1, nullptr, infer, nullptr, nullptr, run, true};

}  // namespace ligero
