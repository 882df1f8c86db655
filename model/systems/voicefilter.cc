// SPDX-License-Identifier: Apache-2.0
// VoiceFilter (spec 5): dilated convolutions, an LSTM, a mask on the mixture's magnitude. Not: what
// all systems share (extraction.cc).
#include "model/systems/extraction.h"

namespace ligero {
namespace {

struct VoiceFilterOptions : ExtractionOptions {
  int channels = 64;
  int reduced = 8;
  int lstm = 400;
  int hidden = 600;
};

struct Layer {
  int kernel_t;
  int kernel_f;
  int dilation;
};
constexpr Layer kLayers[] = {
    {1, 7, 1}, {7, 1, 1}, {5, 5, 1}, {5, 5, 2}, {5, 5, 4}, {5, 5, 8}, {5, 5, 16}};
constexpr int kNumLayers = static_cast<int>(std::size(kLayers));

VoiceFilterOptions read_options(Options& options) {
  VoiceFilterOptions o{read_extraction_options(options, {{"lgr", "global"}, 0.3})};
  o.channels = options.integer("channels", o.channels, {1, 4096});
  o.reduced = options.integer("reduced", o.reduced, {1, 256});
  o.lstm = options.integer("lstm", o.lstm, {1, 4096});
  o.hidden = options.integer("hidden", o.hidden, {1, 4096});
  options.finish();
  return o;
}

// Convolution that keeps frames and bins, batch norm, ReLU.
int cnn_block(
    GraphBuilder& g, const std::string& name, int x, int outputs, const Layer& layer, bool causal) {
  ConvSizes sizes;
  sizes.outputs = outputs;
  sizes.kernel_t = layer.kernel_t;
  sizes.kernel_f = layer.kernel_f;
  sizes.dilation_t = layer.dilation;
  sizes.pad_f = layer.kernel_f / 2;
  sizes.causal = causal;
  x = conv2d(g, name + ".conv", name + ".conv", x, sizes);
  x = g.batch_norm(name + ".bn", name + ".bn", x, outputs);
  return g.node("relu", name + ".relu", {x});
}

void local_network(GraphBuilder& g, const Anchor& anchor, const VoiceFilterOptions& o) {
  int x = g.node("concat", "local.feats", {anchor.magnitude, arn_frame(g, "local", anchor, o)});
  keep_level(g, 0, x);
  for (int i = 1; i <= kNumLayers; ++i) {
    x = cnn_block(g, "local.cnn_" + std::to_string(i), x, o.channels, kLayers[i - 1], o.causal);
    keep_level(g, i, x);
  }
}

int convolutions(GraphBuilder& g, int x, const VoiceFilterOptions& o) {
  for (int i = 1; i <= kNumLayers; ++i) {
    const std::string name = "sep.cnn_" + std::to_string(i);
    x = with_local(g, name, x, i - 1, i == 1 ? 2 : o.channels, o);
    x = cnn_block(g, name, x, o.channels, kLayers[i - 1], o.causal);
  }
  const std::string last = "sep.cnn_" + std::to_string(kNumLayers + 1);
  x = with_local(g, last, x, kNumLayers, o.channels, o);
  return cnn_block(g, last, x, o.reduced, {1, 1, 1}, o.causal);
}

GraphDraft extract_graph(Weights& weights, const VoiceFilterOptions& o) {
  GraphBuilder g("extract", &weights);
  const Mixture mix = mixture(g, o);
  int x = convolutions(g, g.node("magnitude", "mix.mag", {mix.seen}), o);
  // Index c * 161 + f.
  x = g.node("transpose", "sep.flat.transposed", {x});
  x = g.node(
      "reshape", "sep.flat", {x}, {{"bins", {1}}, {"channels", {o.reduced * kSpectrumBins}}});
  x = g.node("concat", "sep.lstm.in", {x, speaker_embedding(g, o.ecapa.embedding)});
  x = recurrent(g, "sep.lstm", "sep.lstm", x, {o.lstm, !o.causal});
  x = g.node("relu", "sep.lstm.relu", {x});
  x = g.linear("sep.fc_1", "sep.fc_1", x, g.channels(x), o.hidden);
  x = g.node("relu", "sep.fc_1.relu", {x});
  x = g.linear("sep.fc_2", "sep.fc_2", x, o.hidden, kSpectrumBins);
  x = g.node("sigmoid", "sep.mask", {x});
  x = g.node("reshape", "sep.mask.bins", {x}, {{"bins", {kSpectrumBins}}, {"channels", {1}}});
  // On the mixture at its own level, with its phase.
  output_samples(g, g.node("multiply", "sep.masked", {mix.spectrum, x}), o);
  return g.finish();
}

}  // namespace

ModelDraft build_voicefilter(Options& options, Weights& weights) {
  const VoiceFilterOptions o = read_options(options);
  const auto local = [&o](GraphBuilder& g, const Anchor& anchor) { local_network(g, anchor, o); };
  return extraction_model(o, enroll_graph(weights, o, 0, local), extract_graph(weights, o));
}

}  // namespace ligero
