// stft: hops of samples to spectrum frames. Not: the transform itself (kernels/fft).

#include "ops/half_overlap.h"
#include "ops/table.h"

namespace ligero {
namespace {

Status infer(const OpContext& ctx, Inference* out) {
  LIGERO_RETURN_IF_ERROR(check_arity(ctx, 1, 1));
  LIGERO_RETURN_IF_ERROR(check_sequence(ctx, 0));
  const auto& o = ctx.options<StftOptions>();
  LIGERO_RETURN_IF_ERROR(check_half_overlap(o));
  LIGERO_CHECK(ctx.input(0).bins() == 1 && ctx.input(0).channels() == o.hop,
               Code::kBadModel,
               "the input must be hops, [1, hop]");
  out->outputs[0].set(Kind::kSequence, o.window / 2 + 1, 2);
  out->time[0] = {TimeUse::kWindow, 1, 0};
  return {};
}

Status prepare(const OpContext& ctx, void* data) {
  const int32_t n = ctx.options<StftOptions>().window;
  return prepare_half_overlap(ctx, data, [n](int32_t i) { return hann(i, n); });
}

void run(const RunContext& ctx) noexcept {
  const HalfOverlapData& d = *static_cast<const HalfOverlapData*>(ctx.data);
  const auto& o = ctx.options<StftOptions>();
  const int32_t n = o.window;
  const ptrdiff_t row = 2 * static_cast<ptrdiff_t>(d.fft.bins());
  for_slots(ctx, d.slots, [&](int slot, int begin, int end) noexcept {
    float* frame = static_cast<float*>(ctx.scratch) + static_cast<size_t>(slot) * d.slot_floats;
    for (int t = begin; t < end; ++t) {
      // Frame t is hops t - 1 and t, which lie one after the other.
      const float* x = ctx.x(0) + (static_cast<ptrdiff_t>(t) - 1) * o.hop;
      for (int32_t i = 0; i < n; ++i) {
        frame[i] = d.window[i] * x[i];
      }
      fft_forward_f32(d.fft, frame, frame + n, ctx.out[0] + t * row);
    }
  });
}

}  // namespace

const Op kStftOp = {
    "stft", 1, parse<kStftOptions>, infer, measure_half_overlap, prepare, run, false};

}  // namespace ligero
