// SPDX-License-Identifier: Apache-2.0
// conv2d and its bias maps against plain loops; frame by frame against whole. Not: the product.
#include <doctest/doctest.h>

#include "tests/ops/products_oracle.h"
#include "tests/support/close.h"
#include "tests/support/op_harness.h"
#include "tests/support/random.h"
#include "tests/support/threads.h"

using namespace ligero;
using namespace ligero::testing;

namespace {

struct Conv {
  int frames = 7;
  int bins = 9;
  int channels = 4;
  int outputs = 18;
  int kernel_t = 1;
  int kernel_f = 1;
  int stride_f = 1;
  int dilation_t = 1;
  int dilation_f = 1;
  int pad_f = 0;
  int past = 0;
  bool reflect = false;
  int groups = 1;

  int extent_t() const {
    return dilation_t * (kernel_t - 1);
  }
  int out_bins() const {
    return (bins + 2 * pad_f - dilation_f * (kernel_f - 1) - 1) / stride_f + 1;
  }
  int inner() const {
    return kernel_t * kernel_f * channels;
  }
};

/// The frame that is read for `frame`, or -1 for zeros.
int source(const Conv& c, int frame) {
  if (c.reflect) {
    if (frame < 0) {
      frame = -frame;
    }
    return frame >= c.frames ? 2 * (c.frames - 1) - frame : frame;
  }
  return frame >= 0 && frame < c.frames ? frame : -1;
}

double tap(const Conv& c, const Floats& x, const Floats& w, int frame, int bin, int row, int o) {
  if (frame < 0 || bin < 0 || bin >= c.bins) {
    return 0;
  }
  double sum = 0;
  const int inputs = c.channels / c.groups;
  const int outputs = c.outputs / c.groups;
  const int group = o / outputs;
  for (int ch = 0; ch < inputs; ++ch) {
    const int from = (frame * c.bins + bin) * c.channels + group * inputs + ch;
    const int by = ((group * c.kernel_t * c.kernel_f + row) * inputs + ch) * outputs + o % outputs;
    sum += static_cast<double>(x[static_cast<size_t>(from)]) *
           static_cast<double>(w[static_cast<size_t>(by)]);
  }
  return sum;
}

Doubles oracle(
    const Conv& c, const Floats& x, const Floats& w, const Epilogue& e, const Floats& map) {
  Doubles y;
  for (int t = 0; t < c.frames; ++t) {
    for (int b = 0; b < c.out_bins(); ++b) {
      for (int o = 0; o < c.outputs; ++o) {
        double sum = 0;
        for (int i = 0; i < c.kernel_t; ++i) {
          const int frame = source(c, t + i * c.dilation_t - c.past);
          for (int j = 0; j < c.kernel_f; ++j) {
            const int bin = b * c.stride_f + j * c.dilation_f - c.pad_f;
            sum += tap(c, x, w, frame, bin, i * c.kernel_f + j, o);
          }
          if (!map.empty() && frame >= 0) {
            sum += static_cast<double>(
                map[static_cast<size_t>((i * c.out_bins() + b) * c.outputs + o)]);
          }
        }
        y.push_back(finish(e, static_cast<size_t>(o), sum));
      }
    }
  }
  return y;
}

void set_map_attributes(OpHarness& h, const Conv& c) {
  h.ints("kernel_t", {c.kernel_t}).ints("kernel_f", {c.kernel_f}).ints("stride_f", {c.stride_f});
  h.ints("dilation_t", {c.dilation_t}).ints("dilation_f", {c.dilation_f}).ints("pad_f", {c.pad_f});
  h.ints("past", {c.past}).ints("future", {c.extent_t() - c.past});
}

void set_attributes(OpHarness& h, const Conv& c) {
  set_map_attributes(h, c);
  h.ints("reflect_t", {c.reflect ? 1 : 0}).ints("groups", {c.groups});
}

void check(const Conv& c, bool with_map, Type type = Type::kF32, double within = 2e-6) {
  Random random(static_cast<uint64_t>(c.inner() * 131 + c.outputs));
  const Floats x = random.floats(static_cast<size_t>(c.frames * c.bins * c.channels));
  const int outputs = c.outputs / c.groups;
  const Floats w = random.floats(static_cast<size_t>(c.inner() * outputs));
  Epilogue e;
  e.bias = random.floats(static_cast<size_t>(c.outputs));
  e.slopes = random.floats(static_cast<size_t>(c.outputs));
  e.activation = 2;
  Floats map;
  OpHarness h("conv2d");
  h.sequence(c.bins, c.channels, x).panels(c.inner(), outputs, w, type);
  h.weight({c.outputs}, e.bias).weight({c.outputs}, e.slopes).absent().absent();
  if (with_map) {
    const int row = c.out_bins() * c.outputs;
    map = random.floats(static_cast<size_t>(c.kernel_t * row));
    h.constant(c.kernel_t, row, map);
  }
  h.ints("activation", {2});
  set_attributes(h, c);
  INFO("kernel ",
       c.kernel_t,
       "x",
       c.kernel_f,
       " stride ",
       c.stride_f,
       " pad ",
       c.pad_f,
       " past ",
       c.past,
       " map ",
       with_map);
  const Floats whole = h.run();
  CHECK(difference(whole, oracle(c, x, w, e, map), type == Type::kF32 ? within : 2e-3) == "");
  if (!c.reflect) {
    CHECK(h.run(1) == whole);
    CHECK(h.run(3) == whole);
  }
  CHECK(h.inference().macs == int64_t{1} * c.inner() * outputs * c.out_bins());
}

}  // namespace

