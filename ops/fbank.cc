// fbank: log mel energies of hops, SpeechBrain's recipe before its dynamic range and mean are
// applied (floor_db, time_mean). Not: the mel filters (a weight of the model).
#include <algorithm>
#include <cmath>

#include "ops/check.h"
#include "ops/frames.h"
#include "ops/kernels/fft/fft.h"
#include "ops/table.h"
#include "ops/window.h"

namespace ligero {
namespace {

constexpr float kEnergyFloor = 1e-10f;  // smallest mel energy before the logarithm
constexpr int32_t kMaxHop = 4096;
constexpr int32_t kMaxHops = 64;

struct Data {
  Fft fft;
  int32_t length = 0;  ///< of the window, at most fft.n
  int32_t hop = 0;
  int32_t mels = 0;
  int32_t slots = 0;
  const float* window = nullptr;
};

struct Sizes {
  int32_t window = 0;
  int32_t n_fft = 0;
  int32_t hop = 0;
  int32_t past = 0;
  int32_t future = 0;
};

Sizes sizes(const Node& node) {
  return {node.int_or("window", 400),
          node.int_or("n_fft", 400),
          node.int_or("hop", 160),
          node.int_or("past", 2),
          node.int_or("future", 1)};
}

/// A slot holds the frame [n], the work [2 n] and the spectrum, later the powers [n + 2].
size_t slot_floats(int32_t n) {
  return align_up((4 * static_cast<size_t>(n) + 2) * sizeof(float)) / sizeof(float);
}

Status infer(const OpContext& ctx, Inference* out) {
  LIGERO_RETURN_IF_ERROR(check_arity(ctx, 2, 2));
  LIGERO_RETURN_IF_ERROR(check_sequence(ctx, 0));
  const Sizes s = sizes(ctx.node);
  LIGERO_CHECK(fft_supported(s.n_fft), Code::kUnsupportedModel, "no transform of this length");
  LIGERO_RETURN_IF_ERROR(check_int(s.window, 2, s.n_fft));
  LIGERO_CHECK(s.window % 2 == 0, Code::kBadModel, "the window must have an even length");
  LIGERO_RETURN_IF_ERROR(check_int(s.hop, 1, kMaxHop));
  LIGERO_RETURN_IF_ERROR(check_int(s.past, 0, kMaxHops));
  LIGERO_RETURN_IF_ERROR(check_int(s.future, 0, kMaxHops));
  LIGERO_CHECK(s.past * s.hop >= s.window / 2 && (s.future + 1) * s.hop >= s.window / 2,
               Code::kBadModel,
               "past and future hops do not cover the window");
  LIGERO_CHECK(ctx.input(0).bins() == 1 && ctx.input(0).channels() == s.hop,
               Code::kBadModel,
               "the input must be hops, [1, hop]");
  LIGERO_RETURN_IF_ERROR(check_plain(ctx, 1));
  const int32_t mels = ctx.input(1).channels();
  LIGERO_RETURN_IF_ERROR(check_weight(ctx, 1, s.n_fft / 2 + 1, mels));
  out->outputs[0].set(Kind::kSequence, 1, mels);
  out->time[0] = {TimeUse::kWindow, s.past, s.future};
  out->macs = ctx.input(1).elements();
  return {};
}

Status measure(const OpContext& ctx, Needs* needs) {
  const Sizes s = sizes(ctx.node);
  needs->data_bytes = align_up(sizeof(Data)) +
                      (static_cast<size_t>(s.window) + fft_table_floats(s.n_fft)) * sizeof(float);
  needs->scratch_bytes = slot_floats(s.n_fft) * sizeof(float) * static_cast<size_t>(ctx.threads);
  return {};
}

Status prepare(const OpContext& ctx, void* data) {
  const Sizes s = sizes(ctx.node);
  auto* window = reinterpret_cast<float*>(static_cast<std::byte*>(data) + align_up(sizeof(Data)));
  for (int32_t i = 0; i < s.window; ++i) {
    window[i] = static_cast<float>(hamming(i, s.window));
  }
  *static_cast<Data*>(data) = {fft_prepare(s.n_fft, window + s.window),
                               s.window,
                               s.hop,
                               ctx.input(1).channels(),
                               ctx.threads,
                               window};
  return {};
}

/// y[m] = 10 log10(max(sum_k power[k] mel[k][m], floor)).
void log_mel(const float* power, int bins, const float* mel, int mels, float* y) {
  std::fill_n(y, mels, 0.0f);
  for (int k = 0; k < bins; ++k, mel += mels) {
    for (int m = 0; m < mels; ++m) {
      y[m] += power[k] * mel[m];
    }
  }
  for (int m = 0; m < mels; ++m) {
    y[m] = 10.0f * std::log10(std::max(y[m], kEnergyFloor));
  }
}

void run(const RunContext& ctx) noexcept {
  const Data& d = *static_cast<const Data*>(ctx.data);
  const int32_t n = d.fft.n;
  for_slots(ctx, d.slots, [&](int slot, int begin, int end) noexcept {
    float* frame = static_cast<float*>(ctx.scratch) + static_cast<size_t>(slot) * slot_floats(n);
    float* work = frame + n;
    float* spectrum = work + fft_work_floats(n);
    // Where the window is shorter than the transform, the rest of the frame is zero; its place
    // does not change the power.
    std::fill(frame + d.length, frame + n, 0.0f);
    for (int t = begin; t < end; ++t) {
      const float* x = ctx.x(0) + static_cast<ptrdiff_t>(t) * d.hop - d.length / 2;
      for (int32_t i = 0; i < d.length; ++i) {
        frame[i] = d.window[i] * x[i];
      }
      fft_forward_f32(d.fft, frame, work, spectrum);
      for (int k = 0; k < d.fft.bins(); ++k) {
        spectrum[k] = spectrum[2 * k] * spectrum[2 * k] + spectrum[2 * k + 1] * spectrum[2 * k + 1];
      }
      log_mel(spectrum,
              d.fft.bins(),
              ctx.x(1),
              d.mels,
              ctx.out[0] + static_cast<ptrdiff_t>(t) * d.mels);
    }
  });
}

}  // namespace

const Op kFbankOp = {"fbank", 1, infer, measure, prepare, run, false};

}  // namespace ligero
