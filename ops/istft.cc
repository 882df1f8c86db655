// SPDX-License-Identifier: Apache-2.0
// istft: spectrum frames to hops of samples. Not: the transform (kernels/fft).
//
// A synthesis window of k hops: hop h lies in the frames h .. h + k - 1, and is complete with the last
// of them. Row t is hop t - (k - 1), the sum of what these k frames hold of it, the oldest first:
//   y[i] = sum_j s[(k - 1 - j) hop + i] IDFT(X[t - (k - 1) + j])[window - k hop + (k - 1 - j) hop + i]
// The first k - 1 rows of a signal describe hops before its first; the caller drops them.

#include <algorithm>

#include "ops/overlap.h"
#include "ops/table.h"

namespace ligero {
namespace {

Status infer(const OpContext& ctx, Inference* out) {
  LIGERO_RETURN_IF_ERROR(check_arity(ctx, 1, 1));
  LIGERO_RETURN_IF_ERROR(check_sequence(ctx, 0));
  const auto& o = ctx.options<StftOptions>();
  LIGERO_RETURN_IF_ERROR(check_overlap(o));
  LIGERO_CHECK(ctx.input(0).bins() == o.window / 2 + 1 && ctx.input(0).channels() == 2,
               Code::kBadModel,
               "the input must be a spectrum, [window / 2 + 1, 2]");
  out->outputs[0].set(Kind::kSequence, 1, o.hop);
  out->output_lag = o.used() / o.hop - 1;
  out->time[0] = {TimeUse::kWindow, out->output_lag, 0};
  return {};
}

Status prepare(const OpContext& ctx, void* data) {
  return prepare_overlap(ctx, Side::kSynthesis, data);
}

/// Adds the frame's share `x` to `sums`, which are those of the hops that it completes or begins
/// [used], writes the completed one to `y` unless null, and moves the others up.
void add_frame(
    const OverlapData& d, const StftOptions& o, const float* x, float* sums, float* y) noexcept {
  const int32_t hop = o.hop;
  const int32_t rest = o.used() - hop;
  if (y != nullptr) {
    for (int32_t i = 0; i < hop; ++i) {
      y[i] = sums[i] + d.window[i] * x[i];
    }
  }
  for (int32_t i = 0; i < rest - hop; ++i) {
    sums[i] = sums[hop + i] + d.window[hop + i] * x[hop + i];
  }
  for (int32_t i = rest - hop; i < rest; ++i) {  // the hop that the frame is the first to hold
    sums[i] = d.window[hop + i] * x[hop + i];
  }
}

void run(const RunContext& ctx) noexcept {
  const OverlapData& d = *static_cast<const OverlapData*>(ctx.data);
  const auto& o = ctx.options<StftOptions>();
  const int32_t n = o.window;
  const int32_t before = o.used() / o.hop - 1;
  const ptrdiff_t row = 2 * static_cast<ptrdiff_t>(d.fft.bins());
  for_slots(ctx, d.slots, [&](int slot, int begin, int end) noexcept {
    float* frame = static_cast<float*>(ctx.scratch) + static_cast<size_t>(slot) * d.slot_floats;
    float* sums = frame + n;
    float* work = sums + o.used();
    std::fill(sums, sums + before * o.hop, 0.0f);
    for (int t = begin - before; t < end; ++t) {
      fft_inverse_f32(d.fft, ctx.x(0) + t * row, work, frame);
      float* y = t >= begin ? ctx.out[0] + static_cast<ptrdiff_t>(t) * o.hop : nullptr;
      add_frame(d, o, frame + n - o.used(), sums, y);
    }
  });
}

}  // namespace

const Op kIstftOp = {"istft", 1, parse<kStftOptions>, infer, measure_overlap, prepare, run, false};

}  // namespace ligero
