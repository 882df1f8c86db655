// SPDX-License-Identifier: Apache-2.0
// band_linear against plain loops, with weights of every type. Not: the product's variants
// (tests/kernels).
#include <doctest/doctest.h>

#include "tests/ops/products_oracle.h"
#include "tests/support/close.h"
#include "tests/support/op_harness.h"
#include "tests/support/panels.h"
#include "tests/support/random.h"
#include "tests/support/sound_nodes.h"
#include "tests/support/threads.h"

using namespace ligero;
using namespace ligero::testing;

namespace {

const AddSoundNode kSound(
    {"band_linear",
     {{Kind::kSequence, 12, 4}, {Kind::kWeight, 32, 48}, {Kind::kConstant, 3, 5}},
     {{"bands", 3},
      {"outputs", 5},
      {"first", -1},
      {"width", 4},
      {"stride", 3},
      {"kernel_t", 2},
      {"activation", 1}}});

struct Layer {
  int frames = 7;
  int bins = 30;
  int channels = 4;
  int bands = 5;
  int outputs = 20;
  int first = 0;
  int width = 1;
  int stride = 1;
  int kernel_t = 1;
  int activation = 0;

  int inner() const {
    return kernel_t * width * channels;
  }
  int columns() const {
    return (outputs + 15) / 16 * 16;
  }
  size_t at(int t, int bin) const {
    return static_cast<size_t>((t * bins + bin) * channels);
  }
};

/// x, and the matrix [inner, bands * columns] with noise in the columns that belong to no output.
struct Case {
  Floats x;
  Floats w;
  Floats bias;
  explicit Case(const Layer& l, uint64_t seed = 1) {
    Random random(seed);
    x = random.floats(static_cast<size_t>(l.frames * l.bins * l.channels));
    w = random.floats(static_cast<size_t>(l.inner() * l.bands * l.columns()));
    bias = random.floats(static_cast<size_t>(l.bands * l.outputs));
  }
};

double input(const Layer& l, const Floats& x, int t, int bin, int c) {
  const bool inside = t >= 0 && bin >= 0 && bin < l.bins;
  return inside ? static_cast<double>(x[l.at(t, bin) + static_cast<size_t>(c)]) : 0.0;
}

Doubles oracle(const Layer& l, const Case& c) {
  Epilogue e;
  e.activation = l.activation;
  e.bias = c.bias;
  Doubles y;
  for (int t = 0; t < l.frames; ++t) {
    for (int b = 0; b < l.bands; ++b) {
      for (int o = 0; o < l.outputs; ++o) {
        double sum = 0;
        for (int k = 0; k < l.inner(); ++k) {
          const int frame = t + k / (l.width * l.channels) - (l.kernel_t - 1);
          const int bin = l.first + b * l.stride + k / l.channels % l.width;
          const size_t column = static_cast<size_t>(b * l.columns() + o);
          sum += input(l, c.x, frame, bin, k % l.channels) *
                 static_cast<double>(c.w[static_cast<size_t>(k * l.bands * l.columns()) + column]);
        }
        y.push_back(finish(e, static_cast<size_t>(b * l.outputs + o), sum));
      }
    }
  }
  return y;
}

OpHarness make(const Layer& l, const Case& c, Type type = Type::kF32) {
  OpHarness h("band_linear");
  h.sequence(l.bins, l.channels, c.x).panels(l.inner(), l.bands * l.columns(), c.w, type);
  h.weight({l.bands, l.outputs}, c.bias);
  h.ints("bands", {l.bands}).ints("outputs", {l.outputs}).ints("first", {l.first});
  h.ints("width", {l.width}).ints("stride", {l.stride}).ints("kernel_t", {l.kernel_t});
  h.ints("activation", {l.activation});
  return h;
}

/// Bands side by side, overlapping ones that reach out of the input at both ends, and over frames.
std::vector<Layer> layers() {
  std::vector<Layer> all(4);
  all[1] = {
      .bins = 64, .channels = 8, .bands = 16, .outputs = 48, .first = -1, .width = 6, .stride = 4};
  all[2] = {
      .bins = 30, .bands = 4, .outputs = 7, .first = 5, .width = 9, .stride = 7, .kernel_t = 3};
  all[3] = {.bins = 32, .channels = 48, .bands = 32, .outputs = 96, .activation = 3};
  return all;
}

}  // namespace

TEST_CASE("band_linear: matches plain loops; frame by frame gives the same") {
  for (const Layer& l : layers()) {
    INFO("bands ", l.bands, " outputs ", l.outputs, " width ", l.width, " frames ", l.kernel_t);
    const Case c(l);
    OpHarness h = make(l, c);
    const Floats whole = h.run();
    CHECK(difference(whole, oracle(l, c), 3e-6) == "");
    CHECK(h.run(1) == whole);
    CHECK(h.run(3) == whole);
    CHECK(h.inference().macs == int64_t{l.inner()} * l.outputs * l.bands);
    Case half = c;
    half.w = rounded_to_half(c.w);
    CHECK(make(l, c, Type::kF16).run() == make(l, half).run());
  }
}

