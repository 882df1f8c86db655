// SPDX-License-Identifier: Apache-2.0
// Unary and binary ops, complex arithmetic, prelu: against plain formulas in double. Not: the
// accuracy of the vector functions over their whole range (tests/kernels/vec_test.cc).
#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "tests/support/op_harness.h"
#include "tests/support/random.h"
#include "tests/support/threads.h"

namespace ligero {
namespace {

using testing::OpHarness;
using testing::Random;

struct Named {
  const char* name;
  std::function<double(double)> f;
};

const Named kUnary[] = {
    {"relu", [](double x) { return x > 0.0 ? x : 0.0; }},
    {"sigmoid", [](double x) { return 1.0 / (1.0 + std::exp(-x)); }},
    {"tanh", [](double x) { return std::tanh(x); }},
    {"gelu", [](double x) { return 0.5 * x * (1.0 + std::erf(x / std::sqrt(2.0))); }},
    {"elu", [](double x) { return x > 0.0 ? x : std::expm1(x); }},
    {"square", [](double x) { return x * x; }},
    {"sqrt", [](double x) { return x > 0.0 ? std::sqrt(x) : 0.0; }},
};

struct NamedBinary {
  const char* name;
  bool commutes;
  std::function<double(double, double)> f;
};

const NamedBinary kBinary[] = {
    {"add", true, [](double a, double b) { return a + b; }},
    {"subtract", false, [](double a, double b) { return a - b; }},
    {"multiply", true, [](double a, double b) { return a * b; }},
    {"divide", false, [](double a, double b) { return a / b; }},
};

void check_close(const std::vector<float>& got, const std::vector<double>& want) {
  REQUIRE(got.size() == want.size());
  for (size_t i = 0; i < got.size(); ++i) {
    CAPTURE(i);
    REQUIRE(std::abs(got[i] - want[i]) <= 2e-6 * (1.0 + std::abs(want[i])));
  }
}

/// One operand of a binary op: its kind, and its size in each direction.
struct Operand {
  Kind kind;
  int bins;
  int channels;
  std::vector<float> x;