TEST_CASE("conv2d: taps over time and bins match plain loops, whole and frame by frame") {
  Conv c;
  check(c, false);
  c.kernel_t = 3;
  c.kernel_f = 3;
  c.stride_f = 2;
  for (c.past = 0; c.past <= 2; ++c.past) {
    check(c, false);
    check(c, true);
  }
  c.past = 1;
  check(c, true, Type::kF16);
  c.kernel_f = 5;
  c.stride_f = 1;
  c.pad_f = 2;
  check(c, false);
  check(c, true);
  c.dilation_f = 2;
  c.pad_f = 4;
  check(c, true);
}

TEST_CASE("conv2d: groups of channels match plain loops, with all else a convolution has") {
  Conv c;
  c.channels = 12;
  c.outputs = 60;
  c.kernel_t = 3;
  c.kernel_f = 3;
  c.past = 1;
  for (int groups : {2, 3, 12}) {
    c.groups = groups;
    for (int pad : {0, 1}) {
      c.pad_f = pad;
      check(c, false);
      check(c, true);
      check(c, true, Type::kF16);
    }
  }
  c.reflect = true;
  check(c, true);
}

TEST_CASE("conv2d: a kernel for each channel matches plain loops, with all else a convolution has") {
  Conv c;
  c.kernel_t = 3;
  c.kernel_f = 3;
  c.frames = 23;
  for (int channels : {2, 3, 12, 16, 21, 40}) {
    c.channels = c.outputs = c.groups = channels;
    for (int stride : {1, 2}) {
      c.stride_f = stride;
      for (int pad : {0, 1}) {
        c.pad_f = pad;
        c.dilation_t = 1 + pad * 4;  // GTCRN's
        c.past = 2 * c.dilation_t;
        check(c, false);
        check(c, true);
        check(c, true, Type::kF16);
      }
    }
    c.kernel_f = 1;
    c.pad_f = 0;
    check(c, false);
    c.kernel_f = 3;
    c.reflect = true;
    check(c, true);
    c.reflect = false;
  }
  c.bins = 1;
  c.kernel_f = 1;
  check(c, false);
}

TEST_CASE("conv2d: dilation in time, one bin, as in speaker networks") {
  Conv c;
  c.frames = 23;
  c.bins = 1;
  c.channels = 33;
  c.outputs = 40;
  for (int dilation : {1, 2, 3, 4}) {
    c.kernel_t = 3;
    c.dilation_t = dilation;
    c.past = dilation;
    check(c, false);
    c.reflect = true;
    check(c, false);
    c.reflect = false;
  }
  c.kernel_t = 5;
  c.dilation_t = 1;
  c.past = 2;
  c.reflect = true;
  check(c, false);
  check(c, true);
}

TEST_CASE("conv2d: more bins of padding and more frames than the input has") {
  Conv c;
  c.frames = 2;
  c.bins = 2;
  c.kernel_t = 7;
  c.past = 6;
  c.kernel_f = 5;
  c.pad_f = 3;
  check(c, false);
  check(c, true);
}

TEST_CASE("conv2d: a single bin, with padding around it, frame by frame") {
  Conv c;
  c.bins = 1;
  c.kernel_f = 3;
  c.pad_f = 1;
  check(c, false);
  check(c, true);
}

