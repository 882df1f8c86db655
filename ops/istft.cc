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
  const HalfOverlap h(ctx.node);
  LIGERO_RETURN_IF_ERROR(h.check());
  LIGERO_CHECK(ctx.input(0).bins() == h.window / 2 + 1 && ctx.input(0).channels() == 2,
               Code::kBadModel,
               "the input must be a spectrum, [window / 2 + 1, 2]");
  out->outputs[0].set(Kind::kSequence, 1, h.hop);
  out->time[0] = {TimeUse::kWindow, 1, 0};
  out->output_lag = 1;
  return {};
}

/// The synthesis window over the sum of squares.
Status prepare(const OpContext& ctx, void* data) {
  const HalfOverlap h(ctx.node);
  return prepare_half_overlap(ctx, data, [h](int32_t i) {
    const double a = hann(i, h.window);
    const double b = hann((i + h.hop) % h.window, h.window);
    return a / (a * a + b * b);
  });
}

void run(const RunContext& ctx) noexcept {
  const HalfOverlapData& d = *static_cast<const HalfOverlapData*>(ctx.data);
  const int32_t n = d.fft.n;
  const ptrdiff_t row = 2 * static_cast<ptrdiff_t>(d.fft.bins());
  for_slots(ctx, d.slots, [&](int slot, int begin, int end) noexcept {
    float* frame = static_cast<float*>(ctx.scratch) + static_cast<size_t>(slot) * d.slot_floats;
    float* kept = frame + n;  // second half of the frame before, windowed
    float* work = kept + d.hop;
    for (int t = begin - 1; t < end; ++t) {
      fft_inverse_f32(d.fft, ctx.x(0) + t * row, work, frame);
      if (t >= begin) {
        float* y = ctx.out[0] + static_cast<ptrdiff_t>(t) * d.hop;
        for (int32_t i = 0; i < d.hop; ++i) {
          y[i] = kept[i] + d.window[i] * frame[i];
        }
      }
      for (int32_t i = 0; i < d.hop; ++i) {
        kept[i] = d.window[d.hop + i] * frame[d.hop + i];
      }
    }
  });
}

}  // namespace

const Op kIstftOp = {"istft", 1, nullptr, infer, measure_half_overlap, prepare, run, false};

}  // namespace ligero
