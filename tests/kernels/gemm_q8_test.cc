// SPDX-License-Identifier: Apache-2.0
// The int8 product's variants: against exact integers, against each other bit for bit, and at the
// edges of memory. Not: how ops use it (tests/ops/q8_test.cc).
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "ops/kernels/conv/conv.h"
#include "runtime/base/checked.h"
#include "runtime/base/cpu.h"
#include "tests/support/guard.h"
#include "tests/support/hash.h"
#include "tests/support/panels.h"
#include "tests/support/random.h"
#include "tests/support/variants.h"

using namespace ligero;
using namespace ligero::testing;

namespace {

struct Case {
  int rows;
  int taps;
  int segments;  // of a tap
  int length;
  int outputs;
  int inner() const {
    return taps * segments * length;
  }
};

/// Integers all the way: scales of 1, so that every variant must give the very sums.
void check(const GemmQ8Kernels& kernels, const Case& c, int most, Random& random) {
  const auto integer = [&] { return static_cast<int8_t>(std::lround(random.floats(1)[0] * most)); };
  std::vector<int8_t> q(static_cast<size_t>(c.rows * c.inner()));
  std::generate(q.begin(), q.end(), integer);
  q[0] = static_cast<int8_t>(most);
  const int panels = (c.outputs + 15) / 16;
  std::vector<int8_t> w(static_cast<size_t>(panels * 16 * c.inner()));
  std::generate(w.begin(), w.end(), integer);
  w[0] = static_cast<int8_t>(-most);
  const std::vector<float> ones(static_cast<size_t>(c.outputs), 1.0f);
  Guarded<int8_t> q_guarded(q, Edge::kEnd);
  Guarded<int8_t> w_guarded(w, Edge::kEnd);
  Guarded<float> scales(ones, Edge::kEnd);
  Guarded<float> y(static_cast<size_t>(c.rows * c.outputs), Edge::kEnd);
  for (int first = 0; first < c.rows; first += kernels.shape.max_rows) {
    const int rows = std::min(kernels.shape.max_rows, c.rows - first);
    const int pieces = c.taps * c.segments;
    std::vector<const int8_t*> pointers(static_cast<size_t>(pieces * kGemmMaxRows));
    std::vector<float*> out(static_cast<size_t>(rows));
    std::vector<float> tap_scales(static_cast<size_t>(c.taps * kGemmMaxRows));
    std::vector<int32_t> sums(static_cast<size_t>(c.taps * kGemmMaxRows), 0);
    for (int r = 0; r < rows; ++r) {
      out[static_cast<size_t>(r)] = y.data() + (first + r) * c.outputs;
      for (int s = 0; s < pieces; ++s) {
        const int8_t* at = q_guarded.data() + (first + r) * c.inner() + s * c.length;
        pointers[static_cast<size_t>(s * kGemmMaxRows + r)] = at;
        const auto tap = static_cast<size_t>(s / c.segments * kGemmMaxRows + r);
        tap_scales[tap] = static_cast<float>(1 << (s / c.segments));
        int32_t sum = 0;
        if (kernels.sums != nullptr) {
          kernels.sums(at, 1, c.length, &sum);
        }
        sums[tap] += sum;
      }
    }
    GemmTile tile = {};
    tile.rows = rows;
    tile.segments = pieces;
    tile.length = c.length;
    tile.out = out.data();
    tile.taps = c.taps;
    tile.q = pointers.data();
    tile.q_scales = tap_scales.data();
    tile.q_sums = sums.data();
    GemmWeights weights;
    weights.data = w_guarded.data();
    weights.panel_stride = int64_t{16} * c.inner();
    weights.outputs = c.outputs;
    weights.scale = scales.data();
    kernels.tile(tile, weights, GemmEpilogue(), 0, panels);
  }
  INFO(std::string(kernels.name), " rows ", c.rows, " taps ", c.taps, " outputs ", c.outputs);
  size_t wrong = 0;
  for (int r = 0; r < c.rows; ++r) {
    for (int o = 0; o < c.outputs; ++o) {
      double want = 0;
      for (int k = 0; k < c.inner(); ++k) {
        const int at = ((o / 16 * (c.inner() / 4) + k / 4) * 16 + o % 16) * 4 + k % 4;
        want += std::ldexp(q[static_cast<size_t>(r * c.inner() + k)] * w[static_cast<size_t>(at)],
                           k / (c.segments * c.length));
      }
      // Sums below 2^24 are exact in float; larger ones are rounded once for each tap.
      const double got = static_cast<double>(y.data()[r * c.outputs + o]);
      wrong += std::fabs(got - want) > c.taps * std::ldexp(std::fabs(want), -23) ? 1 : 0;
    }
  }
  CHECK(wrong == 0);
}

}  // namespace

