// SPDX-License-Identifier: Apache-2.0
// The product's variants against Eigen in double precision, against each other's rows and at the
// edges of memory. Not: how ops describe convolutions (tests/ops).
#include <doctest/doctest.h>

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "ops/kernels/conv/conv.h"
#include "runtime/base/cpu.h"
#include "tests/support/guard.h"
#include "tests/support/panels.h"
#include "tests/support/random.h"
#include "tests/support/threads.h"
#include "tests/support/variants.h"

using namespace ligero;
using namespace ligero::testing;

namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using FloatMatrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

Matrix matrix(const std::vector<float>& x, int rows, int columns) {
  return Eigen::Map<const FloatMatrix>(x.data(), rows, columns).cast<double>();
}

struct Case {
  int rows;
  int inner;
  int outputs;
  bool half;
};

/// All operands against guard pages; weights on their 64 bytes.
struct Operands {
  Operands(const Case& c, Edge edge, Random& random)
      : a_values(random.floats(static_cast<size_t>(c.rows * c.inner))),
        w_values(random.floats(static_cast<size_t>(c.inner * c.outputs))),
        bias_values(random.floats(static_cast<size_t>(c.outputs))),
        add_values(random.floats(static_cast<size_t>(c.rows * c.outputs))),
        a(a_values, edge),
        bias(bias_values, edge),
        add(add_values, edge),
        y(static_cast<size_t>(c.rows * c.outputs), edge),
        w(pack_panels(w_values, c.inner, c.outputs), edge),
        w_half(to_halves(pack_panels(w_values, c.inner, c.outputs)), edge) {}
  std::vector<float> a_values, w_values, bias_values, add_values;
  Guarded<float> a, bias, add, y, w;
  Guarded<uint16_t> w_half;
};

ConvProblem problem(const GemmKernels& kernels, const Case& c, Operands& x) {
  ConvProblem p;
  p.shape = kernels.shape;
  p.tile = c.half ? kernels.f16 : kernels.f32;
  p.weight_bytes = c.half ? 2 : 4;
  p.weights.data = c.half ? static_cast<const void*>(x.w_half.data()) : x.w.data();
  p.weights.panel_stride = int64_t{1} * c.inner * kGemmPanel;
  p.weights.outputs = c.outputs;
  p.epilogue.bias = x.bias.data();
  p.rows.x = x.a.data();
  p.rows.frame_stride = c.inner;
  p.rows.channels = c.inner;
  p.output.y = x.y.data();
  p.output.frame_stride = c.outputs;
  p.add.data = x.add.data();
  p.add.frame_stride = c.outputs;
  return p;
}

void check(const GemmKernels& kernels, const Case& c, Edge edge, Random& random) {
  Operands x(c, edge, random);
  const ConvProblem p = problem(kernels, c, x);
  convolve(p, c.rows, nullptr);
  const std::vector<float> w = c.half ? rounded_to_half(x.w_values) : x.w_values;
  const Matrix a = matrix(x.a_values, c.rows, c.inner);
  const Matrix b = matrix(w, c.inner, c.outputs);
  const Matrix bias = matrix(x.bias_values, 1, c.outputs).replicate(c.rows, 1);
  const Matrix add = matrix(x.add_values, c.rows, c.outputs);
  const Matrix want = a * b + bias + add;
  const Matrix bound = (a.cwiseAbs() * b.cwiseAbs() + bias.cwiseAbs() + add.cwiseAbs()) *
                       ((c.inner + 4) * std::ldexp(1.0, -24));
  const Matrix got = matrix(x.y.values(), c.rows, c.outputs);
  INFO(std::string(kernels.name),
       " rows ",
       c.rows,
       " inner ",
       c.inner,
       " outputs ",
       c.outputs,
       " half ",
       c.half);
  CHECK(((got - want).cwiseAbs() - bound).maxCoeff() <= 0);
  // One row alone gives the same bits as in a block.
  ConvProblem one = p;
  const std::vector<float> block = x.y.values();
  for (int row = 0; row < c.rows; ++row) {
    one.rows.x = x.a.data() + row * c.inner;
    one.add.data = x.add.data() + row * c.outputs;
    one.output.y = x.y.data() + row * c.outputs;
    convolve(one, 1, nullptr);
  }
  CHECK(x.y.values() == block);
}

}  // namespace

