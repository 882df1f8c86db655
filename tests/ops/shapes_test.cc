// SPDX-License-Identifier: Apache-2.0
// concat, slice, reshape, transpose, sum_chunks: every element is where it should be. Not:
// arithmetic.
#include <doctest/doctest.h>

#include <numeric>
#include <vector>

#include "tests/support/op_harness.h"
#include "tests/support/random.h"

namespace ligero {
namespace {

using testing::OpHarness;
using testing::Random;

/// 0, 1, 2, ...
std::vector<float> count(size_t n) {
  std::vector<float> x(n);
  std::iota(x.begin(), x.end(), 0.0f);
  return x;
}

void check_shape(const OpHarness& h, Kind kind, int bins, int channels) {
  CHECK(h.inference().outputs[0].kind == kind);
  CHECK(h.inference().outputs[0].dim[0] == bins);
  CHECK(h.inference().outputs[0].dim[1] == channels);
}

}  // namespace

TEST_CASE("concat: eight inputs, constants repeated over time") {
  const int frames = 3;
  const int bins = 5;
  OpHarness h("concat");
  std::vector<std::vector<float>> parts;
  Random random(51);
  int total = 0;
  for (int k = 0; k < 8; ++k) {
    const int channels = k == 3 ? 17 : k == 6 ? 40 : k + 1;
    const int rows = k % 3 == 1 ? 1 : frames;
    parts.push_back(random.floats(static_cast<size_t>(rows * bins * channels)));
    if (rows == 1) {
      h.constant(bins, channels, parts.back());
    } else {
      h.sequence(bins, channels, parts.back());
    }
    total += channels;
  }
  const std::vector<float> y = h.run();
  check_shape(h, Kind::kSequence, bins, total);
  std::vector<float> want;
  for (int row = 0; row < frames * bins; ++row) {
    for (int k = 0; k < 8; ++k) {
      const int channels = k == 3 ? 17 : k == 6 ? 40 : k + 1;
      const int source = k % 3 == 1 ? row % bins : row;
      const auto begin = parts[static_cast<size_t>(k)].begin() + source * channels;
      want.insert(want.end(), begin, begin + channels);
    }
  }
  CHECK(y == want);
  CHECK(h.run(1) == want);
}

TEST_CASE("concat: along bins, and with a weight") {
  OpHarness h("concat");
  h.sequence(1, 2, {1, 2, 11, 12}).weight({2, 2}, {3, 4, 5, 6}).constant(1, 2, {7, 8});
  h.ints("axis", {1});
  const std::vector<float> want = {1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 3, 4, 5, 6, 7, 8};
  CHECK(h.run() == want);
  CHECK(h.run(1) == want);
  CHECK(h.inference().outputs[0].dim[0] == 4);
  CHECK(h.inference().outputs[0].dim[1] == 2);
  OpHarness beside("concat");
  beside.sequence(2, 1, {1, 2, 3, 4}).weight({2, 1}, {8, 9});
  CHECK(beside.run() == std::vector<float>{1, 8, 2, 9, 3, 8, 4, 9});
  OpHarness other("concat");
  other.sequence(1, 2, {1, 2}).sequence(1, 3, {1, 2, 3}).ints("axis", {1});
  CHECK_FALSE(other.infer().ok());
}

TEST_CASE("concat: of constants is a constant; one input is a copy; refusals") {
  OpHarness h("concat");
  CHECK(h.constant(2, 1, {1, 2}).constant(2, 2, {3, 4, 5, 6}).run() ==
        std::vector<float>{1, 3, 4, 2, 5, 6});
  check_shape(h, Kind::kConstant, 2, 3);
  CHECK(OpHarness("concat").sequence(1, 2, {1, 2, 3, 4}).run() == std::vector<float>{1, 2, 3, 4});
  CHECK_FALSE(OpHarness("concat").infer().ok());
  CHECK_FALSE(OpHarness("concat").sequence(1, 2, {1, 2}).sequence(2, 1, {1, 2}).infer().ok());
  CHECK_FALSE(OpHarness("concat").sequence(1, 2, {1, 2}).absent().infer().ok());
  CHECK_FALSE(OpHarness("concat").weight({1, 2}, {1, 2}).infer().ok());
  CHECK_FALSE(OpHarness("concat").sequence(1, 2, {1, 2}).ints("axis", {0}).infer().ok());
  OpHarness nine("concat");
  for (int k = 0; k < 9; ++k) {
    nine.sequence(1, 1, {1});
  }
  CHECK_FALSE(nine.infer().ok());
  OpHarness huge("concat");
  for (size_t k = 0; k < 8; ++k) {
    huge.sequence(1, 1, {1});
  }
  for (size_t k = 0; k < 8; ++k) {
    huge.tensor(k).dim[1] = 1 << 26;
  }
  CHECK_FALSE(huge.infer().ok());
}

TEST_CASE("slice: some channels of each bin") {
  const std::vector<float> x = count(4 * 3 * 7);
  for (const auto& [begin, size] : {std::pair{0, 7}, {0, 1}, {6, 1}, {2, 3}}) {
    OpHarness h("slice");
    const std::vector<float> y =
        h.sequence(3, 7, x).ints("begin", {begin}).ints("count", {size}).run();
    check_shape(h, Kind::kSequence, 3, size);
    size_t i = 0;
    for (int row = 0; row < 12; ++row) {
      for (int c = 0; c < size; ++c, ++i) {
        REQUIRE(y[i] == static_cast<float>(row * 7 + begin + c));
      }
    }
    CHECK(h.run(1) == y);
  }
  for (const auto& [begin, size] :
       {std::pair{0, 8}, {7, 1}, {-1, 2}, {0, 0}, {3, 5}, {1, INT32_MAX}, {INT32_MAX, 1}}) {
    OpHarness h("slice");
    CHECK_FALSE(h.sequence(3, 7, x).ints("begin", {begin}).ints("count", {size}).infer().ok());
  }
  CHECK_FALSE(OpHarness("slice").sequence(3, 7, x).infer().ok());
}

TEST_CASE("reshape: keeps the memory order") {
  const std::vector<float> x = count(24);
  OpHarness h("reshape");
  CHECK(h.sequence(3, 4, x).ints("bins", {1}).ints("channels", {12}).run() == x);
  check_shape(h, Kind::kSequence, 1, 12);
  CHECK(h.run(1) == x);
  OpHarness constant("reshape");
  CHECK(constant.constant(1, 24, x).ints("bins", {6}).ints("channels", {4}).run() == x);
  check_shape(constant, Kind::kConstant, 6, 4);
  for (const auto& [bins, channels] : {std::pair{1, 11}, {0, 12}, {-3, -4}, {65536, 65536}}) {
    OpHarness bad("reshape");
    bad.sequence(3, 4, x).ints("bins", {bins}).ints("channels", {channels});
    CHECK_FALSE(bad.infer().ok());
  }
}

TEST_CASE("transpose: bins and channels change places in each frame") {
  const int shapes[][2] = {{1, 1}, {1, 9}, {9, 1}, {4, 256}, {7, 5}};
  for (const auto& [bins, channels] : shapes) {
    const std::vector<float> x = count(static_cast<size_t>(3 * bins * channels));
    OpHarness h("transpose");
    const std::vector<float> y = h.sequence(bins, channels, x).run();
    check_shape(h, Kind::kSequence, channels, bins);
    size_t i = 0;
    for (int t = 0; t < 3; ++t) {
      for (int c = 0; c < channels; ++c) {
        for (int f = 0; f < bins; ++f, ++i) {
          REQUIRE(y[i] == static_cast<float>((t * bins + f) * channels + c));
        }
      }
    }
    CHECK(h.run(1) == y);
    OpHarness back("transpose");
    CHECK(back.sequence(channels, bins, y).run() == x);
  }
}

TEST_CASE("sum_chunks: adds equal parts of the channels") {
  Random random(52);
  for (const int chunks : {1, 2, 3, 12}) {
    const std::vector<float> x = random.floats(5 * 2 * 12);
    OpHarness h("sum_chunks");
    const std::vector<float> y = h.sequence(2, 12, x).ints("chunks", {chunks}).run();
    const int width = 12 / chunks;
    check_shape(h, Kind::kSequence, 2, width);
    for (int row = 0; row < 10; ++row) {
      for (int c = 0; c < width; ++c) {
        double want = 0.0;
        for (int k = 0; k < chunks; ++k) {
          want += x[static_cast<size_t>(row * 12 + k * width + c)];
        }
        REQUIRE(y[static_cast<size_t>(row * width + c)] == doctest::Approx(want).epsilon(1e-5));
      }
    }
    CHECK(h.run(1) == y);
  }
  for (const int chunks : {0, -1, 5, 24}) {
    OpHarness h("sum_chunks");
    CHECK_FALSE(h.sequence(1, 12, count(12)).ints("chunks", {chunks}).infer().ok());
  }
}

}  // namespace ligero