TEST_CASE("int8 product: every variant gives the exact sums, for all sizes, guard pages") {
  for (const GemmQ8Kernels* kernels : every_variant(kGemmQ8Variants)) {
    MESSAGE("variant ", std::string(kernels->name));
    Random random(21);
    for (int rows : {1, 2, 3, 5, 6, 7, 13}) {
      for (int outputs : {1, 15, 16, 17, 31, 64, 65, 128, 129, 161}) {
        check(*kernels, {rows, 1, 1, 4, outputs}, 127, random);
        check(*kernels, {rows, 3, 2, 12, outputs}, 127, random);
        check(*kernels, {rows, 2, 1, 132, outputs}, 127, random);
      }
    }
  }
}

TEST_CASE("int8 product: extreme values at the largest inner size do not overflow") {
  for (const GemmQ8Kernels* kernels : every_variant(kGemmQ8Variants)) {
    const auto inner = static_cast<size_t>(kGemmQ8MaxInner);
    for (int sign : {1, -1}) {
      const std::vector<int8_t> q(inner, 127);
      const std::vector<int8_t> w(inner * 16, static_cast<int8_t>(127 * sign));
      const int8_t* row = q.data();
      float y[16];
      float* out = y;
      const float one = 1.0f;
      int32_t sum = 0;
      if (kernels->sums != nullptr) {
        kernels->sums(row, 1, static_cast<int32_t>(inner), &sum);
      }
      GemmTile tile = {};
      tile.rows = 1;
      tile.segments = 1;
      tile.length = static_cast<int32_t>(inner);
      tile.out = &out;
      tile.q = &row;
      tile.q_scales = &one;
      tile.q_sums = &sum;
      const std::vector<float> scale(16, 1.0f);
      GemmWeights weights;
      weights.data = w.data();
      weights.panel_stride = static_cast<int64_t>(inner) * 16;
      weights.outputs = 16;
      weights.scale = scale.data();
      kernels->tile(tile, weights, GemmEpilogue(), 0, 1);
      const double want = 127.0 * 127.0 * static_cast<double>(inner) * sign;
      CHECK(static_cast<double>(y[15]) == doctest::Approx(want).epsilon(1e-7));
    }
  }
}

TEST_CASE("int8 rows: scratch of more than memory is not taken for little") {
  const ConvRows plain = {.bins = 2, .channels = 64};
  CHECK(conv_q8_scratch_bytes(plain, 3) == 64 + 64 + 64 + 3 * 128);
  for (const int32_t bins : {1 << 16, 1 << 30, INT32_MAX}) {
    for (const int32_t channels : {1 << 16, 1 << 30, INT32_MAX - 3}) {
      const ConvRows rows = {.bins = bins, .channels = channels, .taps_t = 8, .dilation_t = 64};
      CAPTURE(bins);
      CAPTURE(channels);
      const size_t bytes = conv_q8_scratch_bytes(rows, 1 << 20);
      // At least 64 frames at once: more than 2^38 bytes.
      CHECK(bytes >= (sizeof(size_t) < 8 ? kTooManyBytes : size_t{1} << 19 << 19));
      CHECK(bytes <= kTooManyBytes);
    }
  }
}

TEST_CASE("int8 product: values and sums are those of every other processor, bit for bit") {
  // x86 and ARM, each variant and the reference: made once, expected everywhere.
  constexpr uint64_t kEverywhere = 0x26346642AC8590EFu;
  constexpr int kInner = 516;
  constexpr int kOutputs = 48;
  const auto quantizers = every_variant(kQuantizeVariants);
  size_t number = 0;
  for (const GemmQ8Kernels* kernels : every_variant(kGemmQ8Variants)) {
    const QuantizeKernels& quantize = *quantizers.at(number++);
    CHECK(std::string(quantize.name) == kernels->name);
    Hash hash;
    for (uint64_t seed = 1; seed <= 20; ++seed) {
      Random random(seed);
      const std::vector<float> x = random.floats(kInner);
      std::vector<int8_t> q(x.size());
      const float scale = quantize.q8(x.data(), kInner, q.data());
      hash.add(q.data(), q.size());
      std::vector<int8_t> w(size_t{kInner} * kOutputs);
      std::generate(w.begin(), w.end(), [&] { return random.integer(-127, 127); });
      const std::vector<float> w_scales = random.floats(kOutputs);
      const int8_t* row = q.data();
      float y[kOutputs];
      float* out = y;
      int32_t sum = 0;
      if (kernels->sums != nullptr) {
        kernels->sums(row, 1, kInner, &sum);
      }
      GemmTile tile = {};
      tile.rows = 1;
      tile.segments = 1;
      tile.length = kInner;
      tile.out = &out;
      tile.q = &row;
      tile.q_scales = &scale;
      tile.q_sums = &sum;
      GemmWeights weights;
      weights.data = w.data();
      weights.panel_stride = int64_t{16} * kInner;
      weights.outputs = kOutputs;
      weights.scale = w_scales.data();
      kernels->tile(tile, weights, GemmEpilogue(), 0, kOutputs / 16);
      hash.add(y, sizeof(y));
    }
    INFO(std::string(kernels->name));
    CHECK(hash.value() == kEverywhere);
  }
}
