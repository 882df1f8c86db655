// SPDX-License-Identifier: Apache-2.0
// slice: some channels of each bin. Not: other axes.
#include <cstring>

#include "ops/check.h"
#include "ops/frames.h"
#include "ops/option_table.h"
#include "ops/options.h"
#include "ops/table.h"

namespace ligero {
namespace {

constexpr Option kOptions[] = {
    LIGERO_INT_OPTION(SliceOptions, begin, kRequired, 0, 67108864),
    LIGERO_INT_OPTION(SliceOptions, count, kRequired, 1, 67108864),
};

Status infer(const OpContext& ctx, Inference* out) {
  LIGERO_RETURN_IF_ERROR(check_arity(ctx, 1, 1));
  LIGERO_RETURN_IF_ERROR(check_signal(ctx, 0));
  const int32_t channels = ctx.input(0).channels();
  const auto [begin, count] = ctx.options<SliceOptions>();
  LIGERO_CHECK(begin <= channels - count, Code::kBadModel, "the slice lies outside its input");
  out->outputs[0].set(out->outputs[0].kind, ctx.input(0).bins(), count);
  return {};
}

void run(const RunContext& ctx) noexcept {
  const ptrdiff_t bins = ctx.input(0).bins();
  const ptrdiff_t channels = ctx.input(0).channels();
  const ptrdiff_t count = ctx.output(0).channels();
  const ptrdiff_t first = ctx.options<SliceOptions>().begin;
  for_frames(ctx, bins * count, [&](int begin, int end) noexcept {
    for (ptrdiff_t i = begin * bins; i < end * bins; ++i) {
      std::memcpy(ctx.out[0] + i * count,
                  ctx.x(0) + i * channels + first,
                  static_cast<size_t>(count) * sizeof(float));
    }
  });
}

}  // namespace

const Op kSliceOp = {"slice", 1, parse<kOptions>, infer, nullptr, nullptr, run, false};

}  // namespace ligero
