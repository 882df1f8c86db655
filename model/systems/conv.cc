// Convolutions from a checkpoint's tensors. Not: what follows them.
#include "model/systems/conv.h"

namespace ligero {
namespace {

// PyTorch [inputs, outputs, kernel_t, kernel_f] -> rows (phase, frame, tap, input) as in
// ops/OPS.md: the kernel runs backwards in time, and within a phase the taps go by ascending input
// bin.
std::vector<float> deconv_panels(const std::vector<float>& w, int inputs, const ConvSizes& s) {
  std::vector<float> out;
  out.reserve(w.size());
  for (int phase = 0; phase < s.stride_f; ++phase) {
    for (int kt = s.kernel_t - 1; kt >= 0; --kt) {
      const int last = phase + (s.kernel_f - 1 - phase) / s.stride_f * s.stride_f;
      for (int kf = last; kf >= 0; kf -= s.stride_f) {
        for (int c = 0; c < inputs; ++c) {
          for (int o = 0; o < s.outputs; ++o) {
            const int row = (c * s.outputs + o) * s.kernel_t + kt;
            out.push_back(w[static_cast<size_t>(row * s.kernel_f + kf)]);
          }
        }
      }
    }
  }
  return out;
}

std::vector<int> inputs_of(
    GraphBuilder& g, const std::string& ck, int x, int weight, const ConvSizes& s) {
  std::vector<int> inputs = {x, weight};
  if (s.bias) {
    inputs.push_back(g.vector(ck + ".bias", s.outputs));
  }
  return inputs;
}

// Attributes that both kinds have.
Ints attributes(const ConvSizes& s) {
  const TimePadding time = time_padding(s);
  return {{"kernel_t", {s.kernel_t}},
          {"kernel_f", {s.kernel_f}},
          {"stride_f", {s.stride_f}},
          {"past", {time.past}},
          {"future", {time.future}}};
}

}  // namespace

TimePadding time_padding(const ConvSizes& sizes) {
  const int reach = sizes.dilation_t * (sizes.kernel_t - 1);
  const int future = sizes.causal ? 0 : reach / 2;
  return {reach - future, future};
}

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

int conv2d(
    GraphBuilder& g, const std::string& ck, const std::string& name, int x, const ConvSizes& s) {
  const int inputs = g.channels(x);
  const int taps = s.kernel_t * s.kernel_f;
  const std::vector<float> values =
      g.weights().take(ck + ".weight", {s.outputs, inputs, s.kernel_t, s.kernel_f});
  const int w = g.panels(
      ck + ".weight", taps * inputs, s.outputs, conv_panels(values, s.outputs, inputs, taps));
  Ints ints = attributes(s);
  if (s.dilation_t > 1) {
    ints["dilation_t"] = {s.dilation_t};
  }
  if (s.pad_f > 0) {
    ints["pad_f"] = {s.pad_f};
  }
  return g.node("conv2d", name, inputs_of(g, ck, x, w, s), ints);
}

int conv2d_transposed(
    GraphBuilder& g, const std::string& ck, const std::string& name, int x, const ConvSizes& s) {
  const int inputs = g.channels(x);
  const std::vector<float> values =
      g.weights().take(ck + ".weight", {inputs, s.outputs, s.kernel_t, s.kernel_f});
  const int w = g.panels(ck + ".weight",
                         s.kernel_t * s.kernel_f * inputs,
                         s.outputs,
                         deconv_panels(values, inputs, s));
  Ints ints = attributes(s);
  ints["out_pad_f"] = {s.out_pad_f};
  return g.node("conv2d_transposed", name, inputs_of(g, ck, x, w, s), ints);
}

}  // namespace ligero
