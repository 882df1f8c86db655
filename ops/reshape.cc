// SPDX-License-Identifier: Apache-2.0
// reshape: the same memory, other bins and channels. Not: a change of order (transpose.cc).
#include <cstring>

#include "ops/check.h"
#include "ops/frames.h"
#include "ops/option_table.h"
#include "ops/options.h"
#include "ops/table.h"

namespace ligero {
namespace {

constexpr Option kOptions[] = {
    LIGERO_INT_OPTION(ReshapeOptions, bins, kRequired, 1, 67108864),
    LIGERO_INT_OPTION(ReshapeOptions, channels, kRequired, 1, 67108864),
};

Status infer(const OpContext& ctx, Inference* out) {
  LIGERO_RETURN_IF_ERROR(check_arity(ctx, 1, 1));
  LIGERO_RETURN_IF_ERROR(check_signal(ctx, 0));
  const auto [bins, channels] = ctx.options<ReshapeOptions>();
  LIGERO_CHECK(int64_t{bins} * channels == ctx.input(0).elements(),
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

const Op kReshapeOp = {"reshape", 1, parse<kOptions>, infer, nullptr, nullptr, run, true};

}  // namespace ligero
