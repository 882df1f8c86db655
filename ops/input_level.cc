// SPDX-License-Identifier: Apache-2.0
// rms, the level of each hop, and input_level, the gain that brings a signal to the level which a
// network was trained on. Not: the multiplication.
//
//   file    1 / (rms over the signal + 1e-7), the same on every frame
//   window  1 / max(rms over hops max(0, t - window + 1) .. t, 10^(floor_db / 20))
//
// The window's sum is taken anew each hop, so that no error builds up in an endless stream. Over
// hops of one value, their RMS, a stream has to keep and to read no more than that of the hops
// before.
#include <algorithm>
#include <cmath>

#include "ops/check.h"
#include "ops/frames.h"
#include "ops/kernels/reduce/reduce.h"
#include "ops/option_table.h"
#include "ops/options.h"
#include "ops/table.h"

namespace ligero {
namespace {

constexpr Option kOptions[] = {
    LIGERO_INT_OPTION(InputLevelOptions, mode, 0, 0, 1),
    LIGERO_INT_OPTION(InputLevelOptions, window, 100, 1, 6000),  // hops; at most a minute
    LIGERO_FLOAT_OPTION(InputLevelOptions, floor_db, -50, -200, 0),
};
constexpr double kRmsEpsilon = 1e-7;

Status infer_rms(const OpContext& ctx, Inference* out) {
  LIGERO_RETURN_IF_ERROR(check_arity(ctx, 1, 1));
  LIGERO_RETURN_IF_ERROR(check_signal(ctx, 0));
  out->outputs[0].set(out->outputs[0].kind, ctx.input(0).bins(), 1);
  return {};
}

void run_rms(const RunContext& ctx) noexcept {
  const ptrdiff_t bins = ctx.input(0).bins();
  const ptrdiff_t channels = ctx.input(0).channels();
  for_frames(ctx, bins * channels, [&](int begin, int end) noexcept {
    const float* x = ctx.x(0);
    for (ptrdiff_t i = begin * bins; i < end * bins; ++i) {
      const float squares = sum_squares_f32(x + i * channels, static_cast<size_t>(channels), 0.0f);
      ctx.out[0][i] = std::sqrt(squares / static_cast<float>(channels));
    }
  });
}

Status infer(const OpContext& ctx, Inference* out) {
  LIGERO_RETURN_IF_ERROR(check_arity(ctx, 1, 1));
  LIGERO_RETURN_IF_ERROR(check_sequence(ctx, 0));
  LIGERO_CHECK(ctx.input(0).bins() == 1, Code::kBadModel, "the input must be hops, [1, hop]");
  const auto& options = ctx.options<InputLevelOptions>();
  out->outputs[0].set(Kind::kSequence, 1, 1);
  if (options.of_file()) {
    out->time[0].use = TimeUse::kWhole;
  } else {
    out->time[0] = {TimeUse::kWindow, options.window - 1, 0};
  }
  return {};
}

/// Window mode keeps the energy of each hop that a call sees.
Status measure(const OpContext& ctx, Needs* needs) {
  const auto& options = ctx.options<InputLevelOptions>();
  if (!options.of_file()) {
    const int64_t hops = int64_t{ctx.max_frames} + options.window - 1;
    needs->scratch_bytes = static_cast<size_t>(hops) * sizeof(double);
  }
  return {};
}

void run_file(const RunContext& ctx) {
  const int32_t hop = ctx.input(0).channels();
  const int32_t frames = whole_frames(ctx);
  double energy = 0.0;
  for (int t = 0; t < frames; ++t) {
    const float* x = whole_rows(ctx, 0) + static_cast<ptrdiff_t>(t) * hop;
    energy += static_cast<double>(sum_squares_f32(x, static_cast<size_t>(hop), 0.0f));
  }
  // The last hops may be filled up with zeros, which do not count. A block of a longer signal is a
  // signal of its own here.
  int64_t samples = int64_t{frames} * hop;
  if (frames >= ctx.total_frames) {
    samples = std::clamp<int64_t>(ctx.total_samples, 1, samples);
  }
  const double rms = std::sqrt(energy / static_cast<double>(samples));
  std::fill_n(ctx.out[0], ctx.frames, static_cast<float>(1.0 / (rms + kRmsEpsilon)));
}

void run_window(const RunContext& ctx) {
  const int32_t hop = ctx.input(0).channels();
  const auto& options = ctx.options<InputLevelOptions>();
  const int32_t window = options.window;
  const double floor = std::pow(10.0, options.floor_db / 20.0);
  auto* energy = static_cast<double*>(ctx.scratch);
  const float* x = ctx.x(0) - static_cast<ptrdiff_t>(window - 1) * hop;
  for (int32_t h = 0; h < ctx.frames + window - 1; ++h, x += hop) {
    // A hop of one value, its RMS, is squared for less than a call.
    energy[h] = hop == 1 ? *x * *x : sum_squares_f32(x, static_cast<size_t>(hop), 0.0f);
  }
  for (int32_t t = 0; t < ctx.frames; ++t) {
    double sum = 0.0;
    for (int32_t h = 0; h < window; ++h) {
      sum += energy[t + h];
    }
    const int64_t hops = std::min<int64_t>(ctx.first_frame + t + 1, window);
    const double rms = std::sqrt(sum / static_cast<double>(hops * hop));
    ctx.out[0][t] = static_cast<float>(1.0 / std::max(rms, floor));
  }
}

void run(const RunContext& ctx) noexcept {
  if (ctx.options<InputLevelOptions>().of_file()) {
    run_file(ctx);
  } else {
    run_window(ctx);
  }
}

}  // namespace

const Op kRmsOp = {"rms", 1, nullptr, infer_rms, nullptr, nullptr, run_rms, false};
const Op kInputLevelOp = {"input_level", 1, parse<kOptions>, infer, measure, nullptr, run, false};

}  // namespace ligero
