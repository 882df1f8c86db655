// SPDX-License-Identifier: Apache-2.0
// concat: inputs side by side along the channels or one after another along the bins, constants
// and weights repeated over time. Not: along time.
#include <cstring>

#include "ops/check.h"
#include "ops/frames.h"
#include "ops/option_table.h"
#include "ops/options.h"
#include "ops/table.h"

namespace ligero {
namespace {

constexpr Option kOptions[] = {LIGERO_INT_OPTION(ConcatOptions, axis, 2, 1, 2)};

Status infer(const OpContext& ctx, Inference* out) {
  const size_t count = ctx.node.inputs.size();
  LIGERO_CHECK(count <= kMaxInputs, Code::kBadModel, "wrong number of inputs");
  LIGERO_RETURN_IF_ERROR(check_arity(ctx, count < 1 ? 1 : count, kMaxInputs));
  const bool along_bins = ctx.options<ConcatOptions>().along_bins();
  int64_t sum = 0;
  bool signal = false;
  for (size_t k = 0; k < count; ++k) {
    LIGERO_RETURN_IF_ERROR(check_plain(ctx, k));
    const Tensor& x = ctx.input(k);
    signal = signal || x.kind != Kind::kWeight;
    LIGERO_CHECK(along_bins || x.bins() == ctx.input(0).bins(),
                 Code::kBadModel,
                 "the inputs have different numbers of bins");
    LIGERO_CHECK(!along_bins || x.channels() == ctx.input(0).channels(),
                 Code::kBadModel,
                 "the inputs have different numbers of channels");
    sum += along_bins ? x.bins() : x.channels();
  }
  LIGERO_CHECK(signal, Code::kBadModel, "weights alone where a signal is due");
  const int32_t other = along_bins ? ctx.input(0).channels() : ctx.input(0).bins();
  LIGERO_CHECK(sum * other <= kMaxFrameElements, Code::kBadModel, "a tensor is too large");
  const auto total = static_cast<int32_t>(sum);
  out->outputs[0].set(out->outputs[0].kind, along_bins ? total : other, along_bins ? other : total);
  return {};
}

/// Where y's rows begin, x's.
struct Rows {
  const float* x;
  float* y;
  ptrdiff_t count;
  ptrdiff_t channels;  ///< of x
  ptrdiff_t total;     ///< of y
};

/// kFew: channels, where they are so few that a loop over them, or a call, costs more than they do;
/// else 0.
template <ptrdiff_t kFew>
void copy(Rows r) {
  constexpr ptrdiff_t kBlock = 16;
  for (; r.count > 0; --r.count, r.x += r.channels, r.y += r.total) {
    const ptrdiff_t channels = kFew > 0 ? kFew : r.channels;
    ptrdiff_t c = 0;
    for (; c + kBlock <= channels; c += kBlock) {
      std::memcpy(r.y + c, r.x + c, kBlock * sizeof(float));
    }
    for (; c < channels; ++c) {
      r.y[c] = r.x[c];
    }
  }
}

void run(const RunContext& ctx) noexcept {
  // Along bins a frame is one bin, of which each input has some channels.
  const bool along_bins = ctx.options<ConcatOptions>().along_bins();
  const ptrdiff_t bins = along_bins ? 1 : ctx.input(0).bins();
  const ptrdiff_t total = ctx.output(0).elements() / bins;
  for_frames(ctx, bins * total, [&](int begin, int end) noexcept {
    ptrdiff_t offset = 0;
    for (size_t k = 0; k < ctx.node.inputs.size(); ++k) {
      const ptrdiff_t channels = ctx.input(k).elements() / bins;
      const ptrdiff_t step = frame_step(ctx, k);
      for (int t = begin; t < end; ++t) {
        const Rows rows = {
            ctx.x(k) + t * step, ctx.out[0] + t * bins * total + offset, bins, channels, total};
        channels == 1 ? copy<1>(rows) : channels == 2 ? copy<2>(rows) : copy<0>(rows);
      }
      offset += channels;
    }
  });
}

}  // namespace

const Op kConcatOp = {"concat", 1, parse<kOptions>, infer, nullptr, nullptr, run, false};

}  // namespace ligero
