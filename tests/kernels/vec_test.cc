// SPDX-License-Identifier: Apache-2.0
// The array functions against the C library in double precision. Not: who calls them.
#include "ops/kernels/vec/vec.h"

#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

#include "runtime/base/cpu.h"
#include "tests/support/guard.h"
#include "tests/support/random.h"
#include "tests/support/variants.h"

using namespace ligero;
using namespace ligero::testing;

namespace {

struct Function {
  const char* name;
  VecFn VecKernels::*member;
  double (*exact)(double);
  double (*bound)(double x, double y);
};

double absolute(double, double) {
  return 2e-7;
}

const Function kFunctions[] = {
    {"exp",
     &VecKernels::exp_f32,
     [](double x) { return std::exp(x); },
     [](double, double y) { return 2e-7 * y + 1.2e-38; }},
    {"sigmoid",
     &VecKernels::sigmoid_f32,
     [](double x) { return 1 / (1 + std::exp(-x)); },
     absolute},
    {"tanh", &VecKernels::tanh_f32, [](double x) { return std::tanh(x); }, absolute},
    {"gelu",
     &VecKernels::gelu_f32,
     [](double x) { return 0.5 * x * std::erfc(-x / std::sqrt(2.0)); },
     [](double x, double) { return 3e-7 * std::fmax(1.0, std::fabs(x)); }},
    {"elu", &VecKernels::elu_f32, [](double x) { return x > 0 ? x : std::expm1(x); }, absolute},
    {"relu",
     &VecKernels::relu_f32,
     [](double x) { return x > 0 ? x : 0; },
     [](double, double) { return 0.0; }},
};

void check(const VecKernels& kernels, const Function& f, const std::vector<float>& x, Edge edge) {
  Guarded<float> in(x, edge);
  Guarded<float> out(x.size(), edge);
  (kernels.*f.member)(in.data(), x.size(), out.data());
  double worst = 0;
  float at = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double exact = f.exact(static_cast<double>(x[i]));
    const double error = std::fabs(static_cast<double>(out.data()[i]) - exact) -
                         f.bound(static_cast<double>(x[i]), exact);
    if (!(error <= worst)) {
      worst = error;
      at = x[i];
    }
  }
  INFO(std::string(kernels.name),
       " ",
       std::string(f.name),
       " of ",
       x.size(),
       " elements, worst at ",
       at);
  CHECK(worst <= 0);
  (kernels.*f.member)(in.data(), x.size(), in.data());
  CHECK(in.values() == out.values());
}

}  // namespace

TEST_CASE("vec: every function stays within its stated error, on every variant") {
  const auto variants = every_variant(kVecVariants);
  REQUIRE(!variants.empty());
  std::vector<float> sweep;
  for (float x = -87.3f; x < 88.7f; x += 0.0037f) {
    sweep.push_back(x);
  }
  Random random(1);
  for (int i = 0; i < 20000; ++i) {
    sweep.push_back(random.uniform(-1.0f, 1.0f) * std::ldexp(1.0f, -random.integer(0, 30)));
  }
  sweep.insert(sweep.end(), {0.0f, -0.0f, 1e-30f, -1e-30f, 0.625f, -0.625f});
  for (size_t v = 0; v < variants.size(); ++v) {
    MESSAGE("variant ", std::string(variants[v]->name));
    for (const Function& f : kFunctions) {
      check(*variants[v], f, sweep, Edge::kEnd);
      for (size_t n : {1, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 97}) {
        const std::vector<float> x = random.floats(n, -6.0f, 6.0f);
        check(*variants[v], f, x, Edge::kEnd);
        check(*variants[v], f, x, Edge::kStart);
      }
    }
  }
}

TEST_CASE("vec: far values saturate without NaN, on every variant") {
  const auto variants = every_variant(kVecVariants);
  for (size_t v = 0; v < variants.size(); ++v) {
    const float x[] = {-3e38f, -1000.0f, -100.0f, 100.0f, 1000.0f, 3e38f};
    float y[6];
    const VecKernels& k = *variants[v];
    INFO(std::string(k.name));
    k.exp_f32(x, 6, y);
    CHECK((y[0] == 0 && y[2] < 1e-37f && std::isinf(y[3]) && std::isinf(y[5])));
    k.sigmoid_f32(x, 6, y);
    CHECK((y[0] == 0 && y[2] < 1e-37f && y[3] == 1 && y[5] == 1));
    k.tanh_f32(x, 6, y);
    CHECK((y[0] == -1 && y[2] == -1 && y[3] == 1 && y[5] == 1));
    k.gelu_f32(x, 6, y);
    CHECK((y[0] == 0 && y[2] == 0 && y[3] == 100 && y[5] == 3e38f));
    k.elu_f32(x, 6, y);
    CHECK((y[0] == -1 && y[2] == -1 && y[3] == 100 && y[5] == 3e38f));
  }
}

TEST_CASE("vec: prelu takes a slope for each element, on every variant") {
  const auto variants = every_variant(kVecVariants);
  Random random(7);
  for (size_t v = 0; v < variants.size(); ++v) {
    for (size_t n : {1, 15, 16, 17, 40}) {
      Guarded<float> x(random.floats(n), Edge::kEnd);
      Guarded<float> slopes(random.floats(n), Edge::kEnd);
      Guarded<float> y(n, Edge::kEnd);
      variants[v]->prelu_f32(x.data(), slopes.data(), n, y.data());
      for (size_t i = 0; i < n; ++i) {
        const float a = x.data()[i];
        CHECK(y.data()[i] == (a > 0 ? a : a * slopes.data()[i]));
      }
    }
  }
}
