// SPDX-License-Identifier: Apache-2.0
// Speakerfilter (spec 4): gated convolutions around two BLSTMs, a deep filter; a BGRU on the
// anchor. Not: what the convolutional recurrent networks share (crn.cc).
#include "model/systems/crn.h"

namespace ligero {
namespace {

struct SpeakerfilterOptions : ExtractionOptions {
  std::vector<int> channels = {16, 32, 64, 128, 256};
  FilterSize filter = {};
};

SpeakerfilterOptions read_options(Options& options) {
  ExtractionTraits traits{{"lgr", "local"}};
  traits.arn_frame = false;
  SpeakerfilterOptions o{read_extraction_options(options, traits)};
  o.channels = options.integers("channels", o.channels, {1, 4096});
  o.filter = read_filter_size(options.section("deep_filter"));
  options.finish();
  return o;
}

// Kernel 3 x 3, stride (1, 2).
ConvSizes conv_sizes(int outputs, bool causal) {
  return {.outputs = outputs, .kernel_t = 3, .kernel_f = 3, .stride_f = 2, .causal = causal};
}

// y * sigmoid(gate).
int gated(GraphBuilder& g, const std::string& name, int y, int gate) {
  return g.node("multiply", name + ".gated", {y, g.node("sigmoid", name + ".sigmoid", {gate})});
}

// ELU(BN(conv)) * sigmoid(BN(conv')).
EncoderLayer encoder_layer(const SpeakerfilterOptions& o) {
  return [&o](GraphBuilder& g, const std::string& name, int x, int outputs) {
    const ConvSizes sizes = conv_sizes(outputs, o.causal);
    int y = conv2d(g, name + ".conv", name + ".conv", x, sizes);
    y = g.batch_norm(name + ".bn", name + ".bn", y, outputs);
    y = g.node("elu", name + ".elu", {y});
    const int gate = conv2d(g, name + ".gate", name + ".gate", x, sizes);
    return gated(g, name, y, g.batch_norm(name + ".gate_bn", name + ".gate_bn", gate, outputs));
  };
}

// ELU(BN(ELU(deconv))) * sigmoid(BN(deconv')); the last one tanh(deconv) * sigmoid(deconv').
DecoderLayer decoder_layer(const SpeakerfilterOptions& o) {
  return [&o](GraphBuilder& g, const std::string& name, int x, const DeconvShape& shape) {
    ConvSizes sizes = conv_sizes(shape.outputs, o.causal);
    sizes.out_pad_f = shape.out_pad_f;
    int y = conv2d_transposed(g, name + ".conv", name + ".conv", x, sizes);
    int gate = conv2d_transposed(g, name + ".gate", name + ".gate", x, sizes);
    if (shape.last) {
      return gated(g, name, g.node("tanh", name + ".tanh", {y}), gate);
    }
    y = g.node("elu", name + ".elu_1", {y});
    y = g.batch_norm(name + ".bn", name + ".bn", y, shape.outputs);
    y = g.node("elu", name + ".elu", {y});
    gate = g.batch_norm(name + ".gate_bn", name + ".gate_bn", gate, shape.outputs);
    return gated(g, name, y, gate);
  };
}

// The anchor's magnitudes, a BGRU of two layers along its frames, and the gated convolutions.
void local_network(GraphBuilder& g, const Anchor& anchor, const SpeakerfilterOptions& o) {
  RecurrentShape shape;
  shape.hidden = kSpectrumBins;
  shape.both_ways = true;
  shape.cell = Cell::kGru;
  int x = g.node("reshape",
                 "local.frames",
                 {anchor.magnitude},
                 {{"bins", {1}}, {"channels", {kSpectrumBins}}});
  x = recurrent(g, "local.gru_1", "local.gru_1", x, shape);
  x = recurrent(g, "local.gru_2", "local.gru_2", x, shape);
  x = g.linear("local.linear", "local.linear", x, 2 * kSpectrumBins, kSpectrumBins);
  x = g.node("reshape", "local.feats", {x}, {{"bins", {kSpectrumBins}}, {"channels", {1}}});
  keep_level(g, 0, x);
  crn_local(g, x, o.channels, encoder_layer(o));
}

GraphDraft extract_graph(Weights& weights, const SpeakerfilterOptions& o) {
  GraphBuilder g("extract", &weights);
  const Mixture mix = mixture(g, o);
  const int magnitude = g.node("magnitude", "mix.mag", {mix.seen});
  const std::vector<int> skips = crn_encoder(g, magnitude, 1, o.channels, o, encoder_layer(o));
  int x = crn_flattened(g, skips.back(), o);
  const int size = g.channels(x);
  const RecurrentShape shape{o.causal ? size : size / 2, !o.causal};
  x = recurrent(g, "sep.lstm_1", "sep.lstm_1", x, shape);
  x = recurrent(g, "sep.lstm_2", "sep.lstm_2", x, shape);
  x = crn_unflattened(g, x);
  const int taps = crn_decoder(g, x, skips, o.channels, o.filter.taps(), decoder_layer(o));
  output_samples(g, filtered(g, taps, mix.spectrum, o.filter, o.causal), o);
  return g.finish();
}

}  // namespace

ModelDraft build_speakerfilter(Options& options, Weights& weights) {
  const SpeakerfilterOptions o = read_options(options);
  const auto local = [&o](GraphBuilder& g, const Anchor& anchor) { local_network(g, anchor, o); };
  return extraction_model(
      o, enroll_graph(weights, o, crn_size(o.channels), local), extract_graph(weights, o));
}

}  // namespace ligero
