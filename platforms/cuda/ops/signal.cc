// SPDX-License-Identifier: Apache-2.0
// stft, istft, fbank, input_level, and what works on their bins: tables worked out in double, one
// launch each. Not: kernels (kernels/signal.h, kernels/elementwise.h).
#include <cmath>

#include "ops/fbank.h"
#include "ops/options.h"
#include "ops/overlap.h"
#include "platforms/cuda/table.h"

namespace ligero::cuda {
namespace {

/// cos and sin of 2 pi i / n.
std::vector<float> circle(int32_t n) {
  std::vector<float> table;
  for (int32_t i = 0; i < n; ++i) {
    table.push_back(static_cast<float>(std::cos(2.0 * kPi * i / n)));
    table.push_back(static_cast<float>(std::sin(2.0 * kPi * i / n)));
  }
  return table;
}

std::vector<float> window_of(const StftOptions& o, Side side) {
  std::vector<float> window(
      static_cast<size_t>(side == Side::kAnalysis ? o.window : o.used()));
  fill_window(o, side, window.data());
  return window;
}

Status stft(Recorder* r) {
  const auto& o = r->options<StftOptions>();
  const Stft body = {r->sessions(),
                     r->rows(),
                     r->in(0),
                     r->out(),
                     r->table(window_of(o, Side::kAnalysis)),
                     r->table(circle(o.window)),
                     o.window,
                     o.hop};
  r->launch(body, body.rows.count(), body.sessions.count, 1, o.window);
  return {};
}

Status istft(Recorder* r) {
  const auto& o = r->options<StftOptions>();
  const Istft body = {r->sessions(),
                      r->rows(),
                      r->in(0),
                      r->out(),
                      r->table(window_of(o, Side::kSynthesis)),
                      r->table(circle(o.window)),
                      o.window,
                      o.hop,
                      o.used()};
  r->launch(body, body.rows.count(), body.sessions.count, 1, int64_t{o.window} + 2);
  return {};
}

Status fbank(Recorder* r) {
  const auto& options = r->options<FbankOptions>();
  const FbankRecipe& recipe = kFbankRecipes[options.recipe];
  std::vector<float> window;
  for (int32_t i = 0; i < options.window; ++i) {
    window.push_back(static_cast<float>(fbank_window(options, i)));
  }
  Fbank body = {};
  body.sessions = r->sessions();
  body.rows = r->rows();
  body.x = r->in(0);
  body.y = r->out();
  body.mel = r->weight(1);
  body.length = options.window;
  body.n_fft = options.n_fft;
  body.hop = options.hop;
  body.mels = r->input(1).channels();
  body.mirror = recipe.mirror;
  body.kaldi = recipe.kaldi_frame;
  body.decibel = recipe.log == FbankLog::kDecibel;
  body.floor_added = recipe.log == FbankLog::kNaturalSum;
  body.emphasis = recipe.pre_emphasis;
  body.floor = recipe.floor;
  body.lead = fbank_lead(options);
  body.window = r->table(window);
  body.table = r->table(circle(body.n_fft));
  r->launch(
      body, body.rows.count(), body.sessions.count, 1, int64_t{body.n_fft} + body.n_fft / 2 + 1);
  return {};
}

Status rms(Recorder* r) {
  const Rms body = {
      r->sessions(), r->rows(), r->in(0), r->out(), r->input(0).bins(), r->input(0).channels()};
  r->launch(body, body.rows.count(), body.sessions.count);
  return {};
}

Status input_level(Recorder* r) {
  const auto& options = r->options<InputLevelOptions>();
  const int32_t hop = r->input(0).channels();
  if (options.of_file()) {
    r->launch(FileLevel{r->sessions(), r->rows(), r->in(0), r->out(), hop}, 1, r->sessions().count);
    return {};
  }
  const WindowLevel body = {r->sessions(),
                            r->rows(),
                            r->in(0),
                            r->out(),
                            hop,
                            options.window,
                            std::pow(10.0, options.floor_db / 20.0)};
  r->launch(body, body.rows.count(), body.sessions.count);
  return {};
}

Status deep_filter(Recorder* r) {
  const auto& options = r->options<DeepFilterOptions>();
  const DeepFilter body = {r->sessions(),
                           r->rows(),
                           r->in(0),
                           r->in(1),
                           r->out(),
                           r->output().bins(),
                           options.kernel_t,
                           options.kernel_f,
                           options.past};
  r->launch_elements(body, body.rows.count(), body.bins);
  return {};
}

void launch_bins(Recorder* r, BinFunction function, float value) {
  const View second = function == BinFunction::kMultiply ? r->in(1) : View{};
  const Bins body = {
      r->sessions(), r->rows(), r->in(0), second, r->out(), r->output().bins(), function, value};
  r->launch_elements(body, body.rows.count(), body.bins);
}

Status magnitude(Recorder* r) {
  launch_bins(r, BinFunction::kMagnitude, r->options<MagnitudeOptions>().floor);
  return {};
}

Status compress(Recorder* r) {
  const auto& options = r->options<ExponentOptions>();
  const bool magnitude = options.magnitude != 0;
  launch_bins(r,
              magnitude ? BinFunction::kCompressMagnitude : BinFunction::kCompress,
              0.5f * (options.exponent - 1.0f));
  return {};
}

Status complex_multiply(Recorder* r) {
  launch_bins(r, BinFunction::kMultiply, 0.0f);
  return {};
}

constexpr DeviceOp kOps[] = {
    {"stft", nullptr, stft},
    {"istft", nullptr, istft},
    {"fbank", nullptr, fbank},
    {"rms", nullptr, rms},
    {"input_level", nullptr, input_level},
    {"deep_filter", nullptr, deep_filter},
    {"magnitude", nullptr, magnitude},
    {"compress", nullptr, compress},
    {"complex_multiply", nullptr, complex_multiply},
};

}  // namespace

std::span<const DeviceOp> signal_ops() {
  return kOps;
}

}  // namespace ligero::cuda
