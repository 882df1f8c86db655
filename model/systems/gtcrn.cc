// SPDX-License-Identifier: Apache-2.0
// GTCRN (Rong et al., 2024): a small denoiser that needs no speaker. Nodes and tensors have the
// names of its authors' checkpoint. Not: its reference (torch/ligero_torch/nets/gtcrn.py).
#include <iterator>
#include <vector>

#include "model/systems/blocks.h"
#include "model/systems/options.h"
#include "ops/options.h"

namespace ligero {
namespace {

constexpr int kRateHz = 16000;
constexpr int kWindow = 512;
constexpr int kHop = 256;
constexpr int kBins = kWindow / 2 + 1;
constexpr int kLow = 65;    // bins that stay as they are
constexpr int kBands = 64;  // of the bins above
constexpr int kChannels = 16;
constexpr int kHalf = kChannels / 2;
constexpr int kWidth = 33;  // bands after the encoder's two strides
constexpr int kNeighbours = 3;
constexpr float kPowerFloor = 1e-12f;
constexpr float kNormFloor = 1e-8f;
constexpr int kDilations[] = {1, 2, 5};
constexpr int kGroupBlocks = static_cast<int>(std::size(kDilations));
constexpr int kLayers = kGroupBlocks + 2;  // of the encoder, of the decoder

constexpr auto kShape = static_cast<int32_t>(WindowShape::kSqrtHann);
const Ints kWindows = {
    {"window", {kWindow}}, {"hop", {kHop}}, {"analysis", {kShape}}, {"synthesis", {kShape}}};

int slice(GraphBuilder& g, const std::string& name, int x, int begin, int count) {
  return g.node("slice", name, {x}, {{"begin", {begin}}, {"count", {count}}});
}

int reshape(GraphBuilder& g, const std::string& name, int x, int bins, int channels) {
  return g.node("reshape", name, {x}, {{"bins", {bins}}, {"channels", {channels}}});
}

// The first kLow bins of x and the others through the filters `ck`; bins are channels meanwhile.
int filtered(GraphBuilder& g, const std::string& name, int x, const std::string& ck, int to) {
  const int high = g.bins(x) - kLow;
  x = g.node("transpose", name + ".flat", {x});
  const int low = slice(g, name + ".low", x, 0, kLow);
  const int w = g.panels(
      ck + ".weight", high, to, transposed(g.weights().take(ck + ".weight", {to, high}), to, high));
  const int rest = g.node("linear", ck, {slice(g, name + ".high", x, kLow, high), w});
  x = g.node("concat", name + ".joined", {low, rest});
  return g.node("transpose", name, {x});
}

// Each channel with its two neighbours along bands, as a product with ones.
int neighbours(GraphBuilder& g, int x) {
  const int inputs = g.channels(x);
  const int outputs = kNeighbours * inputs;
  std::vector<float> w(static_cast<size_t>(outputs) * static_cast<size_t>(outputs), 0.0f);
  for (int k = 0; k < kNeighbours; ++k) {
    for (int c = 0; c < inputs; ++c) {
      w[static_cast<size_t>((k * inputs + c) * outputs + c * kNeighbours + k)] = 1.0f;
    }
  }
  const int panels = g.panels("neighbours.weight", outputs, outputs, std::move(w));
  return g.node("conv2d",
                "neighbours",
                {x, panels},
                {{"kernel_t", {1}}, {"kernel_f", {kNeighbours}}, {"pad_f", {1}}});
}

struct Strided {
  int outputs = kChannels;
  int groups = 1;
  bool deconv = false;
  bool last = false;
};

int strided_block(GraphBuilder& g, const std::string& name, int x, Strided shape) {
  ConvSizes sizes;
  sizes.outputs = shape.outputs;
  sizes.kernel_t = 1;
  sizes.kernel_f = 5;
  sizes.stride_f = 2;
  sizes.pad_f = 2;
  sizes.groups = shape.groups;
  const std::string conv = name + ".conv";
  x = shape.deconv ? conv2d_transposed(g, conv, conv, x, sizes) : conv2d(g, conv, conv, x, sizes);
  x = g.batch_norm(name + ".bn", name + ".bn", x, shape.outputs);
  return shape.last ? g.node("tanh", name, {x}) : g.prelu(name + ".act", name, x, 1);
}

// A 1 x 1 convolution of each channel and its neighbours: a kernel of three bands.
int point_conv1(GraphBuilder& g, const std::string& name, int x, bool deconv) {
  const int inputs = g.channels(x);
  const int taps = kNeighbours * inputs;
  const std::vector<float> w =
      deconv ? g.weights().take(name + ".weight", {taps, kChannels, 1, 1})
             : g.weights().take(name + ".weight", {kChannels, taps, 1, 1});
  std::vector<float> panels;
  for (int k = 0; k < kNeighbours; ++k) {
    for (int c = 0; c < inputs; ++c) {
      for (int o = 0; o < kChannels; ++o) {
        const int from = c * kNeighbours + k;
        panels.push_back(
            w[static_cast<size_t>(deconv ? from * kChannels + o : o * taps + from)]);
      }
    }
  }
  const int weight = g.panels(name + ".weight", taps, kChannels, std::move(panels));
  return g.node("conv2d",
                name,
                {x, weight, g.vector(name + ".bias", kChannels)},
                {{"kernel_t", {1}}, {"kernel_f", {kNeighbours}}, {"pad_f", {1}}});
}

int point_conv2(GraphBuilder& g, const std::string& name, int x, bool deconv) {
  if (!deconv) {
    return g.linear(name, name, x, kChannels, kHalf, 2);
  }
  const int w = g.panels(name + ".weight",
                         kChannels,
                         kHalf,
                         g.weights().take(name + ".weight", {kChannels, kHalf, 1, 1}));
  return g.node("linear", name, {x, w, g.vector(name + ".bias", kHalf)});
}

int depth_conv(GraphBuilder& g, const std::string& name, int x, int dilation, bool deconv) {
  ConvSizes sizes;
  sizes.outputs = kChannels;
  sizes.dilation_t = dilation;
  sizes.pad_f = 1;
  sizes.groups = kChannels;
  sizes.causal = true;
  return deconv ? conv2d_backwards(g, name, name, x, sizes) : conv2d(g, name, name, x, sizes);
}

// Temporal recurrent attention: a gain for each channel and frame, from the energy over bands.
int attention(GraphBuilder& g, const std::string& name, int x) {
  const int bands = g.bins(x);
  int y = g.node("square", name + ".square", {x});
  y = reshape(g, name + ".flat", y, 1, bands * kHalf);
  y = g.node("sum_chunks", name + ".sum", {y}, {{"chunks", {bands}}});
  const std::vector<float> share(kHalf, 1.0f / static_cast<float>(bands));
  y = g.node("multiply", name + ".energy", {y, g.vector(name + ".share", share)});
  y = recurrent(g,
                name + ".att_gru",
                name + ".att_gru",
                y,
                {.hidden = 2 * kHalf, .cell = Cell::kGru});
  y = g.linear(name + ".att_fc", name + ".att_fc", y, 2 * kHalf, kHalf);
  return g.node("multiply", name, {x, g.node("sigmoid", name + ".gain", {y})});
}

// Half of the channels through a dilated convolution; then both halves are interleaved.
int group_block(GraphBuilder& g, const std::string& name, int x, int dilation, bool deconv) {
  const int rest = slice(g, name + ".rest", x, kHalf, kHalf);
  const auto norm = [&](const std::string& bn, int y) {
    return g.batch_norm(name + bn, name + bn, y, g.channels(y));
  };
  int y = slice(g, name + ".first", x, 0, kHalf);
  y = norm(".point_bn1", point_conv1(g, name + ".point_conv1", y, deconv));
  y = g.prelu(name + ".point_act", name + ".point_act", y, 1);
  y = norm(".depth_bn", depth_conv(g, name + ".depth_conv", y, dilation, deconv));
  y = g.prelu(name + ".depth_act", name + ".depth_act", y, 1);
  y = norm(".point_bn2", point_conv2(g, name + ".point_conv2", y, deconv));
  y = attention(g, name + ".tra", y);
  y = g.node("concat", name + ".halves", {y, rest});
  return g.node("channel_shuffle", name, {y}, {{"groups", {2}}});
}

// `x` plus what two GRUs, each over half of the channels, a linear layer and a norm over bands and
// channels make of it.
int dual_path_half(GraphBuilder& g, const std::string& name, int x, const RecurrentShape& shape) {
  std::vector<int> halves;
  for (int i = 0; i < 2; ++i) {
    const std::string rnn = name + "_rnn.rnn" + std::to_string(i + 1);
    halves.push_back(
        recurrent(g, rnn, rnn, slice(g, rnn + ".in", x, i * kHalf, kHalf), shape));
  }
  int y = g.node("concat", name + "_rnn", halves);
  y = g.linear(name + "_fc", name + "_fc", y, kChannels, kChannels);
  const auto values = [&](const std::string& key) {
    const std::string full = name + "_ln" + key;
    return g.matrix(full, kWidth, kChannels, g.weights().take(full, {kWidth, kChannels}));
  };
  y = g.node("layer_norm",
             name + "_ln",
             {y, values(".weight"), values(".bias")},
             {{"joint", {1}}},
             {{"epsilon", {kNormFloor}}});
  return g.node("add", name + "_out", {x, y});
}

int dual_path(GraphBuilder& g, const std::string& name, int x) {
  x = dual_path_half(
      g,
      name + ".intra",
      x,
      {.hidden = kHalf / 2, .both_ways = true, .axis = Axis::kBins, .cell = Cell::kGru});
  return dual_path_half(g, name + ".inter", x, {.hidden = kHalf, .cell = Cell::kGru});
}

std::vector<int> encoder(GraphBuilder& g, int x) {
  std::vector<int> levels;
  for (int i = 0; i < kLayers; ++i) {
    const std::string name = "encoder.en_convs." + std::to_string(i);
    x = i < 2 ? strided_block(g, name, x, {.groups = i + 1})
              : group_block(g, name, x, kDilations[i - 2], false);
    levels.push_back(x);
  }
  return levels;
}

int decoder(GraphBuilder& g, int x, const std::vector<int>& levels) {
  for (int i = 0; i < kLayers; ++i) {
    const std::string name = "decoder.de_convs." + std::to_string(i);
    x = g.node("add", name + ".in", {x, levels[static_cast<size_t>(kLayers - 1 - i)]});
    if (i < kGroupBlocks) {
      x = group_block(g, name, x, kDilations[kGroupBlocks - 1 - i], true);
    } else if (i + 1 < kLayers) {
      x = strided_block(g, name, x, {.groups = 2, .deconv = true});
    } else {
      x = strided_block(g, name, x, {.outputs = 2, .deconv = true, .last = true});
    }
  }
  return x;
}

// Checkpoints that its authors make of this one, or have made since, are named as such.
void check_version(Weights& weights) {
  if (weights.has_any("encoder.en_convs.2.depth_conv.Conv2d.")) {
    weights.complain(
        "this checkpoint is of StreamGTCRN, which its authors convert from GTCRN's; expected GTCRN's "
        "own (encoder.en_convs.2.depth_conv.weight)");
  } else if (!weights.has("erb.erb_fc.weight") || !weights.has("dpgrnn2.inter_ln.weight")) {
    weights.complain(
        "this checkpoint is not of the GTCRN of Xiaobin-Rong/gtcrn at 3862c44; "
        "expected its erb, encoder, dpgrnn1, dpgrnn2 and decoder");
  }
}

}  // namespace

ModelDraft build_gtcrn(Options& options, Weights& weights) {
  options.integer("sample_rate", kRateHz, {kRateHz, kRateHz});
  options.integer("window", kWindow, {kWindow, kWindow});
  options.integer("hop", kHop, {kHop, kHop});
  options.finish();
  check_version(weights);
  GraphBuilder g("extract", &weights);
  const int spectrum = g.node("stft", "mix.stft", {g.sequence("mix_hops", 1, kHop)}, kWindows);
  const int magnitude =
      g.node("magnitude", "mix.magnitude", {spectrum}, {}, {{"floor", {kPowerFloor}}});
  int x = g.node("concat", "mix.features", {magnitude, spectrum});
  x = neighbours(g, filtered(g, "erb.bands", x, "erb.erb_fc", kBands));
  const std::vector<int> levels = encoder(g, x);
  x = dual_path(g, "dpgrnn2", dual_path(g, "dpgrnn1", levels.back()));
  x = decoder(g, x, levels);
  x = filtered(g, "mask", x, "erb.ierb_fc", kBins - kLow);
  x = g.node("complex_multiply", "sep.masked", {x, spectrum});
  g.output(g.node("istft", "sep.istft", {x}, kWindows));
  ModelDraft model;
  model.graphs.push_back(g.finish());
  model.hop_samples = kHop;
  return model;
}

}  // namespace ligero
