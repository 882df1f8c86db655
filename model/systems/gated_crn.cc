// SPDX-License-Identifier: Apache-2.0
// GatedCRN (spec 6): gated convolutions along the bins, grouped LSTMs, a decoder for each part of
// the spectrum. Not: what the convolutional recurrent networks share (crn.cc).
#include "model/systems/crn.h"

namespace ligero {
namespace {

constexpr int kGroups = 2;

struct GatedCrnOptions : ExtractionOptions {
  std::vector<int> channels = {16, 32, 64, 128, 256};
};

GatedCrnOptions read_options(Options& options) {
  GatedCrnOptions o{read_extraction_options(options, {{"lgr", "global"}})};
  o.channels = options.integers("channels", o.channels, {1, 4096});
  options.finish();
  if (o.compression != 1.0) {
    options.fail(
        "compression", std::to_string(o.compression), "1.0: this network's output is a spectrum");
  }
  return o;
}

// Kernel 1 x 3, stride (1, 2).
ConvSizes conv_sizes(int outputs) {
  return {.outputs = outputs, .kernel_t = 1, .kernel_f = 3, .stride_f = 2};
}

// y * sigmoid(gate), batch norm.
int gated_norm(GraphBuilder& g, const std::string& name, int y, int gate) {
  y = g.node("multiply", name + ".gated", {y, g.node("sigmoid", name + ".sigmoid", {gate})});
  return g.batch_norm(name + ".bn", name + ".bn", y, g.channels(y));
}

int glu_conv(GraphBuilder& g, const std::string& name, int x, int outputs) {
  const int y = conv2d(g, name + ".conv", name + ".conv", x, conv_sizes(outputs));
  const int gate = conv2d(g, name + ".gate", name + ".gate", x, conv_sizes(outputs));
  return g.node("elu", name + ".elu", {gated_norm(g, name, y, gate)});
}

void local_network(GraphBuilder& g, const Anchor& anchor, const GatedCrnOptions& o) {
  const int x =
      g.node("concat", "local.feats", {anchor.magnitude, arn_frame(g, "local", anchor, o)});
  keep_level(g, 0, x);
  crn_local(g, x, o.channels, glu_conv);
}

// The outputs of one LSTM for each group of channels.
std::vector<int> grouped_lstm(GraphBuilder& g,
                              const std::string& name,
                              int x,
                              const GatedCrnOptions& o) {
  const int size = g.channels(x) / kGroups;
  std::vector<int> outputs;
  for (int k = 0; k < kGroups; ++k) {
    const std::string lstm = name + "_" + std::to_string(k + 1);
    const int part = g.node("slice", lstm + ".in", {x}, {{"begin", {k * size}}, {"count", {size}}});
    outputs.push_back(recurrent(g, lstm, lstm, part, {o.causal ? size : size / 2, !o.causal}));
  }
  return outputs;
}

int recurrent_part(GraphBuilder& g, int x, const GatedCrnOptions& o) {
  const int size = g.channels(x);
  // The groups of the first layer are interleaved, so that those of the second see both.
  x = g.node("concat", "sep.joined", grouped_lstm(g, "sep.lstm_1", x, o));
  x = g.node("reshape", "sep.by_group", {x}, {{"bins", {kGroups}}, {"channels", {size / kGroups}}});
  x = g.node("transpose", "sep.by_unit", {x});
  x = g.node("reshape", "sep.interleaved", {x}, {{"bins", {1}}, {"channels", {size}}});
  x = g.layer_norm("sep.ln_1", "sep.ln_1", x, size);
  x = g.node("concat", "sep.grouped", grouped_lstm(g, "sep.lstm_2", x, o));
  return g.layer_norm("sep.ln_2", "sep.ln_2", x, size);
}

// One part of the spectrum, [161, 1], from `x`, joined with its skip.
int decoder(GraphBuilder& g,
            const std::string& part,
            int x,
            const std::vector<int>& skips,
            const GatedCrnOptions& o) {
  for (int i = kCrnLayers; i >= 1; --i) {
    const auto k = static_cast<size_t>(i);
    const std::string name = part + ".deconv2d_" + std::to_string(i);
    ConvSizes sizes = conv_sizes(i > 1 ? o.channels[k - 2] : 1);
    sizes.out_pad_f = i == 2 ? 1 : 0;  // 39 bins become 79 without it, and the skip has 80
    const int y = conv2d_transposed(g, name + ".conv", name + ".conv", x, sizes);
    const int gate = conv2d_transposed(g, name + ".gate", name + ".gate", x, sizes);
    x = gated_norm(g, name, y, gate);
    if (i > 1) {
      x = g.node("concat", name + ".joined", {x, skips[k - 2]});
    }
    x = g.node("elu", name + ".elu", {x});
  }
  x = g.node("reshape", part + ".frame", {x}, {{"bins", {1}}, {"channels", {kSpectrumBins}}});
  x = g.linear(part + ".linear", part + ".linear", x, kSpectrumBins, kSpectrumBins);
  return g.node("reshape", part + ".bins", {x}, {{"bins", {kSpectrumBins}}, {"channels", {1}}});
}

GraphDraft extract_graph(Weights& weights, const GatedCrnOptions& o) {
  GraphBuilder g("extract", &weights);
  const Mixture mix = mixture(g, o);
  const int feats =
      g.node("reshape", "mix.feats", {mix.seen}, {{"bins", {kSpectrumBins}}, {"channels", {2}}});
  const std::vector<int> skips = crn_encoder(g, feats, 2, o.channels, o, glu_conv);
  int x = crn_unflattened(g, recurrent_part(g, crn_flattened(g, skips.back(), o), o));
  x = g.node("concat", "sep.decoder.in", {x, skips.back()});
  const int real = decoder(g, "sep.real", x, skips, o);
  const int imag = decoder(g, "sep.imag", x, skips, o);
  x = g.node("concat", "sep.estimate", {real, imag});
  // The estimate is at the level that the network sees.
  output_samples(g, mix.gain < 0 ? x : g.node("divide", "sep.unscaled", {x, mix.gain}), o);
  return g.finish();
}

}  // namespace

ModelDraft build_gated_crn(Options& options, Weights& weights) {
  const GatedCrnOptions o = read_options(options);
  const auto local = [&o](GraphBuilder& g, const Anchor& anchor) { local_network(g, anchor, o); };
  return extraction_model(
      o, enroll_graph(weights, o, crn_size(o.channels), local), extract_graph(weights, o));
}

}  // namespace ligero