TEST_CASE("conv2d: many channels and neighbouring bins, which take fewer multiplications") {
  Conv c;
  c.bins = 67;
  c.channels = 32;
  c.outputs = 48;
  c.kernel_t = 3;
  for (int kernel_f : {3, 5, 7}) {
    c.kernel_f = kernel_f;
    c.pad_f = kernel_f / 2;
    for (int dilation : {1, 3}) {
      c.dilation_t = dilation;
      c.past = dilation;
      check(c, false, Type::kF32, 5e-6);
      check(c, true, Type::kF32, 5e-6);
      check(c, true, Type::kF16);
    }
  }
  c.reflect = true;  // takes them all
  check(c, true);
}

TEST_CASE("conv2d: the map of a constant is the convolution of the constant over time") {
  Random random(9);
  Conv c;
  c.kernel_t = 3;
  c.kernel_f = 3;
  c.pad_f = 1;
  c.past = 1;
  const Floats constant = random.floats(static_cast<size_t>(c.bins * c.channels));
  const Floats w = random.floats(static_cast<size_t>(c.inner() * c.outputs));
  OpHarness h("conv2d_map");
  h.constant(c.bins, c.channels, constant).panels(c.inner(), c.outputs, w);
  set_map_attributes(h, c);
  const Floats map = h.run();
  REQUIRE(h.inference().outputs[0].kind == Kind::kConstant);
  REQUIRE(map.size() == static_cast<size_t>(c.kernel_t * c.out_bins() * c.outputs));
  Floats repeated;
  for (int t = 0; t < c.frames; ++t) {
    repeated.insert(repeated.end(), constant.begin(), constant.end());
  }
  const Epilogue none;
  const Floats zeros(repeated.size(), 0.0f);
  CHECK(difference(oracle(c, zeros, w, none, map), oracle(c, repeated, w, none, {}), 1e-6) == "");
}

TEST_CASE("conv2d: threads change no bit, many rows or few") {
  Random random(10);
  for (int frames : {2, 60}) {
    Conv c;
    c.frames = frames;
    c.channels = 64;
    c.outputs = 81;
    c.kernel_t = 3;
    c.kernel_f = 3;
    c.pad_f = 1;
    c.past = 2;
    OpHarness h("conv2d");
    h.sequence(
        c.bins, c.channels, random.floats(static_cast<size_t>(c.frames * c.bins * c.channels)));
    h.panels(c.inner(), c.outputs, random.floats(static_cast<size_t>(c.inner() * c.outputs)));
    set_attributes(h, c);
    const Floats alone = h.run();
    Threads threads(3);
    h.pool(&threads);
    CHECK(h.run() == alone);
    CHECK(threads.runs() == 1);
  }
}

TEST_CASE("conv2d: what does not fit together is refused") {
  Random random(5);
  const auto refusal = [&](const char* name, int value) {
    Conv c;
    c.kernel_t = 3;
    c.kernel_f = 3;
    c.past = 2;
    OpHarness h("conv2d");
    h.sequence(c.bins, c.channels, random.floats(static_cast<size_t>(c.bins * c.channels)));
    h.panels(c.inner(), c.outputs, random.floats(static_cast<size_t>(c.inner() * c.outputs)));
    set_attributes(h, c);
    if (name != nullptr) {
      h.ints(name, {value});
    }
    return h.infer().code;
  };
  CHECK(refusal(nullptr, 0) == Code::kOk);
  CHECK(refusal("kernel_t", 0) == Code::kBadModel);
  CHECK(refusal("kernel_t", 2000000000) == Code::kBadModel);
  CHECK(refusal("kernel_f", 4) == Code::kBadModel);
  CHECK(refusal("kernel_f", -3) == Code::kBadModel);
  CHECK(refusal("stride_f", 0) == Code::kBadModel);
  CHECK(refusal("dilation_t", 2) == Code::kBadModel);
  CHECK(refusal("dilation_f", 2000000000) == Code::kBadModel);
  CHECK(refusal("dilation_f", 100) == Code::kBadModel);
  CHECK(refusal("pad_f", -1) == Code::kBadModel);
  CHECK(refusal("past", 3) == Code::kBadModel);
  CHECK(refusal("past", -2) == Code::kBadModel);
  CHECK(refusal("future", 1) == Code::kBadModel);
  CHECK(refusal("reflect_t", 2) == Code::kBadModel);
  CHECK(refusal("groups", 0) == Code::kBadModel);
  CHECK(refusal("groups", 3) == Code::kBadModel);
  CHECK(refusal("groups", 8) == Code::kBadModel);
}
