// SPDX-License-Identifier: Apache-2.0
// On the board: the int8 product and the making of int8 rows give the reference's bits, and the
// bits of every other processor; the LSTM cell is within its bounds.
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

#include "model/format/loader.h"
#include "ops/kernels/gemm/gemm.h"
#include "ops/kernels/lstm/lstm.h"
#include "ops/kernels/quantize/quantize.h"
#include "platforms/cortex_m/semihosting.h"
#include "platforms/cortex_m/table_bytes.h"
#include "runtime/base/cpu.h"
#include "runtime/plan/plan.h"
#include "tests/support/random.h"

namespace ligero {
namespace {

// What `ligero info --arena` computes with.
static_assert(sizeof(Graph) == kBoardGraphBytes);
static_assert(sizeof(Tensor) == kBoardTensorBytes);
static_assert(sizeof(Node) == kBoardNodeBytes);
static_assert(sizeof(Attribute) == kBoardAttributeBytes);
static_assert(sizeof(Placement) == kBoardPlacementBytes);
static_assert(sizeof(NodePlacement) == kBoardNodePlacementBytes);

using testing::Random;

constexpr int kMostInner = 1024;
constexpr int kMostOutputs = 80;
constexpr int kMostRows = 4;
constexpr int kMostPlaces = 16 * kGemmMaxRows;  // 16 segments

int checks = 0;
int failures = 0;

void check(bool holds, const char* what, int64_t where) {
  ++checks;
  if (!holds) {
    ++failures;
    board_say("failed: ");
    board_say_number(what, where);
  }
}

struct Problem {
  int32_t taps;
  int32_t segments;  ///< of a tap
  int32_t length;
  int32_t outputs;
  int32_t rows;
};

alignas(64) int8_t weights[kMostInner * kMostOutputs];
int8_t values[kMostRows * kMostInner];
const int8_t* q[kMostPlaces];
float q_scales[kMostPlaces];
float w_scales[kMostOutputs], bias[kMostOutputs], slopes[kMostOutputs], add[3 * kMostOutputs];
float y[2][kMostRows][kMostOutputs];

void fill(Random* random, float* x, int n) {
  for (int i = 0; i < n; ++i) {
    x[i] = random->uniform();
  }
}

void compute(const GemmQ8Kernels& kernels, const Problem& p, Activation activation, int to) {
  float* out[kMostRows];
  const float* add_rows[kMostRows];
  int32_t add_count[kMostRows];
  for (int r = 0; r < p.rows; ++r) {
    std::fill(y[to][r], y[to][r] + kMostOutputs, 12345.0f);
    out[r] = y[to][r];
    add_rows[r] = add;
    add_count[r] = r % 3;
  }
  GemmTile tile = {};
  tile.rows = p.rows;
  tile.segments = p.taps * p.segments;
  tile.length = p.length;
  tile.out = out;
  tile.add = add_rows;
  tile.add_count = add_count;
  tile.add_stride = kMostOutputs;
  tile.taps = p.taps;
  tile.q = q;
  tile.q_scales = q_scales;
  GemmWeights w;
  w.data = weights;
  w.panel_stride = int64_t{kGemmPanel} * p.taps * p.segments * p.length;
  w.outputs = p.outputs;
  w.scale = w_scales;
  GemmEpilogue epilogue;
  epilogue.bias = bias;
  epilogue.slopes = slopes;
  epilogue.activation = activation;
  kernels.tile(tile, w, epilogue, 0, (p.outputs + kGemmPanel - 1) / kGemmPanel);
}

/// Every bit of every output, and nothing written beyond them.
void compare_tiles(const GemmQ8Kernels& a, const GemmQ8Kernels& b) {
  constexpr Problem kProblems[] = {
      {1, 1, 4, 1, 1},
      {1, 1, 16, 16, 1},
      {1, 1, 20, 17, 2},
      {3, 3, 24, 30, 4},
      {3, 1, 72, 24, 3},
      {2, 5, 12, 80, 4},
      {1, 1, 128, 64, 1},
      {1, 1, 516, 48, 1},
      {3, 3, 96, 64, 4},
      {1, 2, 28, 3, 1},
      {1, 0, 4, 16, 1},
  };
  int64_t number = 0;
  for (const Problem& p : kProblems) {
    Random random(static_cast<uint64_t>(++number));
    for (int8_t& w : weights) {
      w = static_cast<int8_t>(random.integer(-127, 127));
    }
    for (int8_t& v : values) {
      v = static_cast<int8_t>(random.integer(0, 9) == 0 ? 127 : random.integer(-127, 127));
    }
    for (int s = 0; s < p.taps * p.segments * kGemmMaxRows; ++s) {
      q[s] = values + random.integer(0, kMostInner - p.length);
    }
    fill(&random, q_scales, p.taps * kGemmMaxRows);
    fill(&random, w_scales, kMostOutputs);
    fill(&random, bias, kMostOutputs);
    fill(&random, slopes, kMostOutputs);
    fill(&random, add, 3 * kMostOutputs);
    for (const Activation activation :
         {Activation::kNone, Activation::kPrelu, Activation::kTanh, Activation::kGelu}) {
      compute(a, p, activation, 0);
      compute(b, p, activation, 1);
      check(
          std::memcmp(y[0], y[1], sizeof(float) * kMostOutputs * static_cast<size_t>(p.rows)) == 0,
          "outputs differ, problem",
          number);
    }
  }
}

/// Cells and outputs of the reference to 1e-6, with a limit and without; what is no number stays
/// so.
void compare_cells(const LstmKernels& a, const LstmKernels& b) {
  constexpr int kMost = 19;
  float z[4 * kMost], c[2][kMost + 1], h[2][kMost + 1];
  for (int n = 1; n <= kMost; ++n) {
    for (const float limit : {std::numeric_limits<float>::infinity(), 0.5f}) {
      Random random(static_cast<uint64_t>(n));
      fill(&random, z, 4 * n);
      fill(&random, c[0], n);
      for (int i = 0; i < 4 * n; ++i) {
        z[i] *= i % 7 == 0 ? 200.0f : 8.0f;
      }
      z[n / 2] = n % 5 == 0 ? std::nanf("") : z[n / 2];
      c[0][n] = h[0][n] = h[1][n] = 12345.0f;
      std::memcpy(c[1], c[0], sizeof(c[0]));
      a.cell_f32(z, n, limit, c[0], h[0]);
      b.cell_f32(z, n, limit, c[1], h[1]);
      for (int i = 0; i <= n; ++i) {
        const bool both = std::isnan(c[0][i]) && std::isnan(c[1][i]) && std::isnan(h[1][i]);
        const bool near =
            std::fabs(c[0][i] - c[1][i]) <= 1e-6f && std::fabs(h[0][i] - h[1][i]) <= 1e-6f;
        check(both || near, "cells differ, units", n);
      }
    }
  }
}

void compare_values(const QuantizeKernels& a, const QuantizeKernels& b) {
  float x[70];
  int8_t of_a[72], of_b[72];
  for (int n = 0; n <= 70; ++n) {
    for (const float special :
         {0.5f, std::numeric_limits<float>::infinity(), std::nanf(""), 1e-38f}) {
      Random random(static_cast<uint64_t>(n));
      fill(&random, x, n);
      if (special < 1e-30f) {  // all of it too small
        for (int i = 0; i < n; ++i) {
          x[i] *= special;
        }
      } else if (n > 0) {
        x[n - 1] = special;
      }
      std::memset(of_a, 77, sizeof(of_a));
      std::memset(of_b, 77, sizeof(of_b));
      const float s = a.q8(x, n, of_a);
      const float t = b.q8(x, n, of_b);
      check(std::memcmp(of_a, of_b, sizeof(of_a)) == 0, "values differ, of a row of", n);
      check(
          std::isnan(s) ? std::isnan(t) : std::bit_cast<uint32_t>(s) == std::bit_cast<uint32_t>(t),
          "scales differ, of a row of",
          n);
    }
  }
}

/// The sums and values of tests/kernels/gemm_q8_test.cc, which expects this hash of every
/// variant of every processor.
void compare_with_others(const GemmQ8Kernels& kernels, const QuantizeKernels& quantize) {
  constexpr uint64_t kEverywhere = 0x26346642AC8590EFu;
  constexpr Problem kProblem = {1, 1, 516, 48, 1};
  static float x[kProblem.length];
  uint64_t hash = 0xCBF29CE484222325u;  // FNV-1a
  const auto hash_in = [&hash](const void* data, size_t bytes) {
    for (size_t i = 0; i < bytes; ++i) {
      hash = (hash ^ static_cast<const unsigned char*>(data)[i]) * 0x100000001B3u;
    }
  };
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    Random random(seed);
    fill(&random, x, kProblem.length);
    q_scales[0] = quantize.q8(x, kProblem.length, values);
    hash_in(values, kProblem.length);
    for (int i = 0; i < kProblem.length * kProblem.outputs; ++i) {
      weights[i] = static_cast<int8_t>(random.integer(-127, 127));
    }
    fill(&random, w_scales, kProblem.outputs);
    std::memset(bias, 0, sizeof(bias));
    q[0] = values;
    compute(kernels, kProblem, Activation::kNone, 0);
    hash_in(y[0][0], sizeof(float) * kProblem.outputs);
  }
  check(hash == kEverywhere, "another hash than on other processors", 0);
}

int run() {
  size_t count = 0;
  while (const GemmQ8Kernels* kernels = kGemmQ8Variants.nth(cpu_features(), count)) {
    const QuantizeKernels& quantize = *kQuantizeVariants.nth(cpu_features(), count);
    board_say(kernels->name);
    board_say("\n");
    compare_tiles(*kernels, kGemmQ8Variants.best(0));
    compare_values(quantize, kQuantizeVariants.best(0));
    compare_with_others(*kernels, quantize);
    compare_cells(*kLstmVariants.nth(cpu_features(), count), kLstmVariants.best(0));
    ++count;
  }
  check(count == 2, "expected MVE's kernel and the reference, not", static_cast<int64_t>(count));
  board_say_number("checks", checks);
  board_say_number("failures", failures);
  return failures == 0 && checks > 0 ? 0 : 1;
}

}  // namespace
}  // namespace ligero

int main() {
  return ligero::run();
}
