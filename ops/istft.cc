// istft: spectrum frames to hops of samples, one hop late. Not: the transform (kernels/fft).
//
// Hop h lies in the second half of frame h and the first half of frame h + 1. Row t is hop t - 1:
//   y[i] = (w[hop + i] IDFT(X[t-1])[hop + i] + w[i] IDFT(X[t])[i]) / (w[i]^2 + w[hop + i]^2)
// Row 0 of a signal describes the hop before its first; the caller drops it.

#include "ops/check.h"
#include "ops/frames.h"
#include "ops/kernels/fft/fft.h"
#include "ops/table.h"
#include "ops/window.h"

namespace ligero {
namespace {

struct Data {
  Fft fft;
  int32_t hop = 0;
  int32_t slots = 0;
  const float* window = nullptr;  ///< the synthesis window over the sum of squares, [2 hop]
};

struct Sizes {
  int32_t window = 0;
  int32_t hop = 0;

  size_t work_bytes() const {  // one frame of samples, the transform's work, the kept half frame
    const size_t floats =
        static_cast<size_t>(window) + fft_work_floats(window) + static_cast<size_t>(hop);
    return align_up(floats * sizeof(float));
  }
};

Sizes sizes(const Node& node) {
  return {node.int_or("window", 320), node.int_or("hop", 160)};
}

Status infer(const OpContext& ctx, Inference* out) {
  LIGERO_RETURN_IF_ERROR(check_arity(ctx, 1, 1));
  LIGERO_RETURN_IF_ERROR(check_sequence(ctx, 0));
  const Sizes s = sizes(ctx.node);
  LIGERO_CHECK(fft_supported(s.window), Code::kUnsupportedModel, "no transform of this length");
  LIGERO_CHECK(s.hop == s.window / 2, Code::kUnsupportedModel, "the window must be two hops long");
  LIGERO_CHECK(ctx.input(0).bins() == s.window / 2 + 1 && ctx.input(0).channels() == 2,
               Code::kBadModel,
               "the input must be a spectrum, [window / 2 + 1, 2]");
  out->outputs[0].set(Kind::kSequence, 1, s.hop);
  out->time[0] = {TimeUse::kWindow, 1, 0};
  out->output_lag = 1;
  return {};
}

Status measure(const OpContext& ctx, Needs* needs) {
  const Sizes s = sizes(ctx.node);
  needs->data_bytes = align_up(sizeof(Data)) +
                      (static_cast<size_t>(s.window) + fft_table_floats(s.window)) * sizeof(float);
  needs->scratch_bytes = s.work_bytes() * static_cast<size_t>(ctx.threads);
  return {};
}

Status prepare(const OpContext& ctx, void* data) {
  const Sizes s = sizes(ctx.node);
  auto* window = reinterpret_cast<float*>(static_cast<std::byte*>(data) + align_up(sizeof(Data)));
  for (int32_t i = 0; i < s.window; ++i) {
    const double a = hann(i, s.window);
    const double b = hann((i + s.hop) % s.window, s.window);
    window[i] = static_cast<float>(a / (a * a + b * b));
  }
  *static_cast<Data*>(data) = {
      fft_prepare(s.window, window + s.window), s.hop, ctx.threads, window};
  return {};
}

void run(const RunContext& ctx) noexcept {
  const Data& d = *static_cast<const Data*>(ctx.data);
  const int32_t n = d.fft.n;
  const ptrdiff_t row = 2 * static_cast<ptrdiff_t>(d.fft.bins());
  const size_t slot_floats = Sizes{n, d.hop}.work_bytes() / sizeof(float);
  for_slots(ctx, d.slots, [&](int slot, int begin, int end) noexcept {
    float* frame = static_cast<float*>(ctx.scratch) + static_cast<size_t>(slot) * slot_floats;
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

const Op kIstftOp = {"istft", 1, infer, measure, prepare, run, false};

}  // namespace ligero
