// concat: inputs side by side along the channels, constants repeated over time. Not: other axes.
#include <cstring>

#include "ops/check.h"
#include "ops/frames.h"
#include "ops/table.h"

namespace ligero {
namespace {

Status infer(const OpContext& ctx, Inference* out) {
  const size_t count = ctx.node.inputs.size();
  LIGERO_CHECK(count <= kMaxInputs, Code::kBadModel, "wrong number of inputs");
  LIGERO_RETURN_IF_ERROR(check_arity(ctx, count < 1 ? 1 : count, kMaxInputs));
  int64_t channels = 0;
  for (size_t k = 0; k < count; ++k) {
    LIGERO_RETURN_IF_ERROR(check_signal(ctx, k));
    LIGERO_CHECK(ctx.input(k).bins() == ctx.input(0).bins(),
                 Code::kBadModel,
                 "the inputs have different numbers of bins");
    channels += ctx.input(k).channels();
  }
  LIGERO_CHECK(channels * ctx.input(0).bins() <= kMaxFrameElements,
               Code::kBadModel,
               "a tensor is too large");
  out->outputs[0].set(out->outputs[0].kind, ctx.input(0).bins(), static_cast<int32_t>(channels));
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
  const ptrdiff_t bins = ctx.input(0).bins();
  const ptrdiff_t total = ctx.output(0).channels();
  for_frames(ctx, bins * total, [&](int begin, int end) noexcept {
    ptrdiff_t offset = 0;
    for (size_t k = 0; k < ctx.node.inputs.size(); ++k) {
      const ptrdiff_t channels = ctx.input(k).channels();
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

const Op kConcatOp = {"concat", 1, nullptr, infer, nullptr, nullptr, run, false};

}  // namespace ligero
