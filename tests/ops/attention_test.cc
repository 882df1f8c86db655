// SPDX-License-Identifier: Apache-2.0
// attention against plain loops: all frames, a window, bins, heads. Not: the kernels' variants.
#include <doctest/doctest.h>

#include <algorithm>

#include "tests/ops/products_oracle.h"
#include "tests/support/close.h"
#include "tests/support/op_harness.h"
#include "tests/support/random.h"
#include "tests/support/threads.h"

using namespace ligero;
using namespace ligero::testing;

namespace {

struct Attention {
  int frames = 20;
  int bins = 1;
  int channels = 24;
  int heads = 1;
  int window = 0;
  int axis = 0;
  float scale = 0.3f;
};

struct Inputs {
  Floats q;
  Floats k;
  Floats v;
};

Inputs random_inputs(const Attention& a) {
  Random random(static_cast<uint64_t>(a.frames * 77 + a.channels + a.window));
  const auto size = static_cast<size_t>(a.frames * a.bins * a.channels);
  return {random.floats(size), random.floats(size), random.floats(size)};
}

/// Query row i over the key rows [begin, end), one head, added into y.
void attend(const Attention& a, const Inputs& x, int i, int begin, int end, int head, Doubles& y) {
  const int size = a.channels / a.heads;
  const auto at = [&](int row, int n) {
    return static_cast<size_t>(row * a.channels + head * size + n);
  };
  Doubles p;
  for (int j = begin; j < end; ++j) {
    double dot = 0;
    for (int n = 0; n < size; ++n) {
      dot += static_cast<double>(x.q[at(i, n)]) * static_cast<double>(x.k[at(j, n)]);
    }
    p.push_back(dot * static_cast<double>(a.scale));
  }
  const double most = *std::max_element(p.begin(), p.end());
  double sum = 0;
  for (double& v : p) {
    v = std::exp(v - most);
    sum += v;
  }
  for (int j = begin; j < end; ++j) {
    for (int n = 0; n < size; ++n) {
      y[at(i, n)] += p[static_cast<size_t>(j - begin)] / sum * static_cast<double>(x.v[at(j, n)]);
    }
  }
}

Doubles oracle(const Attention& a, const Inputs& x) {
  Doubles y(x.q.size(), 0.0);
  for (int i = 0; i < a.frames * a.bins; ++i) {
    for (int head = 0; head < a.heads; ++head) {
      if (a.axis == 1) {
        attend(a, x, i, i / a.bins * a.bins, (i / a.bins + 1) * a.bins, head, y);
      } else {
        const int begin = a.window > 0 ? std::max(0, i - a.window + 1) : 0;
        attend(a, x, i, begin, a.window > 0 ? i + 1 : a.frames, head, y);
      }
    }
  }
  return y;
}

OpHarness make(const Attention& a, const Inputs& x) {
  OpHarness h("attention");
  h.sequence(a.bins, a.channels, x.q).sequence(a.bins, a.channels, x.k);
  h.sequence(a.bins, a.channels, x.v);
  h.ints("axis", {a.axis}).ints("window", {a.window}).ints("heads", {a.heads});
  h.floats("scale", {a.scale});
  return h;
}

void check(const Attention& a) {
  const Inputs x = random_inputs(a);
  OpHarness h = make(a, x);
  INFO("frames ",
       a.frames,
       " bins ",
       a.bins,
       " channels ",
       a.channels,
       " heads ",
       a.heads,
       " window ",
       a.window);
  const Floats whole = h.run();
  CHECK(difference(whole, oracle(a, x), 2e-6) == "");
  if (a.axis == 1 || a.window > 0) {
    CHECK(difference(h.run(1), whole, 1e-6) == "");
    CHECK(difference(h.run(7), whole, 1e-6) == "");
  }
  Threads threads(3);
  h.pool(&threads);
  CHECK(difference(h.run(), whole, 1e-6) == "");
  h.cpu(0).pool(nullptr);
  CHECK(difference(h.run(), whole, 2e-6) == "");
}

}  // namespace

TEST_CASE("attention: all frames see all frames") {
  for (int frames : {1, 2, 31, 33, 150, 300}) {
    for (int channels : {1, 15, 16, 40, 64}) {
      Attention a;
      a.frames = frames;
      a.channels = channels;
      check(a);
    }
  }
}

TEST_CASE("attention: a window ends at the query's frame and starts with the signal") {
  for (int window : {1, 2, 10, 33, 200}) {
    for (int frames : {1, 20, 170}) {
      Attention a;
      a.window = window;
      a.frames = frames;
      check(a);
    }
  }
}

TEST_CASE("attention: a window is the same bits in a stream, up to a block of keys") {
  Attention a;
  a.window = 50;
  a.frames = 120;
  a.channels = 48;
  const Inputs x = random_inputs(a);
  OpHarness h = make(a, x);
  CHECK(h.run(1) == h.run(30));
}

TEST_CASE("attention: heads, and bins instead of frames") {
  Attention a;
  a.heads = 3;
  check(a);
  a.window = 5;
  check(a);
  a.window = 0;
  a.axis = 1;
  for (int bins : {1, 5, 33, 161}) {
    a.bins = bins;
    a.frames = 4;
    check(a);
  }
}

TEST_CASE("attention: large scores do not overflow") {
  Attention a;
  a.scale = 1000.0f;
  const Inputs x = random_inputs(a);
  OpHarness h = make(a, x);
  CHECK(difference(h.run(), oracle(a, x), 1e-2) == "");
}

TEST_CASE("attention: time behaviour and refusals") {
  const auto infer = [](auto&& damage) {
    const Attention a;
    const Inputs x = random_inputs(a);
    OpHarness h("attention");
    for (int k = 0; k < 3; ++k) {
      h.sequence(a.bins, a.channels, x.q);
    }
    damage(h);
    const Code code = h.infer().code;
    CHECK(h.inference().time[0].use == TimeUse::kPointwise);
    return std::pair<Code, TimeUse>(code, h.inference().time[2].use);
  };
  CHECK(infer([](OpHarness&) {}) == std::pair(Code::kOk, TimeUse::kWhole));
  CHECK(infer([](OpHarness& h) { h.ints("window", {9}); }) ==
        std::pair(Code::kOk, TimeUse::kWindow));
  CHECK(infer([](OpHarness& h) { h.ints("axis", {1}); }) ==
        std::pair(Code::kOk, TimeUse::kPointwise));
  CHECK(infer([](OpHarness& h) { h.ints("axis", {2}); }).first == Code::kBadModel);
  CHECK(infer([](OpHarness& h) { h.ints("window", {-1}); }).first == Code::kBadModel);
  CHECK(infer([](OpHarness& h) { h.ints("heads", {0}); }).first == Code::kBadModel);
  CHECK(infer([](OpHarness& h) { h.ints("heads", {5}); }).first == Code::kBadModel);
  CHECK(infer([](OpHarness& h) { h.tensor(1).dim[1] = 23; }).first == Code::kBadModel);
  CHECK(infer([](OpHarness& h) { h.tensor(2).kind = Kind::kConstant; }).first == Code::kBadModel);
  CHECK(infer([](OpHarness& h) { h.tensor(0).dim[0] = 2; }).first == Code::kBadModel);
}