  double at(int t, int f, int c) const {
    const int frame = kind == Kind::kSequence ? t : 0;
    const int i = (frame * bins + (bins == 1 ? 0 : f)) * channels + (channels == 1 ? 0 : c);
    return x[static_cast<size_t>(i)];
  }
  void add_to(OpHarness* h) const {
    if (kind == Kind::kSequence) {
      h->sequence(bins, channels, x);
    } else if (kind == Kind::kConstant) {
      h->constant(bins, channels, x);
    } else {
      h->weight({bins, channels}, x);
    }
  }
};

Operand make(Random* random, Kind kind, int frames, int bins, int channels) {
  const int rows = kind == Kind::kSequence ? frames : 1;
  return {kind,
          bins,
          channels,
          random->floats(static_cast<size_t>(rows * bins * channels), 0.5f, 2.0f)};
}

constexpr int kFrames = 5;

void check_binary(
    const NamedBinary& op, const Operand& a, const Operand& b, int bins, int channels) {
  CAPTURE(op.name);
  CAPTURE(bins);
  CAPTURE(channels);
  OpHarness h(op.name);
  a.add_to(&h);
  b.add_to(&h);
  const std::vector<float> y = h.run();
  const bool sequence = a.kind == Kind::kSequence || b.kind == Kind::kSequence;
  CHECK(h.inference().outputs[0].kind == (sequence ? Kind::kSequence : Kind::kConstant));
  std::vector<double> want;
  for (int t = 0; t < (sequence ? kFrames : 1); ++t) {
    for (int f = 0; f < bins; ++f) {
      for (int c = 0; c < channels; ++c) {
        want.push_back(op.f(a.at(t, f, c), b.at(t, f, c)));
      }
    }
  }
  check_close(y, want);
  CHECK(h.run(2) == y);
}

}  // namespace

TEST_CASE("unary ops: match their formula, frame by frame and in one call, on constants too") {
  for (const Named& op : kUnary) {
    CAPTURE(op.name);
    for (const int channels : {1, 7, 64}) {
      Random random(31);
      const std::vector<float> x = random.floats(static_cast<size_t>(13 * channels), -4.0f, 4.0f);
      std::vector<double> want;
      for (const float v : x) {
        want.push_back(op.f(v));
      }
      OpHarness h(op.name);
      h.sequence(1, channels, x);
      const std::vector<float> y = h.run();
      check_close(y, want);
      CHECK(h.run(1) == y);
      OpHarness constant(op.name);
      CHECK(constant.constant(13, channels, x).run() == y);
      CHECK(constant.inference().outputs[0].kind == Kind::kConstant);
    }
    CHECK_FALSE(OpHarness(op.name).infer().ok());
    CHECK_FALSE(OpHarness(op.name).weight({1, 4}, std::vector<float>(4)).infer().ok());
  }
}

TEST_CASE("unary ops: silence stays finite") {
  for (const Named& op : kUnary) {
    CAPTURE(op.name);
    CHECK(std::isfinite(OpHarness(op.name).sequence(1, 1, {0.0f}).run()[0]));
  }
}

TEST_CASE("power: of a negative number is that of zero") {
  const std::vector<float> x = {-1.0f, 0.0f, 0.25f, 2.0f};
  for (const float exponent : {0.5f, 1.0f, 0.3f, 2.0f}) {
    OpHarness h("power");
    std::vector<double> want;
    for (const float v : x) {
      want.push_back(std::pow(std::max(0.0f, v), static_cast<double>(exponent)));
    }
    check_close(h.sequence(1, 4, x).floats("exponent", {exponent}).run(), want);
  }
  CHECK_FALSE(OpHarness("power").sequence(1, 4, x).infer().ok());
  CHECK_FALSE(OpHarness("power").sequence(1, 4, x).floats("exponent", {-1.0f}).infer().ok());
  CHECK_FALSE(OpHarness("power").sequence(1, 4, x).floats("exponent", {NAN}).infer().ok());
}

TEST_CASE("binary ops: every broadcast of every kind") {
  Random random(32);
  const int shapes[][2] = {{1, 1}, {1, 13}, {11, 1}, {5, 7}, {3, 64}};
  for (const NamedBinary& op : kBinary) {
    for (const auto& [bins, channels] : shapes) {
      for (const int spread_bins : {1, bins}) {
        for (const int spread_channels : {1, channels}) {
          for (const Kind kind : {Kind::kSequence, Kind::kConstant, Kind::kWeight}) {
            const Operand b = make(&random, kind, kFrames, spread_bins, spread_channels);
            check_binary(
                op, make(&random, Kind::kSequence, kFrames, bins, channels), b, bins, channels);
            if (kind != Kind::kSequence) {
              check_binary(
                  op, make(&random, Kind::kConstant, kFrames, bins, channels), b, bins, channels);
            }
          }
        }
      }
    }
  }
}

TEST_CASE("binary ops: a constant before a sequence is spread where the order does not matter") {
  Random random(33);
  for (const NamedBinary& op : kBinary) {
    const Operand sequence = make(&random, Kind::kSequence, kFrames, 5, 7);
    for (const Kind kind : {Kind::kConstant, Kind::kWeight}) {
      const Operand spread = make(&random, kind, kFrames, 1, 7);
      if (op.commutes) {
        check_binary(op, spread, sequence, 5, 7);
      } else {
        OpHarness h(op.name);
        spread.add_to(&h);
        sequence.add_to(&h);
        CHECK_FALSE(h.infer().ok());
      }
    }
  }
}

TEST_CASE("binary ops: the activation works on the result") {
  Random random(34);
  const std::vector<float> a = random.floats(60);
  const std::vector<float> b = random.floats(60);
  const std::pair<int, int> activations[] = {{1, 0}, {3, 2}, {4, 1}, {5, 3}, {6, 4}};
  for (const auto& [number, unary] : activations) {
    CAPTURE(number);
    OpHarness h("add");
    std::vector<double> want;
    for (size_t i = 0; i < a.size(); ++i) {
      want.push_back(kUnary[unary].f(static_cast<double>(a[i]) + b[i]));
    }
    check_close(h.sequence(4, 5, a).sequence(4, 5, b).ints("activation", {number}).run(), want);
  }
  for (const int number : {2, 7, -1}) {
    OpHarness h("add");
    CHECK_FALSE(h.sequence(4, 5, a).sequence(4, 5, b).ints("activation", {number}).infer().ok());
  }
}

TEST_CASE("elementwise ops: threads equal one thread") {
  Random random(35);
  const std::vector<float> a = random.floats(300 * 100);
  const std::vector<float> b = random.floats(300 * 4);
  testing::Threads pool(3);
  for (const char* name : {"add", "multiply"}) {
    OpHarness h(name);
    h.sequence(4, 25, a).sequence(4, 1, b);
    const std::vector<float> y = h.run();
    CHECK(h.pool(&pool).run() == y);
  }
  OpHarness h("tanh");
  const std::vector<float> y = h.sequence(4, 25, a).run();
  CHECK(h.pool(&pool).run() == y);
  CHECK(pool.runs() == 3);
}

TEST_CASE("binary ops: refusals") {
  const std::vector<float> x(12);
  const auto ok = [&](int bins, int channels) {
    OpHarness h("add");
    return h.sequence(3, 4, x).sequence(bins, channels, x).infer().ok();
  };
  CHECK(ok(3, 4));
  CHECK_FALSE(ok(4, 3));
  CHECK_FALSE(ok(3, 2));
  CHECK_FALSE(ok(2, 4));
  CHECK_FALSE(ok(6, 4));
  CHECK_FALSE(OpHarness("add").sequence(1, 4, x).sequence(3, 4, x).infer().ok());
  CHECK_FALSE(OpHarness("add").sequence(3, 4, x).infer().ok());
  CHECK_FALSE(OpHarness("add").sequence(3, 4, x).absent().infer().ok());
  CHECK_FALSE(OpHarness("add").sequence(3, 4, x).panels(3, 4, x).infer().ok());
  CHECK_FALSE(OpHarness("add").weight({3, 4}, x).weight({3, 4}, x).infer().ok());
  CHECK_FALSE(OpHarness("add").weight({3, 4}, x).constant(3, 4, x).infer().ok());
  OpHarness damaged("add");
  damaged.sequence(3, 4, x).sequence(3, 4, x);
  damaged.tensor(1).dim[0] = -1;
  CHECK_FALSE(damaged.infer().ok());
  OpHarness huge("add");
  huge.sequence(3, 4, x).sequence(3, 4, x);
  for (size_t k = 0; k < 2; ++k) {
    huge.tensor(k).dim[0] = huge.tensor(k).dim[1] = INT32_MAX;
  }
  CHECK_FALSE(huge.infer().ok());
  OpHarness rank("add");
  rank.sequence(3, 4, x).sequence(3, 4, x);
  rank.tensor(0).rank = 1 << 20;
  CHECK_FALSE(rank.infer().ok());
}

TEST_CASE("compress: magnitudes to the power, phases kept, silence silent") {
  Random random(37);
  std::vector<float> x = random.floats(2 * 2 * 161);
  x[0] = x[1] = 0.0f;
  for (const float exponent : {1.0f, 0.5f, 0.3f}) {
    std::vector<double> expected;
    std::vector<double> with_magnitude;
    for (size_t i = 0; i < x.size(); i += 2) {
      const double power = static_cast<double>(x[i]) * x[i] + static_cast<double>(x[i + 1]) * x[i + 1];
      const double gain = std::pow(power + 1e-8, (static_cast<double>(exponent) - 1.0) / 2.0);
      expected.push_back(x[i] * gain);
      expected.push_back(x[i + 1] * gain);
      with_magnitude.insert(with_magnitude.end(), expected.end() - 2, expected.end());
      with_magnitude.push_back(std::pow(power + 1e-8, static_cast<double>(exponent) / 2.0));
      with_magnitude.push_back(0.0);
    }
    OpHarness h("compress");
    check_close(h.sequence(161, 2, x).floats("exponent", {exponent}).run(), expected);
    check_close(h.ints("magnitude", {1}).run(), with_magnitude);
    CHECK(h.run(1) == h.run());
  }
  CHECK_FALSE(OpHarness("compress").sequence(3, 1, {1, 2, 3}).infer().ok());
  CHECK_FALSE(OpHarness("compress").sequence(1, 2, {1, 2}).floats("exponent", {0.0f}).infer().ok());
}

TEST_CASE("magnitude and complex_multiply match complex arithmetic") {
  Random random(36);
  const int frames = 3;
  for (const int bins : {1, 5, 161}) {
    const auto count = static_cast<size_t>(frames * bins * 2);
    const std::vector<float> a = random.floats(count);
    const std::vector<float> b = random.floats(count);
    const std::vector<float> c = random.floats(static_cast<size_t>(bins * 2));
    std::vector<double> magnitude;
    std::vector<double> product;
    std::vector<double> constant_product;
    const auto multiply = [](const float* u, const float* v, std::vector<double>* out) {
      out->push_back(static_cast<double>(u[0]) * v[0] - static_cast<double>(u[1]) * v[1]);
      out->push_back(static_cast<double>(u[0]) * v[1] + static_cast<double>(u[1]) * v[0]);
    };
    for (size_t i = 0; i < count; i += 2) {
      magnitude.push_back(std::hypot(a[i], a[i + 1]));
      multiply(&a[i], &b[i], &product);
      multiply(&c[i % c.size()], &a[i], &constant_product);
    }
    check_close(OpHarness("magnitude").sequence(bins, 2, a).run(), magnitude);
    OpHarness h("complex_multiply");
    check_close(h.sequence(bins, 2, a).sequence(bins, 2, b).run(1), product);
    OpHarness with_constant("complex_multiply");
    check_close(with_constant.constant(bins, 2, c).sequence(bins, 2, a).run(), constant_product);
  }
  CHECK_FALSE(OpHarness("magnitude").sequence(3, 1, {1, 2, 3}).infer().ok());
  CHECK_FALSE(OpHarness("complex_multiply")
                  .sequence(1, 2, {1, 2})
                  .sequence(2, 2, {1, 2, 3, 4})
                  .infer()
                  .ok());
  CHECK_FALSE(OpHarness("complex_multiply").sequence(1, 2, {1, 2}).infer().ok());
}

TEST_CASE("prelu: one slope, or one per channel") {
  Random random(37);
  for (const int channels : {1, 7, 32}) {
    for (const int slopes : {1, channels}) {
      const std::vector<float> x = random.floats(static_cast<size_t>(6 * channels));
      const std::vector<float> s = random.floats(static_cast<size_t>(slopes));
      std::vector<double> want;
      for (size_t i = 0; i < x.size(); ++i) {
        const double slope = s[i % s.size()];
        want.push_back(x[i] > 0.0f ? x[i] : slope * x[i]);
      }
      OpHarness h("prelu");
      check_close(h.sequence(2, channels, x).weight({slopes}, s).run(2), want);
    }
  }
  const std::vector<float> x(6);
  CHECK_FALSE(OpHarness("prelu").sequence(1, 6, x).weight({5}, {1, 2, 3, 4, 5}).infer().ok());
  CHECK_FALSE(OpHarness("prelu").sequence(1, 6, x).constant(1, 6, x).infer().ok());
  CHECK_FALSE(OpHarness("prelu").sequence(1, 6, x).infer().ok());
}

}  // namespace ligero