TEST_CASE("product: every variant, odd sizes, guard pages: Eigen in double precision agrees") {
  const auto variants = every_variant(kGemmVariants);
  REQUIRE(!variants.empty());
  Random random(11);
  for (size_t v = 0; v < variants.size(); ++v) {
    MESSAGE("variant ", std::string(variants[v]->name));
    for (int rows : {1, 2, 3, 4, 5, 6, 7, 8, 13}) {
      for (int inner : {1, 2, 7, 16, 33}) {
        for (int outputs : {1, 7, 15, 16, 17, 31, 48, 64, 65, 127, 129, 161}) {
          for (bool half : {false, true}) {
            check(*variants[v], {rows, inner, outputs, half}, Edge::kEnd, random);
            check(*variants[v], {rows, inner, outputs, half}, Edge::kStart, random);
          }
        }
      }
    }
  }
}

TEST_CASE("product: every variant at the sizes of the networks") {
  const auto variants = every_variant(kGemmVariants);
  const Case cases[] = {{1, 1024, 4096, false},
                        {1, 512, 2048, true},
                        {9, 1152, 256, false},
                        {25, 1536, 128, true},
                        {30, 640, 1536, false}};
  Random random(12);
  for (size_t v = 0; v < variants.size(); ++v) {
    for (const Case& c : cases) {
      check(*variants[v], c, Edge::kEnd, random);
    }
  }
}

TEST_CASE("product: the output may be its own add row") {
  const auto variants = every_variant(kGemmVariants);
  Random random(13);
  for (size_t v = 0; v < variants.size(); ++v) {
    const Case c = {5, 20, 77, false};
    Operands x(c, Edge::kEnd, random);
    ConvProblem p = problem(*variants[v], c, x);
    convolve(p, c.rows, nullptr);
    const std::vector<float> apart = x.y.values();
    p.output.y = x.add.data();
    convolve(p, c.rows, nullptr);
    CHECK(x.add.values() == apart);
  }
}

TEST_CASE("product: threads change no bit") {
  const GemmKernels& kernels = kGemmVariants.best(cpu_features());
  Random random(14);
  for (const Case& c :
       {Case{1, 1024, 1000, false}, Case{5, 512, 500, true}, Case{90, 256, 100, false}}) {
    Operands x(c, Edge::kEnd, random);
    const ConvProblem p = problem(kernels, c, x);
    convolve(p, c.rows, nullptr);
    const std::vector<float> alone = x.y.values();
    Threads threads(3);
    convolve(p, c.rows, &threads);
    CHECK(x.y.values() == alone);
    CHECK(threads.runs() == 1);
  }
}

TEST_CASE("product: half-precision weights widen exactly, subnormals too") {
  const auto variants = every_variant(kGemmVariants);
  std::vector<uint16_t> halves;
  for (uint32_t h = 0; h < 0x10000; ++h) {
    if ((h & 0x7C00u) != 0x7C00u) {
      halves.push_back(static_cast<uint16_t>(h));
    }
  }
  for (size_t v = 0; v < variants.size(); ++v) {
    size_t wrong = 0;
    const float one = 1.0f;
    for (size_t i = 0; i + 16 <= halves.size(); i += 16) {
      alignas(64) uint16_t panel[16];
      std::copy_n(halves.begin() + static_cast<std::ptrdiff_t>(i), 16, panel);
      float y[16];
      float* out = y;
      const float* a = &one;
      const GemmTile tile = {1, 1, 1, &a, &out, nullptr, nullptr, 0};
      GemmWeights weights;
      weights.data = panel;
      weights.panel_stride = 16;
      weights.outputs = 16;
      variants[v]->f16(tile, weights, GemmEpilogue(), 0, 1);
      for (int j = 0; j < 16; ++j) {
        const uint32_t e = (panel[j] >> 10) & 0x1Fu;
        const uint32_t m = panel[j] & 0x3FFu;
        const double size =
            e == 0 ? std::ldexp(m, -24) : std::ldexp(1024 + m, static_cast<int>(e) - 25);
        wrong += static_cast<double>(y[j]) != ((panel[j] & 0x8000u) != 0 ? -size : size) ? 1 : 0;
      }
    }
    INFO(std::string(variants[v]->name));
    CHECK(wrong == 0);
  }
}
