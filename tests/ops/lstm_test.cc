// lstm against plain loops, along time and along bins, both ways. Not: the cell's variants.
#include <doctest/doctest.h>

#include "tests/ops/products_oracle.h"
#include "tests/support/close.h"
#include "tests/support/op_harness.h"
#include "tests/support/random.h"
#include "tests/support/threads.h"

using namespace ligero;
using namespace ligero::testing;

namespace {

struct Lstm {
  int frames = 9;
  int bins = 1;
  int channels = 6;
  int hidden = 5;
  int axis = 0;
  int reverse = 0;
};

struct Weights {
  Floats ih;
  Floats hh;
  Floats bias;
};

Weights random_weights(const Lstm& l, Random& random) {
  const auto gates = static_cast<size_t>(4 * l.hidden);
  return {random.floats(static_cast<size_t>(l.channels) * gates, -0.5f, 0.5f),
          random.floats(static_cast<size_t>(l.hidden) * gates, -0.5f, 0.5f),
          random.floats(gates)};
}

void step(const Lstm& l, const Weights& w, const float* x, Doubles& h, Doubles& c) {
  const auto gates = static_cast<size_t>(4 * l.hidden);
  const auto hidden = static_cast<size_t>(l.hidden);
  Doubles z(gates);
  for (size_t g = 0; g < gates; ++g) {
    z[g] = static_cast<double>(w.bias[g]);
    for (size_t k = 0; k < static_cast<size_t>(l.channels); ++k) {
      z[g] += static_cast<double>(x[k]) * static_cast<double>(w.ih[k * gates + g]);
    }
    for (size_t k = 0; k < hidden; ++k) {
      z[g] += h[k] * static_cast<double>(w.hh[k * gates + g]);
    }
  }
  for (size_t u = 0; u < hidden; ++u) {
    c[u] = sigmoid(z[hidden + u]) * c[u] + sigmoid(z[u]) * std::tanh(z[2 * hidden + u]);
    h[u] = sigmoid(z[3 * hidden + u]) * std::tanh(c[u]);
  }
}

Doubles oracle(const Lstm& l, const Weights& w, const Floats& x) {
  const auto hidden = static_cast<size_t>(l.hidden);
  Doubles y(static_cast<size_t>(l.frames * l.bins) * hidden);
  const int sequences = l.axis == 0 ? 1 : l.frames;
  const int steps = l.axis == 0 ? l.frames : l.bins;
  for (int s = 0; s < sequences; ++s) {
    Doubles h(hidden, 0.0);
    Doubles c(hidden, 0.0);
    for (int i = 0; i < steps; ++i) {
      const auto row = static_cast<size_t>(s * steps + (l.reverse ? steps - 1 - i : i));
      step(l, w, x.data() + row * static_cast<size_t>(l.channels), h, c);
      for (size_t u = 0; u < hidden; ++u) {
        y[row * hidden + u] = h[u];
      }
    }
  }
  return y;
}

OpHarness make(const Lstm& l, const Weights& w, const Floats& x, Type type = Type::kF32) {
  OpHarness h("lstm");
  h.sequence(l.bins, l.channels, x).panels(l.channels, 4 * l.hidden, w.ih, type);
  h.panels(l.hidden, 4 * l.hidden, w.hh, type).weight({4 * l.hidden}, w.bias);
  h.ints("axis", {l.axis}).ints("reverse", {l.reverse});
  return h;
}

void check(const Lstm& l) {
  Random random(static_cast<uint64_t>(l.frames * 100 + l.hidden));
  const Weights w = random_weights(l, random);
  const Floats x = random.floats(static_cast<size_t>(l.frames * l.bins * l.channels));
  INFO("frames ", l.frames, " bins ", l.bins, " hidden ", l.hidden, " reverse ", l.reverse);
  OpHarness h = make(l, w, x);
  const Floats whole = h.run();
  CHECK(difference(whole, oracle(l, w, x), 3e-6) == "");
  OpHarness half = make(l, w, x, Type::kF16);
  CHECK(difference(half.run(), oracle(l, w, x), 2e-3) == "");
  if (l.axis == 1 || l.reverse == 0) {
    CHECK(h.run(1) == whole);
    CHECK(h.run(4) == whole);
  }
}

}  // namespace

TEST_CASE("lstm: along time, both ways, matches plain loops; the state makes streams equal") {
  for (int reverse : {0, 1}) {
    for (int hidden : {1, 5, 16, 17, 40}) {
      for (int frames : {1, 9, 64, 65, 150}) {
        Lstm l;
        l.hidden = hidden;
        l.frames = frames;
        l.reverse = reverse;
        check(l);
      }
    }
  }
}

TEST_CASE("lstm: along bins, each frame starts from zero") {
  for (int reverse : {0, 1}) {
    for (int bins : {1, 2, 9, 300}) {
      for (int frames : {1, 3, 150}) {
        Lstm l;
        l.axis = 1;
        l.bins = bins;
        l.frames = bins > 9 ? frames % 4 : frames;
        l.reverse = reverse;
        check(l);
      }
    }
  }
}

TEST_CASE("lstm: threads change nothing") {
  Random random(3);
  Lstm l;
  l.channels = 128;
  l.hidden = 160;
  l.frames = 30;
  const Weights w = random_weights(l, random);
  const Floats x = random.floats(static_cast<size_t>(l.frames * l.channels));
  OpHarness alone = make(l, w, x);
  Threads threads(3);
  OpHarness spread = make(l, w, x);
  spread.pool(&threads);
  CHECK(spread.run() == alone.run());
  CHECK(threads.runs() > 0);
}

TEST_CASE("lstm: time behaviour and refusals") {
  Random random(5);
  const auto infer = [&](auto&& damage) {
    Lstm l;
    OpHarness h("lstm");
    h.sequence(1, l.channels, random.floats(static_cast<size_t>(l.channels)));
    const Weights w = random_weights(l, random);
    h.panels(l.channels, 4 * l.hidden, w.ih).panels(l.hidden, 4 * l.hidden, w.hh);
    h.weight({4 * l.hidden}, w.bias);
    damage(h);
    const Status status = h.infer();
    return std::pair<Code, TimeUse>(status.code, h.inference().time[0].use);
  };
  CHECK(infer([](OpHarness&) {}) == std::pair(Code::kOk, TimeUse::kRecurrent));
  CHECK(infer([](OpHarness& h) { h.ints("reverse", {1}); }) ==
        std::pair(Code::kOk, TimeUse::kWhole));
  CHECK(infer([](OpHarness& h) { h.ints("axis", {1}); }) ==
        std::pair(Code::kOk, TimeUse::kPointwise));
  CHECK(infer([](OpHarness& h) { h.ints("axis", {2}); }).first == Code::kBadModel);
  CHECK(infer([](OpHarness& h) { h.ints("reverse", {-1}); }).first == Code::kBadModel);
  CHECK(infer([](OpHarness& h) { h.tensor(0).dim[0] = 2; }).first == Code::kBadModel);
  CHECK(infer([](OpHarness& h) { h.tensor(0).dim[1] = 7; }).first == Code::kBadModel);
  CHECK(infer([](OpHarness& h) { h.tensor(1).dim[1] = 19; }).first == Code::kBadModel);
  CHECK(infer([](OpHarness& h) { h.tensor(2).dim[0] = 6; }).first == Code::kBadModel);
  CHECK(infer([](OpHarness& h) { h.tensor(2).dim[1] = 24; }).first == Code::kBadModel);
  CHECK(infer([](OpHarness& h) { h.tensor(3).dim[0] = 5; }).first == Code::kBadModel);
}
