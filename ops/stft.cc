// SPDX-License-Identifier: Apache-2.0
// stft: hops of samples to spectrum frames. Not: the transform itself (kernels/fft).

#include "ops/overlap.h"
#include "ops/table.h"

namespace ligero {
namespace {

Status infer(const OpContext& ctx, Inference* out) {
  LIGERO_RETURN_IF_ERROR(check_arity(ctx, 1, 1));
  LIGERO_RETURN_IF_ERROR(check_sequence(ctx, 0));
  const auto& o = ctx.options<StftOptions>();
  LIGERO_RETURN_IF_ERROR(check_overlap(o));
  LIGERO_CHECK(ctx.input(0).bins() == 1 && ctx.input(0).channels() == o.hop,
               Code::kBadModel,
               "the input must be hops, [1, hop]");
  out->outputs[0].set(Kind::kSequence, o.window / 2 + 1, 2);
  out->time[0] = {TimeUse::kWindow, static_cast<int32_t>(ceil_div(o.window, o.hop)) - 1, 0};
  return {};
}

Status prepare(const OpContext& ctx, void* data) {
  return prepare_overlap(ctx, Side::kAnalysis, data);
}

void run(const RunContext& ctx) noexcept {
  const OverlapData& d = *static_cast<const OverlapData*>(ctx.data);
  const auto& o = ctx.options<StftOptions>();
  const int32_t n = o.window;
  const ptrdiff_t row = 2 * static_cast<ptrdiff_t>(d.fft.bins());
  for_slots(ctx, d.slots, [&](int slot, int begin, int end) noexcept {
    float* frame = static_cast<float*>(ctx.scratch) + static_cast<size_t>(slot) * d.slot_floats;
    for (int t = begin; t < end; ++t) {
      // The hops up to t lie one after the other; the frame is their end.
      const float* x = ctx.x(0) + (static_cast<ptrdiff_t>(t) + 1) * o.hop - n;
      for (int32_t i = 0; i < n; ++i) {
        frame[i] = d.window[i] * x[i];
      }
      fft_forward_f32(d.fft, frame, frame + n, ctx.out[0] + t * row);
    }
  });
}

}  // namespace

const Op kStftOp = {"stft", 1, parse<kStftOptions>, infer, measure_overlap, prepare, run, false};

}  // namespace ligero
