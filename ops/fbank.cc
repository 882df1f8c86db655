// SPDX-License-Identifier: Apache-2.0
// fbank: log mel energies of hops, by the recipes of three toolkits before a dynamic range or a
// mean is taken off (floor_db, time_mean). Not: the mel filters (a weight of the model).
#include "ops/fbank.h"

#include <algorithm>
#include <cmath>

#include "ops/check.h"
#include "ops/frames.h"
#include "ops/kernels/fft/fft.h"
#include "ops/option_table.h"
#include "ops/options.h"
#include "ops/table.h"
#include "ops/window.h"

namespace ligero {
namespace {

constexpr Option kOptions[] = {
    LIGERO_INT_OPTION(FbankOptions, window, 400, 2, 8192),
    LIGERO_INT_OPTION(FbankOptions, n_fft, 400, 4, 8192),
    LIGERO_INT_OPTION(FbankOptions, hop, 160, 1, 4096),
    LIGERO_INT_OPTION(FbankOptions, past, 2, 0, 64),
    LIGERO_INT_OPTION(FbankOptions, future, 1, 0, 64),
    LIGERO_INT_OPTION(FbankOptions, recipe, 0, 0, 3),
};

struct Data {
  Fft fft;
  int32_t slots = 0;
  const float* window = nullptr;
};

/// A slot holds the frame [n], the work [2 n] and the spectrum, later the powers [n + 2].
size_t slot_floats(int32_t n) {
  return align_up((4 * static_cast<size_t>(n) + 2) * sizeof(float)) / sizeof(float);
}

Status infer(const OpContext& ctx, Inference* out) {
  LIGERO_RETURN_IF_ERROR(check_arity(ctx, 2, 2));
  LIGERO_RETURN_IF_ERROR(check_sequence(ctx, 0));
  const auto& s = ctx.options<FbankOptions>();
  LIGERO_CHECK(fft_supported(s.n_fft), Code::kUnsupportedModel, "no transform of this length");
  LIGERO_CHECK(s.window <= s.n_fft && s.window % 2 == 0,
               Code::kBadModel,
               "the window must have an even length, at most that of the transform");
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
  if (kFbankRecipes[s.recipe].mirror) {
    out->time[0] = {TimeUse::kWhole, 0, 0};
  }
  out->macs = ctx.input(1).elements();
  return {};
}

Status measure(const OpContext& ctx, Needs* needs) {
  const auto& s = ctx.options<FbankOptions>();
  needs->data_bytes = align_up(sizeof(Data)) +
                      (static_cast<size_t>(s.window) + fft_table_floats(s.n_fft)) * sizeof(float);
  needs->scratch_bytes = slot_floats(s.n_fft) * sizeof(float) * static_cast<size_t>(ctx.threads);
  return {};
}

Status prepare(const OpContext& ctx, void* data) {
  const auto& s = ctx.options<FbankOptions>();
  auto* window = reinterpret_cast<float*>(static_cast<std::byte*>(data) + align_up(sizeof(Data)));
  for (int32_t i = 0; i < s.window; ++i) {
    window[i] = static_cast<float>(fbank_window(s, i));
  }
  *static_cast<Data*>(data) = {fft_prepare(s.n_fft, window + s.window), ctx.threads, window};
  return {};
}

/// y[m] = level of sum_k power[k] mel[k][m].
void log_mel(
    const FbankRecipe& recipe, const float* power, int bins, const float* mel, int mels, float* y) {
  std::fill_n(y, mels, 0.0f);
  for (int k = 0; k < bins; ++k, mel += mels) {
    for (int m = 0; m < mels; ++m) {
      y[m] += power[k] * mel[m];
    }
  }
  switch (recipe.log) {
    case FbankLog::kDecibel:
      std::transform(
          y, y + mels, y, [&](float e) { return 10.0f * std::log10(std::max(e, recipe.floor)); });
      return;
    case FbankLog::kNaturalSum:
      std::transform(y, y + mels, y, [&](float e) { return std::log(e + recipe.floor); });
      return;
    case FbankLog::kNaturalFloor:
      std::transform(y, y + mels, y, [&](float e) { return std::log(std::max(e, recipe.floor)); });
      return;
  }
}

/// Samples of a whole signal that goes on mirrored: about its first and its last sample.
struct Mirrored {
  const float* x;
  int64_t samples;

