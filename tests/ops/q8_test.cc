// SPDX-License-Identifier: Apache-2.0
// The products with int8 weights: equal to themselves in float on values rounded as int8 rounds
// them, frame by frame as whole. Not: the variants (tests/kernels).
#include <doctest/doctest.h>

#include "tests/ops/products_oracle.h"
#include "tests/support/close.h"
#include "tests/support/op_harness.h"
#include "tests/support/panels.h"
#include "tests/support/random.h"
#include "tests/support/threads.h"

using namespace ligero;
using namespace ligero::testing;

namespace {

struct Product {
  const char* op = "linear";
  int frames = 20;
  int bins = 1;
  int channels = 8;
  int outputs = 17;  // of a group
  int groups = 1;
  int taps = 1;  // kernel_t * kernel_f
  std::vector<std::pair<const char*, int>> attributes;
  bool streams = true;
  int inner() const {
    return taps * channels;
  }
};

OpHarness make(const Product& p, const Floats& x, const Floats& w, const Floats& bias, Type type) {
  OpHarness h(p.op);
  h.sequence(p.bins, p.channels, x).panels(p.inner(), p.outputs, w, type);
  h.weight({p.outputs * p.groups}, bias);
  for (const auto& [name, value] : p.attributes) {
    h.ints(name, {value});
  }
  return h;
}

void check(const Product& p) {
  Random random(static_cast<uint64_t>(p.inner() * 131 + p.outputs));
  const auto frame = static_cast<size_t>(p.bins * p.channels);
  Floats x = random.floats(static_cast<size_t>(p.frames) * frame);
  for (size_t i = 0; i < frame; ++i) {
    x[i] *= 1e-3f;       // frames of their own scale
    x[i + frame] = 0.0f;  // and none
  }
  const Floats w = random.floats(static_cast<size_t>(p.inner() * p.outputs));
  const Floats bias = random.floats(static_cast<size_t>(p.outputs * p.groups));
  OpHarness q8 = make(p, x, w, bias, Type::kQ8);
  OpHarness same = make(p,
                        rounded_rows_to_q8(x, frame),
                        rounded_columns_to_q8(w, p.inner(), p.outputs),
                        bias,
                        Type::kF32);
  INFO(std::string(p.op), " inner ", p.inner(), " outputs ", p.outputs, " frames ", p.frames);
  const Floats whole = q8.run();
  CHECK(difference(whole, same.run(), 3e-6) == "");
  if (p.streams) {
    CHECK(q8.run(1) == whole);
    CHECK(q8.run(4) == whole);
  }
  Threads threads(3);
  CHECK(q8.pool(&threads).run() == whole);
}

}  // namespace

TEST_CASE("int8: linear equals float on the rounded values, for all sizes") {
  for (int channels : {4, 8, 64, 68, 1024}) {
    for (int outputs : {1, 16, 17, 33, 64, 130}) {
      for (int bins : {1, 5}) {
        Product p;
        p.channels = channels;
        p.outputs = outputs;
        p.bins = bins;
        check(p);
      }
    }
  }
}

TEST_CASE("int8: conv2d keeps a scale for each tap in time, padded, dilated, mirrored") {
  Product p;
  p.op = "conv2d";
  p.bins = 21;
  p.taps = 9;
  for (int past : {0, 1, 2}) {
    p.attributes = {{"kernel_t", 3}, {"kernel_f", 3}, {"stride_f", 2}, {"past", past},
                    {"future", 2 - past}};
    check(p);
    p.attributes.push_back({"pad_f", 1});
    check(p);
  }
  p.frames = 300;  // several chunks
  p.bins = 65;
  p.attributes = {{"kernel_t", 3}, {"kernel_f", 3}, {"dilation_t", 4}, {"past", 4}, {"future", 4}};
  check(p);
  p.bins = 1;
  p.taps = 3;
  p.streams = false;
  for (int frames : {2, 3, 9, 130}) {
    p.frames = frames;
    p.attributes = {{"kernel_t", 3}, {"kernel_f", 1}, {"dilation_t", 4}, {"past", 4},
                    {"future", 4}, {"reflect_t", 1}};
    check(p);
  }
}