TEST_CASE("band_linear: every activation but prelu") {
  for (int activation : {0, 1, 3, 4, 5, 6}) {
    Layer l;
    l.activation = activation;
    const Case c(l);
    CHECK(difference(make(l, c).run(), oracle(l, c), 3e-6) == "");
  }
}

TEST_CASE("band_linear: int8 rounds each frame once, and each output of each band") {
  for (Layer l : layers()) {
    l.kernel_t = 1;  // taps in time have scales of their own
    INFO("bands ", l.bands, " outputs ", l.outputs, " width ", l.width);
    const Case c(l);
    OpHarness h = make(l, c, Type::kQ8);
    const Floats whole = h.run();
    Case rounded = c;
    rounded.x = rounded_rows_to_q8(c.x, static_cast<size_t>(l.bins * l.channels));
    rounded.w = rounded_columns_to_q8(c.w, l.inner(), l.bands * l.columns());
    CHECK(difference(whole, oracle(l, rounded), 3e-6) == "");
    CHECK(h.run(1) == whole);
  }
  Layer l = layers()[2];
  const Case c(l);
  OpHarness h = make(l, c, Type::kQ8);
  const Floats whole = h.run();
  CHECK(h.run(1) == whole);
  CHECK(difference(whole, oracle(l, c), 0.3) == "");
}

TEST_CASE("band_linear: the bias may be a constant, or absent; a constant gives a constant") {
  const Layer l;
  const Case c(l);
  OpHarness of_weight = make(l, c);
  OpHarness of_constant("band_linear");
  of_constant.sequence(l.bins, l.channels, c.x).panels(l.inner(), l.bands * l.columns(), c.w);
  OpHarness none = of_constant;
  of_constant.constant(l.bands, l.outputs, c.bias).ints("bands", {5}).ints("outputs", {20});
  CHECK(of_constant.run() == of_weight.run());
  CHECK(of_constant.run(1) == of_weight.run());
  Case zero = c;
  zero.bias.assign(zero.bias.size(), 0.0f);
  none.ints("bands", {5}).ints("outputs", {20});
  CHECK(none.run() == make(l, zero).run());
  OpHarness constant("band_linear");
  constant.constant(3, 4, Floats(12)).panels(4, 48, Floats(192)).ints("bands", {3});
  constant.ints("outputs", {10});
  CHECK(constant.infer().ok());
  CHECK(constant.inference().outputs[0].kind == Kind::kConstant);
}

TEST_CASE("band_linear: threads change nothing") {
  Layer l = layers()[3];
  l.frames = 200;
  const Case c(l);
  Threads threads(3);
  OpHarness alone = make(l, c);
  OpHarness spread = make(l, c);
  spread.pool(&threads);
  CHECK(spread.run() == alone.run());
  CHECK(threads.runs() > 0);
}

TEST_CASE("band_linear: refusals") {
  const Layer l = layers()[2];
  const Case c(l);
  const auto refused = [&](auto&& damage) {
    OpHarness h = make(l, c);
    damage(h);
    return !h.infer().ok();
  };
  CHECK(!refused([](OpHarness&) {}));
  CHECK(refused([](OpHarness& h) { h.ints("first", {9}); }));   // the last band begins at bin 30
  CHECK(refused([](OpHarness& h) { h.ints("first", {-9}); }));  // the first one ends before bin 0
  CHECK(refused([](OpHarness& h) { h.ints("bands", {5}); }));
  CHECK(refused([](OpHarness& h) { h.ints("outputs", {17}); }));
  CHECK(refused([](OpHarness& h) { h.ints("width", {8}); }));
  CHECK(refused([](OpHarness& h) { h.ints("kernel_t", {2}); }));
  CHECK(refused([](OpHarness& h) { h.ints("activation", {2}); }));
  CHECK(refused([](OpHarness& h) { h.tensor(0).kind = Kind::kConstant; }));
  CHECK(refused([](OpHarness& h) { h.tensor(2).dim[0] = 3; }));
  CHECK(refused([](OpHarness& h) { h.tensor(2).dim[1] = 8; }));
  OpHarness odd("band_linear");
  odd.sequence(6, 6, Floats(36)).panels(6, 32, Floats(192), Type::kQ8).ints("bands", {2});
  odd.ints("outputs", {16});
  CHECK(odd.infer().code == Code::kUnsupportedModel);
}
