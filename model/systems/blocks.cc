// SPDX-License-Identifier: Apache-2.0
// Blocks of ECAPA-TDNN and of convolutional recurrent networks. Not: the ARN (arn.cc).
#include "model/systems/blocks.h"

namespace ligero {
namespace {

// Kernel 3 x 3, stride (1, 2) (spec 2.2).
constexpr ConvSizes kBlockSizes = {.kernel_t = 3, .kernel_f = 3, .stride_f = 2};

int bn_prelu(GraphBuilder& g, const std::string& name, int x, int channels, Slopes slopes) {
  x = g.batch_norm(name + ".bn", name + ".bn", x, channels);
  return g.prelu(name + ".prelu", name + ".prelu", x, slopes == Slopes::kChannel ? channels : 1);
}

}  // namespace

int conv_block(
    GraphBuilder& g, const std::string& name, int x, int outputs, Slopes slopes, bool causal) {
  ConvSizes sizes = kBlockSizes;
  sizes.outputs = outputs;
  sizes.causal = causal;
  x = conv2d(g, name + ".conv", name + ".conv", x, sizes);
  return bn_prelu(g, name, x, outputs, slopes);
}

int deconv_block(GraphBuilder& g,
                 const std::string& name,
                 int x,
                 DeconvShape shape,
                 LastActivation activation,
                 Slopes slopes,
                 bool causal) {
  ConvSizes sizes = kBlockSizes;
  sizes.outputs = shape.outputs;
  sizes.out_pad_f = shape.out_pad_f;
  sizes.causal = causal;
  x = conv2d_transposed(g, name + ".conv", name + ".conv", x, sizes);
  switch (activation) {
    case LastActivation::kBnPrelu:
      return bn_prelu(g, name, x, shape.outputs, slopes);
    case LastActivation::kTanh:
      return g.node("tanh", name + ".tanh", {x});
    case LastActivation::kLinear:
      return x;
  }
  return x;
}

int tdnn_block(GraphBuilder& g,
               const std::string& ck,
               const std::string& name,
               int x,
               TdnnShape shape,
               Edge edge) {
  const std::string conv = ck + ".conv.conv";
  if (shape.kernel == 1) {
    x = g.linear(conv, name + ".conv", x, g.channels(x), shape.outputs, 1);
  } else {
    const int inputs = g.channels(x);
    const std::vector<float> values =
        g.weights().take(conv + ".weight", {shape.outputs, inputs, shape.kernel});
    const int w = g.panels(conv + ".weight",
                           shape.kernel * inputs,
                           shape.outputs,
                           conv_panels(values, shape.outputs, inputs, shape.kernel));
    const int reach = (shape.kernel - 1) * shape.dilation / 2;
    x = g.node("conv2d",
               name + ".conv",
               {x, w, g.vector(conv + ".bias", shape.outputs)},
               {{"kernel_t", {shape.kernel}},
                {"kernel_f", {1}},
                {"dilation_t", {shape.dilation}},
                {"past", {reach}},
                {"future", {reach}},
                {"reflect_t", {edge == Edge::kReflect ? 1 : 0}}});
  }
  x = g.node("relu", name + ".relu", {x});
  return shape.norm ? g.batch_norm(ck + ".norm.norm", name + ".norm", x, shape.outputs) : x;
}

namespace {

// Chunk 0 passes; y1 = B1(x1), yi = Bi(xi + y(i-1)); the chunks joined.
int res2net(GraphBuilder& g,
            const std::string& ck,
            const std::string& name,
            int x,
            SeRes2Shape shape,
            Edge edge) {
  const int width = g.channels(x) / shape.scale;
  std::vector<int> joined;
  for (int j = 0; j < shape.scale; ++j) {
    const std::string chunk_name = name + "." + std::to_string(j);
    int y =
        g.node("slice", chunk_name + ".slice", {x}, {{"begin", {j * width}}, {"count", {width}}});
    if (j > 1) {
      y = g.node("add", chunk_name + ".in", {y, joined.back()});
    }
    if (j > 0) {
      y = tdnn_block(g,
                     ck + ".blocks." + std::to_string(j - 1),
                     chunk_name,
                     y,
                     {width, shape.kernel, shape.dilation},
                     edge);
    }
    joined.push_back(y);
  }
  return g.node("concat", name, joined);
}

int squeeze_excitation(
    GraphBuilder& g, const std::string& ck, const std::string& name, int x, int squeezed) {
  const int channels = g.channels(x);
  int s = g.node("time_mean", name + ".mean", {x});
  s = g.linear(ck + ".conv1.conv", name + ".conv1", s, channels, squeezed, 1);
  s = g.node("relu", name + ".relu", {s});
  s = g.linear(ck + ".conv2.conv", name + ".conv2", s, squeezed, channels, 1);
  s = g.node("sigmoid", name + ".sigmoid", {s});
  return g.node("multiply", name, {x, s});
}

}  // namespace

int se_res2_block(GraphBuilder& g,
                  const std::string& ck,
                  const std::string& name,
                  int x,
                  SeRes2Shape shape,
                  Edge edge) {
  const int channels = g.channels(x);
  int y = tdnn_block(g, ck + ".tdnn1", name + ".tdnn1", x, {channels}, edge);
  y = res2net(g, ck + ".res2net_block", name + ".res2net", y, shape, edge);
  y = tdnn_block(g, ck + ".tdnn2", name + ".tdnn2", y, {channels}, edge);
  y = squeeze_excitation(g, ck + ".se_block", name + ".se", y, shape.squeezed);
  return g.node("add", name, {x, y});
}

int attentive_pooling(GraphBuilder& g,
                      const std::string& ck,
                      const std::string& name,
                      int x,
                      PoolingShape shape,
                      Edge edge) {
  const int channels = g.channels(x);
  int y = x;
  if (shape.global_context) {
    const int mean = g.node("time_mean", name + ".mean", {x});
    const int deviation = g.node("time_std",
                                 name + ".std",
                                 {x, mean},
                                 {{"unbiased", {shape.unbiased ? 1 : 0}}},
                                 {{"epsilon", {shape.context_floor}}});
    y = g.node("concat", name + ".in", {x, mean, deviation});
  }
  y = shape.norm
          ? tdnn_block(g, ck + ".tdnn", name + ".tdnn", y, {shape.attention}, edge)
          : g.linear(
                ck + ".tdnn.conv.conv", name + ".tdnn.conv", y, g.channels(y), shape.attention, 1);
  y = g.node("tanh", name + ".tanh", {y});
  y = g.linear(ck + ".conv.conv", name + ".conv", y, shape.attention, channels, 1);
  const int weight = g.node("softmax", name + ".softmax", {y}, {{"axis", {0}}});
  const int mean = g.node("time_mean", name + ".w_mean", {x, weight});
  const int deviation =
      g.node("time_std", name + ".w_std", {x, mean, weight}, {}, {{"epsilon", {shape.floor}}});
  return g.node("concat", name + ".pool", {mean, deviation});
}

}  // namespace ligero
