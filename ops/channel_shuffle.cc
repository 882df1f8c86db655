// SPDX-License-Identifier: Apache-2.0
// channel_shuffle: groups of channels are interleaved (ShuffleNet, PyTorch's ChannelShuffle). Not:
// bins.
#include "ops/check.h"
#include "ops/frames.h"
#include "ops/option_table.h"
#include "ops/options.h"
#include "ops/table.h"

namespace ligero {
namespace {

constexpr Option kOptions[] = {
    LIGERO_INT_OPTION(ChannelShuffleOptions, groups, kRequired, 1, 67108864)};

Status infer(const OpContext& ctx, Inference* out) {
  LIGERO_RETURN_IF_ERROR(infer_unary(ctx, out));
  LIGERO_CHECK(ctx.input(0).channels() % ctx.options<ChannelShuffleOptions>().groups == 0,
               Code::kBadModel,
               "groups do not divide the channels");
  return {};
}

void run(const RunContext& ctx) noexcept {
  const ptrdiff_t bins = ctx.input(0).bins();
  const ptrdiff_t groups = ctx.options<ChannelShuffleOptions>().groups;
  const ptrdiff_t each = ctx.input(0).channels() / groups;
  for_frames(ctx, bins * groups * each, [&](int begin, int end) noexcept {
    for (ptrdiff_t i = begin * bins; i < end * bins; ++i) {
      const ptrdiff_t at = i * groups * each;
      transpose(ctx.x(0) + at, groups, each, ctx.out[0] + at);
    }
  });
}

}  // namespace

const Op kChannelShuffleOp = {
    "channel_shuffle", 1, parse<kOptions>, infer, nullptr, nullptr, run, false};

}  // namespace ligero