TEST_CASE("int8: conv2d_transposed, every phase") {
  for (int stride : {1, 2, 3}) {
    Product p;
    p.op = "conv2d_transposed";
    p.bins = 7;
    p.taps = 9;
    p.attributes = {{"kernel_t", 3}, {"kernel_f", 3}, {"stride_f", stride}, {"past", 2},
                    {"future", 0}, {"out_pad_f", stride - 1}};
    check(p);
  }
}

TEST_CASE("int8: convolutions in groups round a frame once for all of them") {
  for (const int groups : {2, 3}) {
    for (const int outputs : {8, 17}) {
      Product p;
      p.channels = 8 * groups;
      p.outputs = outputs;
      p.groups = groups;
      p.bins = 21;
      p.taps = 15;
      for (const char* op : {"conv2d", "conv2d_transposed"}) {
        p.op = op;
        p.attributes = {{"kernel_t", 3}, {"kernel_f", 5}, {"stride_f", 2}, {"pad_f", 2},
                        {"past", 2},     {"future", 0},   {"groups", groups}};
        check(p);
      }
      p.op = "conv2d";
      p.attributes = {{"kernel_t", 3}, {"kernel_f", 5},   {"dilation_t", 5}, {"pad_f", 2},
                      {"past", 10},    {"groups", groups}};
      p.frames = 90;  // several chunks
      check(p);
      p.frames = 20;
      p.taps = 1;
      p.attributes = {{"kernel_t", 1}, {"kernel_f", 1}, {"groups", groups}};
      check(p);
    }
  }
  OpHarness h("conv2d");
  h.sequence(5, 12, Floats(60)).panels(12, 2, Floats(24, 1.0f), Type::kQ8);
  h.ints("kernel_t", {1}).ints("kernel_f", {1}).ints("groups", {2});
  CHECK(std::string(h.infer().message).find("multiple of 4") != std::string::npos);
}

namespace {

struct Layer {
  int frames = 70;
  int bins = 1;
  int channels = 8;
  int hidden = 20;
  int axis = 0;
  int reverse = 0;
};

/// PyTorch's LSTM with the hidden vectors of a step rounded to int8 before their product: along time
/// those of a frame's bins with one scale, along bins each frame's by itself.
Doubles lstm(const Layer& l, const Floats& x, const Floats& ih, const Floats& hh, const Floats& bias) {
  const auto hidden = static_cast<size_t>(l.hidden);
  const auto channels = static_cast<size_t>(l.channels);
  const size_t gates = 4 * hidden;
  const int steps = l.axis == 0 ? l.frames : l.bins;
  const int sequences = l.axis == 0 ? l.bins : l.frames;
  const auto count = static_cast<size_t>(sequences);
  Doubles y(static_cast<size_t>(l.frames * l.bins) * hidden);
  Floats h(count * hidden, 0.0f);
  Doubles c(count * hidden, 0.0);
  for (int i = 0; i < steps; ++i) {
    const Floats q = rounded_rows_to_q8(h, l.axis == 0 ? h.size() : hidden);
    const auto at = static_cast<size_t>(l.reverse != 0 ? steps - 1 - i : i);
    for (size_t s = 0; s < count; ++s) {
      const size_t row = l.axis == 0 ? at * count + s : s * static_cast<size_t>(steps) + at;
      Doubles z(bias.begin(), bias.end());
      for (size_t g = 0; g < gates; ++g) {
        for (size_t k = 0; k < channels; ++k) {
          z[g] += static_cast<double>(x[row * channels + k]) * static_cast<double>(ih[k * gates + g]);
        }
        for (size_t k = 0; k < hidden; ++k) {
          z[g] += static_cast<double>(q[s * hidden + k]) * static_cast<double>(hh[k * gates + g]);
        }
      }
      for (size_t u = 0; u < hidden; ++u) {
        double& memory = c[s * hidden + u];
        memory = sigmoid(z[hidden + u]) * memory + sigmoid(z[u]) * std::tanh(z[2 * hidden + u]);
        y[row * hidden + u] = sigmoid(z[3 * hidden + u]) * std::tanh(memory);
        h[s * hidden + u] = static_cast<float>(y[row * hidden + u]);
      }
    }
  }
  return y;
}

}  // namespace

