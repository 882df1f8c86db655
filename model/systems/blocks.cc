// Blocks of ECAPA-TDNN and of convolutional recurrent networks. Not: the ARN (arn.cc).
#include "model/systems/blocks.h"

namespace ligero {
namespace {

// PyTorch [outputs, inputs, kernel_t, kernel_f] -> [kernel_t * kernel_f * inputs, outputs].
std::vector<float> conv_panels(const std::vector<float>& w, int outputs, int inputs, int taps) {
  const auto o_count = static_cast<size_t>(outputs);
  const auto c_count = static_cast<size_t>(inputs);
  const auto k_count = static_cast<size_t>(taps);
  std::vector<float> out(w.size());
  for (size_t o = 0; o < o_count; ++o) {
    for (size_t c = 0; c < c_count; ++c) {
      for (size_t k = 0; k < k_count; ++k) {
        out[(k * c_count + c) * o_count + o] = w[(o * c_count + c) * k_count + k];
      }
    }
  }
  return out;
}

// PyTorch [inputs, outputs, kernel_t, kernel_f] -> rows (phase, frame, tap, input) as in
// ops/OPS.md: the kernel runs backwards in time, and within a phase the taps go by ascending input
// bin.
std::vector<float> deconv_panels(const std::vector<float>& w, int outputs, int inputs) {
  constexpr int kK = kConvKernel;
  std::vector<float> out;
  out.reserve(w.size());
  for (int phase = 0; phase < kConvStride; ++phase) {
    for (int frame = 0; frame < kK; ++frame) {
      const int kt = kK - 1 - frame;
      const int last = phase + (kK - 1 - phase) / kConvStride * kConvStride;
      for (int kf = last; kf >= 0; kf -= kConvStride) {
        for (int c = 0; c < inputs; ++c) {
          for (int o = 0; o < outputs; ++o) {
            out.push_back(w[static_cast<size_t>(((c * outputs + o) * kK + kt) * kK + kf)]);
          }
        }
      }
    }
  }
  return out;
}

int bn_prelu(GraphBuilder& g, const std::string& name, int x, int channels, Slopes slopes) {
  x = g.batch_norm(name + ".bn", name + ".bn", x, channels);
  return g.prelu(name + ".prelu", name + ".prelu", x, slopes == Slopes::kChannel ? channels : 1);
}

}  // namespace

TimePadding conv_padding(bool causal) {
  return causal ? TimePadding{kConvKernel - 1, 0} : TimePadding{1, 1};
}

int conv_block(GraphBuilder& g,
               const std::string& name,
               int x,
               int outputs,
               TimePadding padding,
               Slopes slopes) {
  const std::string ck = name + ".conv";
  const int inputs = g.channels(x);
  const std::vector<float> values =
      g.weights().take(ck + ".weight", {outputs, inputs, kConvKernel, kConvKernel});
  constexpr int kTaps = kConvKernel * kConvKernel;
  const int w = g.panels(
      ck + ".weight", kTaps * inputs, outputs, conv_panels(values, outputs, inputs, kTaps));
  x = g.node("conv2d",
             ck,
             {x, w, g.vector(ck + ".bias", outputs)},
             {{"kernel_t", {kConvKernel}},
              {"kernel_f", {kConvKernel}},
              {"stride_f", {kConvStride}},
              {"past", {padding.past}},
              {"future", {padding.future}}});
  return bn_prelu(g, name, x, outputs, slopes);
}

int deconv_block(GraphBuilder& g,
                 const std::string& name,
                 int x,
                 DeconvShape shape,
                 TimePadding padding,
                 LastActivation activation,
                 Slopes slopes) {
  const std::string ck = name + ".conv";
  const int inputs = g.channels(x);
  const std::vector<float> values =
      g.weights().take(ck + ".weight", {inputs, shape.outputs, kConvKernel, kConvKernel});
  const int w = g.panels(ck + ".weight",
                         kConvKernel * kConvKernel * inputs,
                         shape.outputs,
                         deconv_panels(values, shape.outputs, inputs));
  x = g.node("conv2d_transposed",
             ck,
             {x, w, g.vector(ck + ".bias", shape.outputs)},
             {{"kernel_t", {kConvKernel}},
              {"kernel_f", {kConvKernel}},
              {"stride_f", {kConvStride}},
              {"out_pad_f", {shape.out_pad_f}},
              {"past", {padding.past}},
              {"future", {padding.future}}});
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
