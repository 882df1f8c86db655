// SPDX-License-Identifier: Apache-2.0
// The LSTM cell and the attention kernels against double precision, every variant, at guard pages.
#include <doctest/doctest.h>

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "ops/kernels/attention/attention.h"
#include "ops/kernels/lstm/lstm.h"
#include "runtime/base/cpu.h"
#include "tests/support/guard.h"
#include "tests/support/hash.h"
#include "tests/support/random.h"
#include "tests/support/variants.h"

using namespace ligero;
using namespace ligero::testing;

namespace {

double sigmoid(double x) {
  return 1 / (1 + std::exp(-x));
}

void check_cell(const LstmKernels& kernels, int hidden, float limit, Edge edge, Random& random) {
  const auto size = static_cast<size_t>(hidden);
  Guarded<float> z(random.floats(4 * size, -8.0f, 8.0f), edge);
  Guarded<float> c(random.floats(size, -2.0f, 2.0f), edge);
  Guarded<float> h(size, edge);
  const std::vector<float> before = c.values();
  kernels.cell_f32(z.data(), hidden, limit, c.data(), h.data());
  double worst = 0;
  for (size_t u = 0; u < size; ++u) {
    const auto gate = [&](size_t q) { return static_cast<double>(z.data()[q * size + u]); };
    const double sum =
        sigmoid(gate(1)) * static_cast<double>(before[u]) + sigmoid(gate(0)) * std::tanh(gate(2));
    const double cell = std::fmax(-double{limit}, std::fmin(sum, double{limit}));
    const double out = sigmoid(gate(3)) * std::tanh(cell);
    worst = std::fmax(worst, std::fabs(cell - static_cast<double>(c.data()[u])));
    worst = std::fmax(worst, std::fabs(out - static_cast<double>(h.data()[u])));
  }
  INFO(std::string(kernels.name), " hidden ", hidden);
  CHECK(worst < 5e-7);
}

void check_scores(const AttentionKernels& kernels, int queries, int keys, int size, Edge edge) {
  Random random(static_cast<uint64_t>(queries * 1000 + keys * 10 + size));
  Guarded<float> q(random.floats(static_cast<size_t>(queries * size)), edge);
  Guarded<float> k(random.floats(static_cast<size_t>(keys * size)), edge);
  Guarded<float> s(static_cast<size_t>(queries * keys), edge);
  kernels.scores_f32(
      {q.data(), size, queries}, {k.data(), size, keys}, size, 0.25f, s.data(), keys);
  using FloatMatrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const auto matrix = [&](Guarded<float>& x, int rows, int columns) {
    return Eigen::Map<const FloatMatrix>(x.data(), rows, columns).cast<double>().eval();
  };
  const Eigen::MatrixXd want = 0.25 * matrix(q, queries, size) * matrix(k, keys, size).transpose();
  const double worst = (matrix(s, queries, keys) - want).cwiseAbs().maxCoeff();
  INFO(std::string(kernels.name), " queries ", queries, " keys ", keys, " size ", size);
  CHECK(worst <= 0.25 * (size + 4) * std::ldexp(1.0, -24) * size);
}

}  // namespace

TEST_CASE("lstm cell: every variant matches double precision") {
  const auto variants = every_variant(kLstmVariants);
  REQUIRE(!variants.empty());
  Random random(21);
  for (size_t v = 0; v < variants.size(); ++v) {
    for (int hidden : {1, 3, 4, 5, 7, 8, 9, 15, 16, 17, 97, 512}) {
      for (float limit : {std::numeric_limits<float>::infinity(), 0.5f}) {
        check_cell(*variants[v], hidden, limit, Edge::kEnd, random);
        check_cell(*variants[v], hidden, limit, Edge::kStart, random);
      }
    }
  }
}

TEST_CASE("lstm cell: a limit bounds both signs and infinities, and lets NaN through") {
  const float inf = std::numeric_limits<float>::infinity();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const LstmKernels* kernels : every_variant(kLstmVariants)) {
    // Gates all open: what was in the cell stays, nothing comes in.
    const int hidden = 5;
    const float open = 100.0f;
    std::vector<float> z(4 * hidden, 0.0f);
    std::fill(z.begin() + hidden, z.begin() + 2 * hidden, open);
    std::vector<float> c = {3.0f, -3.0f, inf, -inf, nan};
    std::vector<float> h(hidden);
    INFO(std::string(kernels->name));
    kernels->cell_f32(z.data(), hidden, 2.0f, c.data(), h.data());
    CHECK(std::vector<float>(c.begin(), c.begin() + 4) == std::vector{2.0f, -2.0f, 2.0f, -2.0f});
    CHECK(std::isnan(c[4]));
    CHECK(std::isnan(h[4]));
  }
}

