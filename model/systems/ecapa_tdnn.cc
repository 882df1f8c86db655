// ECAPA-TDNN: B. Desplanques, J. Thienpondt, K. Demuynck, 2020, in SpeechBrain's structure and tensor
// names (spec 3.1). Not: its blocks (blocks.cc).
#include "model/systems/ecapa_tdnn.h"

#include <algorithm>
#include <cmath>

namespace ligero {
namespace {

constexpr int kSampleRateHz = 16000;
constexpr int kFbankSamples = 400;  // 25 ms, as SpeechBrain's recipe for VoxCeleb
constexpr int kMels = 80;
constexpr int kHopSamples = 160;
constexpr float kRangeDb = 80.0f;  // kept below the loudest bin of the recording

}  // namespace

std::vector<float> mel_filters() {
  constexpr int kBins = kFbankSamples / 2 + 1;
  constexpr double kTopHz = kSampleRateHz / 2.0;
  const double top = 2595.0 * std::log10(1.0 + kTopHz / 700.0);
  double hz[kMels + 2];
  for (int m = 0; m < kMels + 2; ++m) {
    hz[m] = 700.0 * (std::pow(10.0, top * m / (kMels + 1) / 2595.0) - 1.0);
  }
  std::vector<float> filters;
  for (int bin = 0; bin < kBins; ++bin) {
    for (int m = 0; m < kMels; ++m) {
      // Both slopes use the distance to the next lower edge, as SpeechBrain does.
      const double slope = (kTopHz * bin / (kBins - 1) - hz[m + 1]) / (hz[m + 1] - hz[m]);
      filters.push_back(static_cast<float>(std::max(0.0, std::min(slope + 1.0, 1.0 - slope))));
    }
  }
  return filters;
}

EcapaOptions read_ecapa_options(Options options) {
  EcapaOptions o;
  o.channels = options.integer("channels", o.channels);
  o.mfa = options.integer("mfa", o.mfa);
  o.attention = options.integer("attention", o.attention);
  o.embedding = options.integer("embedding", o.embedding);
  // A Res2Net joins its chunks with one concat, which takes 8 inputs.
  o.scale = options.integer("scale", o.scale, {2, kMaxInputs});
  o.se = options.integer("se", o.se);
  o.kernels = options.integers("kernels", o.kernels, {1, 31});
  o.dilations = options.integers("dilations", o.dilations, {1, 31});
  o.global_context = options.boolean("global_context", o.global_context);
  o.final_bn = options.boolean("final_bn", o.final_bn);
  const std::string padding = options.choice("padding", "reflect", {"reflect", "zero"});
  o.padding = padding == "reflect" ? Edge::kReflect : Edge::kZero;
  options.finish();
  if (o.channels % o.scale) {
    options.fail("channels",
                 std::to_string(o.channels),
                 "a multiple of scale (" + std::to_string(o.scale) + ")");
  }
  for (size_t i = 0; i < o.kernels.size(); ++i) {
    if (o.kernels[i] % 2 == 0) {
      options.fail("kernels[" + std::to_string(i) + "]",
                   std::to_string(o.kernels[i]),
                   "an odd integer");
    }
  }
  return o;
}

int anchor_fbank(GraphBuilder& g, int scaled_hops) {
  const int mel = g.matrix("mel_filters", kFbankSamples / 2 + 1, kMels, mel_filters());
  const int raw = g.node("fbank",
                         "anchor.fbank.raw",
                         {scaled_hops, mel},
                         {{"window", {kFbankSamples}},
                          {"n_fft", {kFbankSamples}},
                          {"hop", {kHopSamples}},
                          {"past", {2}},
                          {"future", {1}}});
  const int log_mel = g.node("floor_db", "anchor.fbank.log", {raw}, {}, {{"range", {kRangeDb}}});
  const int mean = g.node("time_mean", "anchor.fbank.mean", {log_mel});
  return g.node("subtract", "anchor.fbank", {log_mel, mean});
}

int ecapa_tdnn(GraphBuilder& g, int fbank, const EcapaOptions& o) {
  const std::string p = "ecapa.";
  // SERes2Net_in is a plain convolution (spec 3.1).
  int x = tdnn_block(g,
                     p + "blocks.0",
                     p + "blocks.0",
                     fbank,
                     {o.channels, o.kernels[0], o.dilations[0]},
                     o.padding);
  std::vector<int> blocks;
  for (int i = 1; i <= 3; ++i) {
    const std::string block = p + "blocks." + std::to_string(i);
    const auto k = static_cast<size_t>(i);
    x = se_res2_block(
        g, block, block, x, {o.kernels[k], o.dilations[k], o.scale, o.se}, o.padding);
    blocks.push_back(x);
  }
  x = g.node("concat", p + "cat", blocks);
  x = tdnn_block(g, p + "mfa", p + "mfa", x, {o.mfa, o.kernels[4], o.dilations[4]}, o.padding);
  x = attentive_pooling(
      g, p + "asp", p + "asp", x, {o.attention, o.global_context}, o.padding);
  x = g.batch_norm(p + "asp_bn.norm", p + "asp_bn", x, 2 * o.mfa);
  x = g.linear(
      p + "fc.conv", o.final_bn ? p + "fc" : p + "embedding", x, 2 * o.mfa, o.embedding, 1);
  return o.final_bn ? g.batch_norm(p + "fc_bn.norm", p + "embedding", x, o.embedding) : x;
}

}  // namespace ligero
