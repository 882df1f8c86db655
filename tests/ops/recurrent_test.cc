// SPDX-License-Identifier: Apache-2.0
// lstm and gru against plain loops, along time and along bins, both ways. Not: the cells' variants
// (tests/kernels).
#include <doctest/doctest.h>

#include "tests/ops/products_oracle.h"
#include "tests/support/close.h"
#include "tests/support/op_harness.h"
#include "tests/support/random.h"
#include "tests/support/threads.h"

using namespace ligero;
using namespace ligero::testing;

namespace {

struct Layer {
  bool gru = false;
  int frames = 9;
  int bins = 1;
  int channels = 6;
  int hidden = 5;
  int axis = 0;
  int reverse = 0;
  float cell_limit = 0;

  int gates() const {
    return (gru ? 3 : 4) * hidden;
  }
};

struct Weights {
  Floats ih;
  Floats hh;
  Floats bias;
  Floats bias_hh;  // gru
};

Weights random_weights(const Layer& l, Random& random) {
  const auto gates = static_cast<size_t>(l.gates());
  return {random.floats(static_cast<size_t>(l.channels) * gates, -0.5f, 0.5f),
          random.floats(static_cast<size_t>(l.hidden) * gates, -0.5f, 0.5f),
          random.floats(gates),
          random.floats(gates)};
}

// W v + bias for a matrix [inner, outputs].
template <typename Vector>
Doubles affine(const Floats& w, const Vector& v, size_t inner, const Floats& bias) {
  Doubles z(bias.begin(), bias.end());
  for (size_t k = 0; k < inner; ++k) {
    for (size_t g = 0; g < z.size(); ++g) {
      z[g] += static_cast<double>(v[k]) * static_cast<double>(w[k * z.size() + g]);
    }
  }
  return z;
}

void step(const Layer& l, const Weights& w, const float* x, Doubles& h, Doubles& c) {
  const auto hidden = static_cast<size_t>(l.hidden);
  const Doubles a = affine(w.ih, x, static_cast<size_t>(l.channels), w.bias);
  const Floats none(a.size(), 0.0f);
  const Doubles b = affine(w.hh, h, hidden, l.gru ? w.bias_hh : none);
  for (size_t u = 0; u < hidden; ++u) {
    const auto gate = [&](size_t q) { return sigmoid(a[q * hidden + u] + b[q * hidden + u]); };
    if (l.gru) {
      const double n = std::tanh(a[2 * hidden + u] + gate(0) * b[2 * hidden + u]);
      h[u] = (1.0 - gate(1)) * n + gate(1) * h[u];
    } else {
      c[u] = gate(1) * c[u] + gate(0) * std::tanh(a[2 * hidden + u] + b[2 * hidden + u]);
      if (l.cell_limit > 0) {
        c[u] = std::fmax(-double{l.cell_limit}, std::fmin(c[u], double{l.cell_limit}));
      }
      h[u] = gate(3) * std::tanh(c[u]);
    }
  }
}

Doubles oracle(const Layer& l, const Weights& w, const Floats& x) {
  const auto hidden = static_cast<size_t>(l.hidden);
  Doubles y(static_cast<size_t>(l.frames * l.bins) * hidden);
  const int sequences = l.axis == 0 ? l.bins : l.frames;
  const int steps = l.axis == 0 ? l.frames : l.bins;
  for (int s = 0; s < sequences; ++s) {
    Doubles h(hidden, 0.0);
    Doubles c(hidden, 0.0);
    for (int i = 0; i < steps; ++i) {
      const int at = l.reverse ? steps - 1 - i : i;
      const auto row = static_cast<size_t>(l.axis == 0 ? at * l.bins + s : s * l.bins + at);
      step(l, w, x.data() + row * static_cast<size_t>(l.channels), h, c);
      for (size_t u = 0; u < hidden; ++u) {
        y[row * hidden + u] = h[u];
      }
    }
  }
  return y;
}

// Bin `bin` of x [frames, bins, channels].
Floats columns(const Floats& x, int bins, int bin, int channels) {
  Floats out;
  for (size_t row = static_cast<size_t>(bin); row * channels < x.size(); row += bins) {
    const auto first = x.begin() + static_cast<std::ptrdiff_t>(row) * channels;
    out.insert(out.end(), first, first + channels);
  }
  return out;
}

OpHarness make(const Layer& l, const Weights& w, const Floats& x, Type type = Type::kF32) {
  OpHarness h(l.gru ? "gru" : "lstm");
  h.sequence(l.bins, l.channels, x).panels(l.channels, l.gates(), w.ih, type);
  h.panels(l.hidden, l.gates(), w.hh, type).weight({l.gates()}, w.bias);
  if (l.gru) {
    h.weight({l.gates()}, w.bias_hh);
  }
  if (l.axis != 0) {
    h.ints("axis", {l.axis});
  }
  if (l.reverse != 0) {
    h.ints("reverse", {l.reverse});
  }
  if (l.cell_limit > 0) {
    h.floats("cell_limit", {l.cell_limit});
  }
  return h;
}

void check(const Layer& l) {
  Random random(static_cast<uint64_t>(l.frames * 100 + l.hidden));
  const Weights w = random_weights(l, random);
  const Floats x = random.floats(static_cast<size_t>(l.frames * l.bins * l.channels));
  INFO("gru ", l.gru, " frames ", l.frames, " bins ", l.bins, " hidden ", l.hidden);
  INFO("reverse ", l.reverse);
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

TEST_CASE("lstm, gru: along time, both ways, match plain loops; the state makes streams equal") {
  for (bool gru : {false, true}) {
    for (int reverse : {0, 1}) {
      for (int hidden : {1, 5, 16, 17, 40}) {
        for (int frames : {1, 9, 64, 65, 150}) {
          Layer l;
          l.gru = gru;
          l.hidden = hidden;
          l.frames = frames;
          l.reverse = reverse;
          check(l);
        }
      }
    }
  }
}

TEST_CASE("lstm, gru: along time over several bins, each has a state of its own") {
  for (bool gru : {false, true}) {
    for (int reverse : {0, 1}) {
      for (int bins : {2, 7, 32, 300}) {
        for (int frames : {1, 9, 150}) {
          Layer l;
          l.gru = gru;
          l.bins = bins;
          l.frames = bins > 7 ? frames % 13 : frames;
          l.hidden = bins == 32 ? 20 : 5;
          l.reverse = reverse;
          check(l);
        }
      }
    }
  }
}

TEST_CASE("lstm, gru: a bin alone gives the same bits as among others") {
  for (bool gru : {false, true}) {
    Random random(8);
    Layer l;
    l.gru = gru;
    l.bins = 11;
    l.hidden = 20;
    const Weights w = random_weights(l, random);
    const Floats x = random.floats(static_cast<size_t>(l.frames * l.bins * l.channels));
    OpHarness together = make(l, w, x);
    const Floats all = together.run();
    Layer one = l;
    one.bins = 1;
    for (int bin = 0; bin < l.bins; ++bin) {
      const Floats own = columns(x, l.bins, bin, l.channels);
      OpHarness alone = make(one, w, own);
      CHECK(alone.run() == columns(all, l.bins, bin, l.hidden));
    }
  }
}

TEST_CASE("lstm, gru: along bins, each frame starts from zero") {
  for (bool gru : {false, true}) {
    for (int reverse : {0, 1}) {
      for (int bins : {1, 2, 9, 300}) {
        for (int frames : {1, 3, 150}) {
          Layer l;
          l.gru = gru;
          l.axis = 1;
          l.bins = bins;
          l.frames = bins > 9 ? frames % 4 : frames;
          l.reverse = reverse;
          check(l);
        }
      }
    }
  }
}

TEST_CASE("lstm: cell_limit bounds every cell, along time and along bins") {
  for (int axis : {0, 1}) {
    for (int reverse : {0, 1}) {
      Layer l;
      l.axis = axis;
      l.reverse = reverse;
      l.bins = 3;
      l.cell_limit = 0.3f;
      check(l);
    }
  }
}

TEST_CASE("lstm, gru: threads change nothing") {
  for (bool gru : {false, true}) {
    Random random(3);
    Layer l;
    l.gru = gru;
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
}

TEST_CASE("lstm, gru: time behaviour and refusals") {
  Random random(5);
  for (bool gru : {false, true}) {
    const auto infer = [&](auto&& damage) {
      Layer l;
      l.gru = gru;
      const Weights w = random_weights(l, random);
      OpHarness h = make(l, w, random.floats(static_cast<size_t>(l.channels)));
      damage(h);
      const Status status = h.infer();
      return std::pair<Code, TimeUse>(status.code, h.inference().time[0].use);
    };
    const auto reversed = [](OpHarness& h) { h.ints("reverse", {1}); };
    const auto on_bins = [](OpHarness& h) { h.ints("axis", {1}); };
    const auto refused = [&](auto&& damage) { return infer(damage).first == Code::kBadModel; };
    CHECK(infer([](OpHarness&) {}) == std::pair(Code::kOk, TimeUse::kRecurrent));
    CHECK(infer(reversed) == std::pair(Code::kOk, TimeUse::kWhole));
    CHECK(infer(on_bins) == std::pair(Code::kOk, TimeUse::kPointwise));
    CHECK(refused([](OpHarness& h) { h.ints("axis", {2}); }));
    CHECK(refused([](OpHarness& h) { h.floats("cell_limit", {-1.0f}); }));
    CHECK(refused([](OpHarness& h) { h.floats("cell_limit", {1.0f}); }) == gru);
    CHECK(refused([](OpHarness& h) { h.ints("reverse", {-1}); }));
    CHECK(refused([](OpHarness& h) { h.tensor(0).kind = Kind::kConstant; }));
    CHECK(refused([](OpHarness& h) { h.tensor(0).dim[1] = 7; }));
    CHECK(refused([](OpHarness& h) { h.tensor(1).dim[1] = 19; }));
    CHECK(refused([](OpHarness& h) { h.tensor(2).dim[0] = 6; }));
    CHECK(refused([](OpHarness& h) { h.tensor(2).dim[1] = 24; }));
    CHECK(refused([](OpHarness& h) { h.tensor(3).dim[0] = 5; }));
    CHECK((!gru || refused([](OpHarness& h) { h.tensor(4).dim[0] = 5; })));
  }
}
