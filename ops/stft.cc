// stft: hops of samples to spectrum frames. Not: the transform itself (kernels/fft).

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
  const float* window = nullptr;
};

struct Sizes {
  int32_t window = 0;
  int32_t hop = 0;

  size_t work_bytes() const {
    const size_t floats = static_cast<size_t>(window) + fft_work_floats(window);
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
  LIGERO_CHECK(ctx.input(0).bins() == 1 && ctx.input(0).channels() == s.hop,
               Code::kBadModel,
               "the input must be hops, [1, hop]");
  out->outputs[0].set(Kind::kSequence, s.window / 2 + 1, 2);
  out->time[0] = {TimeUse::kWindow, 1, 0};
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
    window[i] = static_cast<float>(hann(i, s.window));
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
    for (int t = begin; t < end; ++t) {
      // Frame t is hops t - 1 and t, which lie one after the other.
      const float* x = ctx.x(0) + (static_cast<ptrdiff_t>(t) - 1) * d.hop;
      for (int32_t i = 0; i < n; ++i) {
        frame[i] = d.window[i] * x[i];
      }
      fft_forward_f32(d.fft, frame, frame + n, ctx.out[0] + t * row);
    }
  });
}

}  // namespace

const Op kStftOp = {"stft", 1, infer, measure, prepare, run, false};

}  // namespace ligero