TEST_CASE("int8: lstm rounds its input by the frame and its state at every step") {
  for (int kind : {0, 1, 2}) {  // along time of one bin, of several, along bins
    const int axis = kind / 2;
    for (int reverse : {0, 1}) {
      for (int hidden : {4, 20, 64}) {
        Layer l;
        l.axis = axis;
        l.reverse = reverse;
        l.hidden = hidden;
        l.bins = kind == 0 ? 1 : 13;
        Random random(static_cast<uint64_t>(hidden));
        const auto frame = static_cast<size_t>(l.bins * l.channels);
        const int gates = 4 * hidden;
        const Floats x = random.floats(static_cast<size_t>(l.frames) * frame);
        const Floats ih = random.floats(static_cast<size_t>(l.channels * gates), -0.5f, 0.5f);
        const Floats hh = random.floats(static_cast<size_t>(hidden * gates), -0.2f, 0.2f);
        const Floats bias = random.floats(static_cast<size_t>(gates));
        OpHarness h("lstm");
        h.sequence(l.bins, l.channels, x).panels(l.channels, gates, ih, Type::kQ8);
        h.panels(hidden, gates, hh, Type::kQ8).weight({gates}, bias);
        h.ints("axis", {axis}).ints("reverse", {reverse});
        const Floats whole = h.run();
        // A state beside the middle of two int8 values may round either way.
        const double step = 1.0 / 127.0 * 0.2 * 4;
        CHECK(difference(whole,
                         lstm(l,
                              rounded_rows_to_q8(x, frame),
                              rounded_columns_to_q8(ih, l.channels, gates),
                              rounded_columns_to_q8(hh, hidden, gates),
                              bias),
                         step) == "");
        if (axis == 1 || reverse == 0) {
          CHECK(h.run(1) == whole);
          CHECK(h.run(7) == whole);
        }
      }
    }
  }
}

TEST_CASE("int8: gru streams as it runs whole") {
  for (int bins : {1, 32}) {
    Random random(8);
    OpHarness h("gru");
    h.sequence(bins, 12, random.floats(static_cast<size_t>(50 * 12 * bins)));
    h.panels(12, 60, random.floats(12 * 60), Type::kQ8);
    h.panels(20, 60, random.floats(20 * 60), Type::kQ8);
    h.weight({60}, random.floats(60)).weight({60}, random.floats(60));
    const Floats whole = h.run();
    CHECK(h.run(1) == whole);
  }
}

TEST_CASE("int8: a number of channels that is no multiple of 4 is refused") {
  OpHarness h("linear");
  h.sequence(1, 6, Floats(60)).panels(6, 5, Floats(30, 1.0f), Type::kQ8);
  const Status status = h.infer();
  CHECK(status.code == Code::kUnsupportedModel);
  CHECK(std::string(status.message).find("multiple of 4") != std::string::npos);
}

TEST_CASE("int8: bias maps of constants take no int8") {
  OpHarness h("conv2d_map");
  h.constant(9, 4, Floats(36, 1.0f)).panels(36, 5, Floats(180, 1.0f), Type::kQ8);
  h.ints("kernel_t", {3}).ints("kernel_f", {3}).ints("past", {1}).ints("future", {1});
  CHECK(h.infer().code == Code::kUnsupportedModel);
}
