// SPDX-License-Identifier: Apache-2.0
// Sums and maxima against double precision. Not: the norms that use them.
#include "ops/kernels/reduce/reduce.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "tests/support/random.h"

namespace ligero {

TEST_CASE("reduce: every length to 70, and long ones, match double precision") {
  testing::Random random(3);
  std::vector<size_t> lengths(70);
  std::iota(lengths.begin(), lengths.end(), 1);
  lengths.insert(lengths.end(), {1023, 1024, 1025, 100003});
  for (const size_t n : lengths) {
    CAPTURE(n);
    const std::vector<float> x = random.floats(n, -3.0f, 4.0f);
    double sum = 0.0;
    double squares = 0.0;
    for (const float v : x) {
      sum += v;
      squares += (v - 0.5) * (v - 0.5);
    }
    const double scale = 4.0 * static_cast<double>(n);
    CHECK(std::abs(sum_f32(x.data(), n) - sum) <= 2e-6 * scale);
    CHECK(std::abs(sum_squares_f32(x.data(), n, 0.5f) - squares) <= 2e-5 * squares);
    const std::vector<float> y = random.floats(n);
    const double dot = std::inner_product(x.begin(), x.end(), y.begin(), 0.0);
    CHECK(std::abs(dot_f32(x.data(), y.data(), n) - dot) <= 2e-6 * scale);
    CHECK(max_f32(x.data(), n) == *std::max_element(x.begin(), x.end()));
  }
}

}  // namespace ligero
