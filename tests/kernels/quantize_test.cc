// SPDX-License-Identifier: Apache-2.0
// Rows of int8: every variant against the reference, at the edges of memory. Not: the products that
// take them (gemm_q8_test.cc).
#include "ops/kernels/quantize/quantize.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "tests/support/guard.h"
#include "tests/support/random.h"
#include "tests/support/variants.h"

using namespace ligero;
using namespace ligero::testing;

TEST_CASE("quantize: rounds to even, keeps 127, and is alike on every variant") {
  Random random(22);
  const auto all = every_variant(kQuantizeVariants);
  const QuantizeKernels& reference = *all.back();
  for (int n : {1, 3, 15, 16, 17, 100, 1031}) {
    for (float size : {1.0f, 1e-30f, 3e37f}) {
      std::vector<float> x = random.floats(static_cast<size_t>(n));
      for (float& v : x) {
        v *= size;
      }
      Guarded<float> guarded(x, Edge::kEnd);
      std::vector<int8_t> want(x.size());
      const float scale = reference.q8(guarded.data(), n, want.data());
      CHECK(*std::max_element(
                want.begin(), want.end(), [](int a, int b) { return std::abs(a) < std::abs(b); }) /
                127 !=
            0);
      for (const QuantizeKernels* kernels : all) {
        Guarded<int8_t> q(x.size(), Edge::kEnd);
        INFO(std::string(kernels->name), " n ", n, " size ", size);
        CHECK(kernels->q8(guarded.data(), n, q.data()) == scale);
        CHECK(q.values() == want);
      }
    }
  }
}

TEST_CASE("quantize: a frame of zeros, or nearly, is zeros; what is no number stays none") {
  for (const QuantizeKernels* kernels : every_variant(kQuantizeVariants)) {
    std::vector<float> x(37, 0.0f);
    std::vector<int8_t> q(x.size(), 5);
    CHECK(kernels->q8(x.data(), 37, q.data()) == 0.0f);
    CHECK(std::count(q.begin(), q.end(), 0) == 37);
    x[36] = std::numeric_limits<float>::denorm_min();
    CHECK(kernels->q8(x.data(), 37, q.data()) == 0.0f);
    for (const float fault : {std::numeric_limits<float>::infinity(),
                              -std::numeric_limits<float>::infinity(),
                              std::numeric_limits<float>::quiet_NaN()}) {
      for (const size_t at : {0, 16, 36}) {
        std::vector<float> bad(37, 0.5f);
        bad[at] = fault;
        CHECK(std::isnan(kernels->q8(bad.data(), 37, q.data())));
        CHECK(std::count(q.begin(), q.end(), 0) == 37);
      }
    }
  }
}
