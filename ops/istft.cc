// istft: spectrum frames to hops of samples, one hop late. Not: the transform (kernels/fft).
//
// Hop h lies in the second half of frame h and the first half of frame h + 1. Row t is hop t - 1:
//   y[i] = (w[hop + i] IDFT(X[t-1])[hop + i] + w[i] IDFT(X[t])[i]) / (w[i]^2 + w[hop + i]^2)
// Row 0 of a signal describes the hop before its first; the caller drops it.

#include "ops/half_overlap.h"
#include "ops/table.h"

namespace ligero {
namespace {

Status infer(const OpContext& ctx, Inference* out) {
  LIGERO_RETURN_IF_ERROR(check_arity(ctx, 1, 1));
  LIGERO_RETURN_IF_ERROR(check_sequence(ctx, 0));
  const auto& o = ctx.options<StftOptions>();
  LIGERO_RETURN_IF_ERROR(check_half_overlap(o));
  LIGERO_CHECK(ctx.input(0).bins() == o.window / 2 + 1 && ctx.input(0).channels() == 2,
               Code::kBadModel,
               "the input must be a spectrum, [window / 2 + 1, 2]");
  out->outputs[0].set(Kind::kSequence, 1, o.hop);
  out->time[0] = {TimeUse::kWindow, 1, 0};
  out->output_lag = 1;
  return {};
}

Status prepare(const OpContext& ctx, void* data) {
  const int32_t n = ctx.options<StftOptions>().window;
  return prepare_half_overlap(ctx, data, [n](int32_t i) { return hann_synthesis(i, n); });
}

void run(const RunContext& ctx) noexcept {
  const HalfOverlapData& d = *static_cast<const HalfOverlapData*>(ctx.data);
  const int32_t n = d.fft.n;
  const int32_t hop = ctx.options<StftOptions>().hop;
  const ptrdiff_t row = 2 * static_cast<ptrdiff_t>(d.fft.bins());
  for_slots(ctx, d.slots, [&](int slot, int begin, int end) noexcept {
    float* frame = static_cast<float*>(ctx.scratch) + static_cast<size_t>(slot) * d.slot_floats;
    float* kept = frame + n;  // second half of the frame before, windowed
    float* work = kept + hop;
    for (int t = begin - 1; t < end; ++t) {
      fft_inverse_f32(d.fft, ctx.x(0) + t * row, work, frame);
      if (t >= begin) {
        float* y = ctx.out[0] + static_cast<ptrdiff_t>(t) * hop;
        for (int32_t i = 0; i < hop; ++i) {
          y[i] = kept[i] + d.window[i] * frame[i];
        }
      }
      for (int32_t i = 0; i < hop; ++i) {
        kept[i] = d.window[hop + i] * frame[hop + i];
      }
    }
  });
}

}  // namespace

const Op kIstftOp = {
    "istft", 1, parse<kStftOptions>, infer, measure_half_overlap, prepare, run, false};

}  // namespace ligero