  float at(int64_t n) const {
    const int64_t last = samples - 1;
    n = n < 0 ? -n : n;
    n = n > last ? 2 * last - n : n;
    return x[std::clamp<int64_t>(n, 0, last)];
  }
};

/// Samples that a call has of its signal: without the zeros that fill its last hops where it is all
/// of it, else whole hops.
int64_t samples_of(const RunContext& ctx, int32_t hop) {
  const int64_t held = int64_t{ctx.frames} * hop;
  const bool all = ctx.first_frame == 0 && ctx.frames >= ctx.total_frames && ctx.total_samples > 0;
  return all ? std::min(ctx.total_samples, held) : held;
}

/// One frame that begins at sample `begin`, ready for the transform.
void mirrored_frame(const FbankOptions& o,
                    const float* window,
                    const Mirrored& signal,
                    int64_t begin,
                    float* frame) {
  const float c = kFbankRecipes[o.recipe].pre_emphasis;
  if (!kFbankRecipes[o.recipe].kaldi_frame) {
    const int64_t last = signal.samples - 1;
    for (int32_t i = 0; i < o.window; ++i) {
      // The signal is emphasised first and mirrored then.
      int64_t n = begin + i < 0 ? -(begin + i) : begin + i;
      n = std::clamp<int64_t>(n > last ? 2 * last - n : n, 0, last);
      frame[i] = window[i] * (signal.at(n) - c * signal.at(n - 1));
    }
    return;
  }
  double sum = 0.0;
  for (int32_t i = 0; i < o.window; ++i) {
    frame[i] = signal.at(begin + i);
    sum += frame[i];
  }
  const auto mean = static_cast<float>(sum / o.window);
  float before = frame[0] - mean;
  for (int32_t i = 0; i < o.window; ++i) {
    const float now = frame[i] - mean;
    frame[i] = window[i] * (now - c * before);
    before = now;
  }
}

void run(const RunContext& ctx) noexcept {
  const Data& d = *static_cast<const Data*>(ctx.data);
  const auto& o = ctx.options<FbankOptions>();
  const FbankRecipe& recipe = kFbankRecipes[o.recipe];
  const int32_t n = o.n_fft;
  const int32_t mels = ctx.output(0).channels();
  const Mirrored signal{ctx.x(0), samples_of(ctx, o.hop)};
  const int32_t lead = fbank_lead(o);
  for_slots(ctx, d.slots, [&](int slot, int begin, int end) noexcept {
    float* frame = static_cast<float*>(ctx.scratch) + static_cast<size_t>(slot) * slot_floats(n);
    float* work = frame + n;
    float* spectrum = work + fft_work_floats(n);
    // Where the window is shorter than the transform, the rest of the frame is zero; its place
    // does not change the power.
    std::fill(frame + o.window, frame + n, 0.0f);
    for (int t = begin; t < end; ++t) {
      const ptrdiff_t first = static_cast<ptrdiff_t>(t) * o.hop - lead;
      if (recipe.mirror) {
        mirrored_frame(o, d.window, signal, first, frame);
      } else {
        const float* x = ctx.x(0) + first;
        for (int32_t i = 0; i < o.window; ++i) {
          frame[i] = d.window[i] * x[i];
        }
      }
      fft_forward_f32(d.fft, frame, work, spectrum);
      for (int k = 0; k < d.fft.bins(); ++k) {
        spectrum[k] = spectrum[2 * k] * spectrum[2 * k] + spectrum[2 * k + 1] * spectrum[2 * k + 1];
      }
      log_mel(recipe,
              spectrum,
              d.fft.bins(),
              ctx.x(1),
              mels,
              ctx.out[0] + static_cast<ptrdiff_t>(t) * mels);
    }
  });
}

}  // namespace

const Op kFbankOp = {"fbank", 1, parse<kOptions>, infer, measure, prepare, run, false};

}  // namespace ligero