TEST_CASE("attention scores: every variant matches Eigen in double precision") {
  const auto variants = every_variant(kAttentionVariants);
  REQUIRE(!variants.empty());
  for (size_t v = 0; v < variants.size(); ++v) {
    for (int queries : {1, 2, 3, 4, 5, 9}) {
      for (int keys : {1, 3, 4, 5, 11}) {
        for (int size : {1, 3, 4, 7, 8, 15, 16, 17, 40}) {
          check_scores(*variants[v], queries, keys, size, Edge::kEnd);
          check_scores(*variants[v], queries, keys, size, Edge::kStart);
        }
      }
    }
    check_scores(*variants[v], 32, 100, 1024, Edge::kEnd);
  }
}

TEST_CASE(
    "attention: scores and softmax are those of every processor that has a fused multiply-add") {
  // x86 and ARM, bit for bit: made once, expected everywhere. SSE4 and the reference round twice.
  constexpr uint64_t kEverywhere = 0xEBF6790076ACC779u;
  const auto variants = every_variant(kAttentionVariants);
  int fused = 0;
  for (size_t v = 0; v < variants.size(); ++v) {
    const std::string name = variants[v]->name;
    if (name == "sse4" || name == "ref") {
      continue;
    }
    ++fused;
    Hash hash;
    Random random(23);
    for (int queries : {1, 9}) {
      for (int size : {1, 7, 16, 23, 256}) {
        constexpr int kKeys = 37;
        const std::vector<float> q = random.floats(static_cast<size_t>(queries * size));
        const std::vector<float> k = random.floats(static_cast<size_t>(kKeys * size));
        std::vector<float> s(static_cast<size_t>(queries * kKeys));
        variants[v]->scores_f32(
            {q.data(), size, queries}, {k.data(), size, kKeys}, size, 1.5f, s.data(), kKeys);
        hash.add(s.data(), s.size() * sizeof(float));
        for (int n : {1, 4, 16, 21, kKeys}) {
          std::vector<float> x(s.begin(), s.begin() + n);
          variants[v]->softmax_f32(n, x.data());
          hash.add(x.data(), x.size() * sizeof(float));
        }
      }
    }
    INFO(name);
    CHECK(hash.value() == kEverywhere);
  }
  if (fused == 0) {
    MESSAGE("skipped: no variant of this processor has a fused multiply-add");
  }
}

TEST_CASE("attention softmax: every variant matches double precision and adds up to one") {
  const auto variants = every_variant(kAttentionVariants);
  Random random(22);
  for (size_t v = 0; v < variants.size(); ++v) {
    for (int n : {1, 3, 4, 5, 8, 15, 16, 17, 33, 100, 1009}) {
      for (Edge edge : {Edge::kEnd, Edge::kStart}) {
        const std::vector<float> x = random.floats(static_cast<size_t>(n), -90.0f, 30.0f);
        Guarded<float> y(x, edge);
        variants[v]->softmax_f32(n, y.data());
        const double most = static_cast<double>(*std::max_element(x.begin(), x.end()));
        double sum = 0;
        for (float value : x) {
          sum += std::exp(static_cast<double>(value) - most);
        }
        double worst = 0;
        double total = 0;
        for (size_t i = 0; i < x.size(); ++i) {
          const double want = std::exp(static_cast<double>(x[i]) - most) / sum;
          const double got = static_cast<double>(y.data()[i]);
          const double bound = 1e-6 + 1e-7 * (most - static_cast<double>(x[i]));
          worst = std::fmax(worst, std::fabs(got - want) - bound * want - 1e-37);
          total += got;
        }
        INFO(std::string(variants[v]->name), " n ", n);
        CHECK(worst <= 0);
        CHECK(std::fabs(total - 1) < 1e-6);
      }
    }
  }
}
