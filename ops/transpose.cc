// SPDX-License-Identifier: Apache-2.0
// transpose: bins and channels change places. Not: the time axis.
#include "ops/check.h"
#include "ops/frames.h"
#include "ops/table.h"

namespace ligero {
namespace {

Status infer(const OpContext& ctx, Inference* out) {
  LIGERO_RETURN_IF_ERROR(infer_unary(ctx, out));
  out->outputs[0].set(out->outputs[0].kind, ctx.input(0).channels(), ctx.input(0).bins());
  return {};
}

void run(const RunContext& ctx) noexcept {
  const ptrdiff_t bins = ctx.input(0).bins();
  const ptrdiff_t channels = ctx.input(0).channels();
  for_frames(ctx, bins * channels, [&](int begin, int end) noexcept {
    for (int t = begin; t < end; ++t) {
      const ptrdiff_t at = t * bins * channels;
      transpose(ctx.x(0) + at, bins, channels, ctx.out[0] + at);
    }
  });
}

}  // namespace

const Op kTransposeOp = {"transpose", 1, nullptr, infer, nullptr, nullptr, run, false};

}  // namespace ligero
