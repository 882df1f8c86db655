// SPDX-License-Identifier: Apache-2.0
// Convolutions from a checkpoint's tensors. Not: what follows them.
#include "model/systems/conv.h"

namespace ligero {
namespace {

// PyTorch [inputs, outputs of a group, kernel_t, kernel_f] -> rows (group, phase, frame, tap, input)
// as in ops/OPS.md: the kernel runs backwards in time, and within a phase the taps go by ascending
// input bin.
std::vector<float> deconv_panels(const std::vector<float>& w, int inputs, const ConvSizes& s) {
  std::vector<float> out;
  out.reserve(w.size());
  const int outputs = s.outputs / s.groups;
  const auto add = [&](int first, int kt, int kf) {
    for (int c = first; c < first + inputs / s.groups; ++c) {
      for (int o = 0; o < outputs; ++o) {
        const int row = (c * outputs + o) * s.kernel_t + kt;
        out.push_back(w[static_cast<size_t>(row * s.kernel_f + kf)]);
      }
    }
  };
  for (int group = 0; group < s.groups; ++group) {
    for (int phase = 0; phase < s.stride_f; ++phase) {
      for (int kt = s.kernel_t - 1; kt >= 0; --kt) {
        const int last = phase + (s.kernel_f - 1 - phase) / s.stride_f * s.stride_f;
        for (int kf = last; kf >= 0; kf -= s.stride_f) {
          add(group * (inputs / s.groups), kt, kf);
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
  Ints ints = {{"kernel_t", {s.kernel_t}},
               {"kernel_f", {s.kernel_f}},
               {"stride_f", {s.stride_f}},
               {"past", {time.past}},
               {"future", {time.future}}};
  if (s.pad_f > 0) {
    ints["pad_f"] = {s.pad_f};
  }
  if (s.groups > 1) {
    ints["groups"] = {s.groups};
  }
  return ints;
}

// The node of kernel `w`, PyTorch [outputs, inputs of a group, kernel_t, kernel_f].
int conv2d_of(GraphBuilder& g,
              const std::vector<float>& w,
              const std::string& ck,
              const std::string& name,
              int x,
              const ConvSizes& s) {
  const int taps = s.kernel_t * s.kernel_f;
  const int inputs = g.channels(x) / s.groups;
  const int outputs = s.outputs / s.groups;
  std::vector<float> rows;
  for (int group = 0; group < s.groups; ++group) {
    const auto first = w.begin() + group * taps * inputs * outputs;
    const std::vector<float> of_group(first, first + taps * inputs * outputs);
    const std::vector<float> panels = conv_panels(of_group, outputs, inputs, taps);
    rows.insert(rows.end(), panels.begin(), panels.end());
  }
  const int weight = g.panels(ck + ".weight", s.groups * taps * inputs, outputs, std::move(rows));
  Ints ints = attributes(s);
  if (s.dilation_t > 1) {
    ints["dilation_t"] = {s.dilation_t};
  }
  return g.node("conv2d", name, inputs_of(g, ck, x, weight, s), ints);
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
  const int inputs = g.channels(x) / s.groups;
  const std::vector<float> w =
      g.weights().take(ck + ".weight", {s.outputs, inputs, s.kernel_t, s.kernel_f});
  return conv2d_of(g, w, ck, name, x, s);
}

int conv2d_backwards(
    GraphBuilder& g, const std::string& ck, const std::string& name, int x, const ConvSizes& s) {
  const int taps = s.kernel_t * s.kernel_f;
  const int inputs = g.channels(x) / s.groups;
  const int outputs = s.outputs / s.groups;
  const std::vector<float> w =
      g.weights().take(ck + ".weight", {g.channels(x), outputs, s.kernel_t, s.kernel_f});
  std::vector<float> turned(w.size());
  for (int c = 0; c < g.channels(x); ++c) {
    for (int o = 0; o < outputs; ++o) {
      for (int k = 0; k < taps; ++k) {
        const int to = ((c / inputs * outputs + o) * inputs + c % inputs) * taps + taps - 1 - k;
        turned[static_cast<size_t>(to)] = w[static_cast<size_t>((c * outputs + o) * taps + k)];
      }
    }
  }
  return conv2d_of(g, turned, ck, name, x, s);
}

int conv2d_transposed(
    GraphBuilder& g, const std::string& ck, const std::string& name, int x, const ConvSizes& s) {
  const int inputs = g.channels(x);
  const std::vector<float> values =
      g.weights().take(ck + ".weight", {inputs, s.outputs / s.groups, s.kernel_t, s.kernel_f});
  const int w = g.panels(ck + ".weight",
                         s.kernel_t * s.kernel_f * inputs,
                         s.outputs / s.groups,
                         deconv_panels(values, inputs, s));
  Ints ints = attributes(s);
  ints["out_pad_f"] = {s.out_pad_f};
  return g.node("conv2d_transposed", name, inputs_of(g, ck, x, w, s), ints);
}

}  // namespace ligero
