// SPDX-License-Identifier: Apache-2.0
// TEA-PSE (spec 7, a reconstruction): a network for the magnitude, then one for the complex
// residual. Not: what all systems share (extraction.cc).
#include "model/systems/extraction.h"

namespace ligero {
namespace {

constexpr int kLayers = 5;
constexpr int kEncoderBins = 4;  // 161, 79, 39, 19, 9, 4
constexpr int kTimeKernel = 2;   // the present frame and the one before, in both forms
constexpr int kBinKernels[kLayers] = {5, 3, 3, 3, 3};
constexpr int kStcmKernel = 5;

struct TeaPseOptions : ExtractionOptions {
  int channels = 64;
  int squeezed = 64;
  int stcns = 4;
  std::vector<int> dilations = {1, 2, 5, 9};
  bool cumulative_norm = false;
};

TeaPseOptions read_options(Options& options) {
  TeaPseOptions o{read_extraction_options(options, {{"lgr", "global"}, 0.5})};
  o.channels = options.integer("channels", o.channels, {1, 4096});
  o.squeezed = options.integer("squeezed", o.squeezed, {1, 4096});
  o.stcns = options.integer("stcns", o.stcns, {1, 64});
  o.dilations = options.integers("dilations", o.dilations, {1, 256});
  o.cumulative_norm = options.choice("norm", "batch", {"batch", "cumulative"}) == "cumulative";
  options.finish();
  return o;
}

int prelu(GraphBuilder& g, const std::string& name, int x) {
  return g.prelu(name, name, x, g.channels(x));
}

int norm(GraphBuilder& g, const std::string& name, int x, const TeaPseOptions& o) {
  return o.cumulative_norm ? g.cumulative_norm(name, name, x, g.channels(x))
                           : g.batch_norm(name, name, x, g.channels(x));
}

// Layer `i`, 1 .. 5, of an encoder or a decoder: twice the channels.
ConvSizes layer_sizes(int i, int channels) {
  return {.outputs = 2 * channels,
          .kernel_t = kTimeKernel,
          .kernel_f = kBinKernels[i - 1],
          .stride_f = 2,
          .causal = true};
}

// a * sigmoid(b) of the two halves [a, b] of y, norm, PReLU.
int gated(GraphBuilder& g, const std::string& name, int y, const TeaPseOptions& o) {
  const int half = g.channels(y) / 2;
  const int a = g.node("slice", name + ".a", {y}, {{"begin", {0}}, {"count", {half}}});
  const int b = g.node("slice", name + ".b", {y}, {{"begin", {half}}, {"count", {half}}});
  y = g.node("multiply", name + ".gated", {a, g.node("sigmoid", name + ".sigmoid", {b})});
  return prelu(g, name + ".prelu", norm(g, name + ".bn", y, o));
}

int gate_conv(GraphBuilder& g, const std::string& name, int i, int x, const TeaPseOptions& o) {
  x = conv2d(g, name + ".conv", name + ".conv", x, layer_sizes(i, o.channels));
  return gated(g, name, x, o);
}

// The local network of one stage.
void local_network(GraphBuilder& g,
                   const std::string& name,
                   int first_level,
                   const Anchor& anchor,
                   const TeaPseOptions& o) {
  int x = g.node("concat", name + ".feats", {anchor.magnitude, arn_frame(g, name, anchor, o)});
  keep_level(g, first_level, x);
  for (int i = 1; i < kLayers; ++i) {
    x = gate_conv(g, name + ".conv2d_" + std::to_string(i), i, x, o);
    keep_level(g, first_level + i, x);
  }
}

// A convolution of kernel 1 x 1 without a bias.
int pointwise(GraphBuilder& g, const std::string& name, int x, int outputs) {
  const int inputs = g.channels(x);
  const std::vector<float> values = g.weights().take(name + ".weight", {outputs, inputs, 1, 1});
  const int w = g.panels(name + ".weight", inputs, outputs, transposed(values, outputs, inputs));
  return g.node("linear", name, {x, w});
}

// PReLU, norm, dilated convolution over time.
int stcm_side(
    GraphBuilder& g, const std::string& name, int x, int dilation, const TeaPseOptions& o) {
  ConvSizes sizes;
  sizes.outputs = g.channels(x);
  sizes.kernel_t = kStcmKernel;
  sizes.kernel_f = 1;
  sizes.dilation_t = dilation;
  sizes.bias = false;
  sizes.causal = o.causal;
  x = norm(g, name + "_bn", prelu(g, name + "_prelu", x), o);
  return conv2d(g, name + "_conv", name + "_conv", x, sizes);
}

// Squeezed temporal convolution module of `joined`, which is x and perhaps a speaker.
int stcm(GraphBuilder& g,
         const std::string& name,
         int x,
         int joined,
         int dilation,
         const TeaPseOptions& o) {
  int y = pointwise(g, name + ".squeeze", joined, o.squeezed);
  const int left = stcm_side(g, name + ".left", y, dilation, o);
  const int right = stcm_side(g, name + ".right", y, dilation, o);
  y = g.node("multiply", name + ".gated", {left, g.node("sigmoid", name + ".sigmoid", {right})});
  y = norm(g, name + ".bn", prelu(g, name + ".prelu", y), o);
  return g.node("add", name + ".out", {x, pointwise(g, name + ".expand", y, g.channels(x))});
}

// The groups of S-TCMs on [1, 4 C], index c * 4 + f; the speaker joins the first of each group.
int stcns(GraphBuilder& g, const std::string& stage, int x, int speaker, const TeaPseOptions& o) {
  const int channels = g.channels(x);
  x = g.node("transpose", stage + ".flat.transposed", {x});
  x = g.node(
      "reshape", stage + ".flat", {x}, {{"bins", {1}}, {"channels", {kEncoderBins * channels}}});
  for (int group = 1; group <= o.stcns; ++group) {
    for (size_t k = 0; k < o.dilations.size(); ++k) {
      const std::string name =
          stage + ".stcm_" + std::to_string(group) + "_" + std::to_string(k + 1);
      const int joined = k == 0 ? g.node("concat", name + ".in", {x, speaker}) : x;
      x = stcm(g, name, x, joined, o.dilations[k], o);
    }
  }
  x = g.node("reshape",
             stage + ".unflat.transposed",
             {x},
             {{"bins", {channels}}, {"channels", {kEncoderBins}}});
  return g.node("transpose", stage + ".unflat", {x});
}

// Five transposed layers with skips and a layer to one channel: [161, 1].
int decoder(GraphBuilder& g,
            const std::string& name,
            int x,
            const std::vector<int>& skips,
            const TeaPseOptions& o) {
  for (int i = kLayers; i >= 1; --i) {
    const std::string layer = name + ".deconv2d_" + std::to_string(i);
    x = g.node("concat", layer + ".in", {x, skips[static_cast<size_t>(i) - 1]});
    x = conv2d_transposed(g, layer + ".conv", layer + ".conv", x, layer_sizes(i, o.channels));
    x = gated(g, layer, x, o);
  }
  return g.linear(name + ".out", name + ".out", x, o.channels, 1, 2);
}

// What a stage sees and its speaker to the output of each decoder.
std::vector<int> stage(GraphBuilder& g,
                       const std::string& name,
                       int x,
                       int speaker,
                       int first_level,
                       const std::vector<const char*>& decoders,
                       const TeaPseOptions& o) {
  std::vector<int> skips;
  for (int i = 1; i <= kLayers; ++i) {
    const std::string layer = name + ".conv2d_" + std::to_string(i);
    x = with_local(g, layer, x, first_level + i - 1, i == 1 ? 2 : o.channels, o);
    x = gate_conv(g, layer, i, x, o);
    skips.push_back(x);
  }
  x = stcns(g, name, x, speaker, o);
  std::vector<int> outputs;
  for (const char* part : decoders) {
    outputs.push_back(decoder(g, name + "." + part, x, skips, o));
  }
  return outputs;
}

// S |S|^(1/p - 1): the compression undone.
int expanded(GraphBuilder& g, int x, const TeaPseOptions& o) {
  if (o.compression == 1.0) {
    return x;
  }
  const auto exponent = static_cast<float>(1.0 / o.compression - 1.0);
  const int level = g.node("magnitude", "sep.estimate.mag", {x});
  const int gain = g.node("power", "sep.estimate.gain", {level}, {}, {{"exponent", {exponent}}});
  return g.node("multiply", "sep.expanded", {x, gain});
}

GraphDraft extract_graph(Weights& weights, const TeaPseOptions& o) {
  GraphBuilder g("extract", &weights);
  const Mixture mix = mixture(g, o);
  const int speaker = speaker_embedding(g, o.ecapa.embedding);
  const int magnitude = g.node("magnitude", "mix.mag", {mix.seen});
  int mask = stage(g, "sep.mag", magnitude, speaker, 0, {"mask"}, o)[0];
  mask = g.node("sigmoid", "sep.mask", {mask});
  const int coarse = g.node("multiply", "sep.coarse", {mix.seen, mask});
  const int feats = g.node("concat", "sep.com.feats", {mix.seen, coarse});
  const std::vector<int> parts = stage(g, "sep.com", feats, speaker, kLayers, {"real", "imag"}, o);
  int x = g.node("add", "sep.estimate", {coarse, g.node("concat", "sep.residual", parts)});
  x = expanded(g, x, o);
  output_samples(g, mix.gain < 0 ? x : g.node("divide", "sep.unscaled", {x, mix.gain}), o);
  return g.finish();
}

}  // namespace

ModelDraft build_tea_pse(Options& options, Weights& weights) {
  const TeaPseOptions o = read_options(options);
  const auto local = [&o](GraphBuilder& g, const Anchor& anchor) {
    local_network(g, "local.stage_1", 0, anchor, o);
    local_network(g, "local.stage_2", kLayers, anchor, o);
  };
  return extraction_model(o, enroll_graph(weights, o, 0, local), extract_graph(weights, o));
}

}  // namespace ligero
