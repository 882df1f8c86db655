// SPDX-License-Identifier: Apache-2.0
// What the convolutional recurrent networks share. Not: the layers themselves.
#include "model/systems/crn.h"

#include <utility>

namespace ligero {

void crn_local(GraphBuilder& g,
               int x,
               const std::vector<int>& channels,
               const EncoderLayer& layer) {
  for (int i = 1; i < kCrnLayers; ++i) {
    x = layer(g, "local.conv2d_" + std::to_string(i), x, channels[static_cast<size_t>(i) - 1]);
    keep_level(g, i, x);
  }
}

std::vector<int> crn_encoder(GraphBuilder& g,
                             int x,
                             int level0,
                             const std::vector<int>& channels,
                             const ExtractionOptions& o,
                             const EncoderLayer& layer) {
  std::vector<int> outputs;
  for (int i = 0; i < kCrnLayers; ++i) {
    const auto k = static_cast<size_t>(i);
    const std::string name = "sep.conv2d_" + std::to_string(i + 1);
    x = with_local(g, name, x, i, i > 0 ? channels[k - 1] : level0, o);
    x = layer(g, name, x, channels[k]);
    outputs.push_back(x);
  }
  return outputs;
}

int crn_flattened(GraphBuilder& g, int x, const ExtractionOptions& o) {
  const int size = g.bins(x) * g.channels(x);
  x = g.node("transpose", "sep.reshape_1.transposed", {x});
  x = g.node("reshape", "sep.reshape_1", {x}, {{"bins", {1}}, {"channels", {size}}});
  if (o.has_global()) {
    x = g.node("multiply", "sep.modulated", {x, speaker_embedding(g, size)});
  }
  return x;
}

int crn_unflattened(GraphBuilder& g, int x) {
  x = g.node("reshape",
             "sep.reshape_2.transposed",
             {x},
             {{"bins", {g.channels(x) / kCrnBins}}, {"channels", {kCrnBins}}});
  return g.node("transpose", "sep.reshape_2", {x});
}

int crn_decoder(GraphBuilder& g,
                int x,
                const std::vector<int>& skips,
                const std::vector<int>& channels,
                int outputs,
                const DecoderLayer& layer) {
  for (int i = kCrnLayers; i >= 1; --i) {
    const auto k = static_cast<size_t>(i);
    const std::string name = "sep.deconv2d_" + std::to_string(i);
    x = g.node("concat", name + ".in", {x, skips[k - 1]});
    DeconvShape shape;
    shape.outputs = i > 1 ? channels[k - 2] : outputs;
    shape.out_pad_f = i == 2 ? 1 : 0;  // 39 bins become 79 without it, and the skip has 80
    shape.last = i == 1;
    x = layer(g, name, x, shape);
  }
  return x;
}

FilterSize read_filter_size(Options filter) {
  FilterSize size;
  size.frames = filter.integer("frames", size.frames, {1, 31});
  size.bins = filter.integer("bins", size.bins, {1, 31});
  filter.finish();
  for (const auto& [key, value] :
       {std::pair{"frames", size.frames}, std::pair{"bins", size.bins}}) {
    if (value % 2 == 0) {
      filter.fail(key, std::to_string(value), "an odd integer");
    }
  }
  return size;
}

int filtered(GraphBuilder& g, int taps, int spectrum, FilterSize size, bool causal) {
  const int future = causal ? 0 : size.frames / 2;
  return g.node("deep_filter",
                "sep.filtered",
                {taps, spectrum},
                {{"kernel_t", {size.frames}},
                 {"kernel_f", {size.bins}},
                 {"past", {size.frames - 1 - future}},
                 {"future", {future}}});
}

}  // namespace ligero
