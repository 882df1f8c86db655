// SPDX-License-Identifier: Apache-2.0
// linear against plain loops. Not: the product's variants (tests/kernels).
#include <doctest/doctest.h>

#include "runtime/base/cpu.h"
#include "tests/ops/products_oracle.h"
#include "tests/support/close.h"
#include "tests/support/op_harness.h"
#include "tests/support/panels.h"
#include "tests/support/random.h"

using namespace ligero;
using namespace ligero::testing;

namespace {

Doubles oracle(const Floats& x, const Floats& w, int inner, int outputs, const Epilogue& e) {
  Doubles y;
  for (size_t row = 0; row < x.size() / static_cast<size_t>(inner); ++row) {
    for (int o = 0; o < outputs; ++o) {
      double sum = 0;
      for (int k = 0; k < inner; ++k) {
        sum += static_cast<double>(x[row * static_cast<size_t>(inner) + static_cast<size_t>(k)]) *
               static_cast<double>(w[static_cast<size_t>(k * outputs + o)]);
      }
      y.push_back(finish(e, static_cast<size_t>(o), sum));
    }
  }
  return y;
}

}  // namespace

TEST_CASE("linear: every activation, with bias and post scale, matches plain loops") {
  Random random(1);
  for (int activation = 0; activation < 7; ++activation) {
    for (int outputs : {1, 15, 16, 17, 64, 161}) {
      const int frames = 5;
      const int bins = 3;
      const int inner = 37;
      Epilogue e;
      e.activation = activation;
      e.bias = random.floats(static_cast<size_t>(outputs));
      e.slopes = random.floats(static_cast<size_t>(outputs));
      e.scale = random.floats(static_cast<size_t>(outputs));
      e.shift = random.floats(static_cast<size_t>(outputs));
      const Floats x = random.floats(static_cast<size_t>(frames * bins * inner));
      const Floats w = random.floats(static_cast<size_t>(inner * outputs));
      OpHarness h("linear");
      h.sequence(bins, inner, x).panels(inner, outputs, w).weight({outputs}, e.bias);
      h.weight({outputs}, e.slopes).weight({outputs}, e.scale).weight({outputs}, e.shift);
      h.ints("activation", {activation});
      INFO("activation ", activation, " outputs ", outputs);
      const Floats whole = h.run();
      CHECK(difference(whole, oracle(x, w, inner, outputs, e), 2e-6) == "");
      CHECK(h.run(1) == whole);
      CHECK(h.run(2) == whole);
      CHECK(h.inference().macs == int64_t{1} * bins * inner * outputs);
    }
  }
}

TEST_CASE("linear: half-precision weights are those weights, exactly") {
  Random random(2);
  const int inner = 70;
  const int outputs = 50;
  const Floats x = random.floats(static_cast<size_t>(9 * inner));
  const Floats w = random.floats(static_cast<size_t>(inner * outputs));
  OpHarness half("linear");
  half.sequence(1, inner, x).panels(inner, outputs, w, Type::kF16);
  OpHarness full("linear");
  full.sequence(1, inner, x).panels(inner, outputs, rounded_to_half(w));
  CHECK(half.run() == full.run());
  CHECK(half.run(1) == full.run());
}

TEST_CASE("linear: a constant gives a constant") {
  Random random(3);
  OpHarness h("linear");
  h.constant(1, 8, random.floats(8)).panels(8, 5, random.floats(40));
  REQUIRE(h.infer().ok());
  CHECK(h.inference().outputs[0].kind == Kind::kConstant);
  CHECK(h.run().size() == 5);
}

TEST_CASE("linear: the scalar reference is a variant like the others") {
  Random random(4);
  const Floats x = random.floats(6 * 40);
  const Floats w = random.floats(40 * 33);
  OpHarness best("linear");
  best.sequence(1, 40, x).panels(40, 33, w);
  OpHarness reference("linear");
  reference.sequence(1, 40, x).panels(40, 33, w).cpu(0);
  CHECK(difference(best.run(), reference.run(), 1e-6) == "");
}

TEST_CASE("linear: what does not fit together is refused") {
  Random random(5);
  const auto refusal = [&](auto&& damage) {
    OpHarness h("linear");
    h.sequence(1, 8, random.floats(16))
        .panels(8, 5, random.floats(40))
        .weight({5}, random.floats(5));
    h.absent().absent().absent();
    damage(h);
    return h.infer().code;
  };
  CHECK(refusal([](OpHarness&) {}) == Code::kOk);
  CHECK(refusal([](OpHarness& h) { h.tensor(0).dim[1] = 9; }) == Code::kBadModel);
  CHECK(refusal([](OpHarness& h) { h.tensor(0).dim[0] = 0; }) == Code::kBadModel);
  CHECK(refusal([](OpHarness& h) { h.tensor(1).dim[0] = 7; }) == Code::kBadModel);
  CHECK(refusal([](OpHarness& h) { h.tensor(1).dim[1] = -5; }) == Code::kBadModel);
  CHECK(refusal([](OpHarness& h) { h.tensor(1).dim[1] = 6; }) == Code::kBadModel);
  CHECK(refusal([](OpHarness& h) { h.tensor(1).layout = Layout::kPlain; }) == Code::kBadModel);
  CHECK(refusal([](OpHarness& h) { h.tensor(1).kind = Kind::kConstant; }) == Code::kBadModel);
  CHECK(refusal([](OpHarness& h) { h.tensor(1).type = Type::kQ8; }) == Code::kBadModel);
  CHECK(refusal([](OpHarness& h) { h.tensor(2).dim[0] = 4; }) == Code::kBadModel);
  CHECK(refusal([](OpHarness& h) { h.ints("activation", {7}); }) == Code::kBadModel);
  CHECK(refusal([](OpHarness& h) { h.ints("activation", {-1}); }) == Code::kBadModel);
  CHECK(refusal([](OpHarness& h) { h.ints("activation", {2}); }) == Code::kBadModel);
}
