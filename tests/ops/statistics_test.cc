// SPDX-License-Identifier: Apache-2.0
// Norms, softmax and statistics over time: against two-pass sums in double. Not: attention.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "tests/support/op_harness.h"
#include "tests/support/random.h"
#include "tests/support/threads.h"

namespace ligero {
namespace {

using testing::OpHarness;
using testing::Random;

double largest_error(const std::vector<float>& got, const std::vector<double>& want) {
  REQUIRE(got.size() == want.size());
  double worst = 0.0;
  for (size_t i = 0; i < got.size(); ++i) {
    worst = std::max(worst, std::abs(got[i] - want[i]));
  }
  return worst;
}

/// softmax of n values that lie `step` apart, in place.
void softmax(std::vector<double>* x, size_t first, size_t n, size_t step) {
  double largest = -1e300;
  double sum = 0.0;
  for (size_t i = 0; i < n; ++i) {
    largest = std::max(largest, (*x)[first + i * step]);
  }
  for (size_t i = 0; i < n; ++i) {
    double& v = (*x)[first + i * step];
    v = std::exp(v - largest);
    sum += v;
  }
  for (size_t i = 0; i < n; ++i) {
    (*x)[first + i * step] /= sum;
  }
}

}  // namespace

TEST_CASE("layer_norm: matches double precision, also on a large offset") {
  Random random(41);
  for (const int channels : {1, 2, 7, 32, 161, 1024}) {
    for (const float offset : {0.0f, 100.0f}) {
      CAPTURE(channels);
      CAPTURE(offset);
      const int rows = 6;
      const auto c = static_cast<size_t>(channels);
      const std::vector<float> x = random.floats(rows * c, offset - 1.0f, offset + 1.0f);
      const std::vector<float> gamma = random.floats(c);
      const std::vector<float> beta = random.floats(c);
      std::vector<double> want;
      for (size_t r = 0; r < rows; ++r) {
        double mean = 0.0;
        double variance = 0.0;
        for (size_t i = 0; i < c; ++i) {
          mean += x[r * c + i] / static_cast<double>(channels);
        }
        for (size_t i = 0; i < c; ++i) {
          variance += (x[r * c + i] - mean) * (x[r * c + i] - mean) / channels;
        }
        for (size_t i = 0; i < c; ++i) {
          want.push_back((x[r * c + i] - mean) / std::sqrt(variance + 1e-5) * gamma[i] + beta[i]);
        }
      }
      OpHarness h("layer_norm");
      h.sequence(2, channels, x).weight({channels}, gamma).weight({channels}, beta);
      const std::vector<float> y = h.run();
      CHECK(largest_error(y, want) <= (offset == 0.0f ? 2e-6 : 1e-4));
      CHECK(h.run(1) == y);
    }
  }
}

TEST_CASE("layer_norm: gamma and beta of every bin, weights or constants; one mean for all bins") {
  Random random(47);
  const int bins = 5;
  const int channels = 12;
  const size_t row = bins * channels;
  const std::vector<float> x = random.floats(4 * row, 2.0f, 4.0f);
  const std::vector<float> gamma = random.floats(row);
  const std::vector<float> beta = random.floats(row);
  for (const int joint : {0, 1}) {
    const size_t n = joint != 0 ? row : channels;  // values of one mean
    std::vector<double> want;
    for (size_t first = 0; first < x.size(); first += n) {
      double mean = 0.0;
      double variance = 0.0;
      for (size_t i = first; i < first + n; ++i) {
        mean += x[i] / static_cast<double>(n);
      }
      for (size_t i = first; i < first + n; ++i) {
        variance += (x[i] - mean) * (x[i] - mean) / static_cast<double>(n);
      }
      for (size_t i = first; i < first + n; ++i) {
        want.push_back((x[i] - mean) / std::sqrt(variance + 1e-5) * gamma[i % row] + beta[i % row]);
      }
    }
    OpHarness weights("layer_norm");
    weights.sequence(bins, channels, x).weight({bins, channels}, gamma);
    weights.weight({bins, channels}, beta).ints("joint", {joint});
    const std::vector<float> y = weights.run();
    CHECK(largest_error(y, want) <= 1e-5);
    CHECK(weights.run(1) == y);
    OpHarness constants("layer_norm");
    constants.sequence(bins, channels, x).constant(bins, channels, gamma);
    constants.constant(bins, channels, beta).ints("joint", {joint});
    CHECK(constants.run() == y);
    CHECK(constants.run_in_place(1) == y);
  }
  const std::vector<float> one(gamma.begin(), gamma.begin() + channels);
  const auto status = [&](int32_t gamma_bins) {
    OpHarness h("layer_norm");
    h.sequence(bins, channels, x).weight({channels}, one).weight({bins, channels}, beta);
    h.tensor(1).rank = 2;
    h.tensor(1).dim[0] = gamma_bins;
    h.tensor(1).dim[1] = channels;
    return h.infer().code;
  };
  CHECK(status(1) == Code::kOk);
  CHECK(status(2) == Code::kBadModel);
}

TEST_CASE("layer_norm: silence gives beta") {
  OpHarness h("layer_norm");
  h.constant(2, 3, std::vector<float>(6)).weight({3}, {1, 2, 3}).weight({3}, {4, 5, 6});
  CHECK(h.run() == std::vector<float>{4, 5, 6, 4, 5, 6});
  CHECK(h.inference().outputs[0].kind == Kind::kConstant);
}

TEST_CASE(
    "cumulative_norm: matches double precision far from zero, and begins anew after a reset") {
  Random random(43);
  const int channels = 3;
  const int bins = 2;
  const size_t row = 6;
  const std::vector<float> x = random.floats(400 * row, 99.0f, 101.0f);
  const std::vector<float> gamma = random.floats(channels);
  const std::vector<float> beta = random.floats(channels);
  std::vector<double> want;
  double sum = 0.0;
  for (size_t end = row; end <= x.size(); end += row) {
    double variance = 0.0;
    for (size_t i = end - row; i < end; ++i) {
      sum += static_cast<double>(x[i]);
    }
    const double mean = sum / static_cast<double>(end);
    for (size_t i = 0; i < end; ++i) {
      variance += (x[i] - mean) * (x[i] - mean) / static_cast<double>(end);
    }
    for (size_t i = end - row; i < end; ++i) {
      const size_t c = i % channels;
      want.push_back((x[i] - mean) / std::sqrt(variance + 1e-5) * gamma[c] + beta[c]);
    }
  }
  OpHarness h("cumulative_norm");
  h.sequence(bins, channels, x).weight({channels}, gamma).weight({channels}, beta);
  const std::vector<float> y = h.run();
  CHECK(largest_error(y, want) <= 1e-4);
  CHECK(h.run(1) == y);
  CHECK(h.run(7) == y);
  CHECK(h.inference().time[0].use == TimeUse::kRecurrent);
}

TEST_CASE("cumulative_norm: silence gives beta") {
  OpHarness h("cumulative_norm");
  h.sequence(2, 3, std::vector<float>(6)).weight({3}, {1, 2, 3}).weight({3}, {4, 5, 6});
  CHECK(h.run() == std::vector<float>{4, 5, 6, 4, 5, 6});
}

TEST_CASE("batch_norm: matches its formula and refuses a bad variance") {
  Random random(42);
  const int channels = 19;
  const std::vector<float> x = random.floats(4 * 3 * channels);
  const std::vector<float> mean = random.floats(channels);
  std::vector<float> variance = random.floats(channels, 0.01f, 2.0f);
  const std::vector<float> gamma = random.floats(channels);
  const std::vector<float> beta = random.floats(channels);
  const auto make = [&] {
    OpHarness h("batch_norm");
    h.sequence(3, channels, x).weight({channels}, mean).weight({channels}, variance);
    h.weight({channels}, gamma).weight({channels}, beta).floats("epsilon", {1e-3f});
    return h;
  };
  std::vector<double> want;
  for (size_t i = 0; i < x.size(); ++i) {
    const size_t c = i % channels;
    want.push_back(
        (x[i] - static_cast<double>(mean[c])) / std::sqrt(variance[c] + 1e-3) * gamma[c] + beta[c]);
  }
  const std::vector<float> y = make().run();
  CHECK(largest_error(y, want) <= 5e-6);
  CHECK(make().run(1) == y);
  for (const float bad : {-1.0f, static_cast<float>(NAN), static_cast<float>(INFINITY)}) {
    variance[7] = bad;
    CHECK_THROWS(make().run());
  }
}

TEST_CASE("norms: refusals") {
  const std::vector<float> x(8);
  const std::vector<float> w(4);
  for (const char* name : {"layer_norm", "cumulative_norm"}) {
    CAPTURE(name);
    const auto make = [&] { return OpHarness(name); };
    CHECK(make().sequence(2, 4, x).weight({4}, w).weight({4}, w).infer().ok());
    CHECK_FALSE(make().sequence(2, 4, x).weight({4}, w).infer().ok());
    CHECK_FALSE(make().sequence(4, 2, x).weight({4}, w).weight({4}, w).infer().ok());
    const bool constants = make().sequence(2, 4, x).weight({4}, w).constant(1, 4, w).infer().ok();
    CHECK(constants == (name == std::string("layer_norm")));
    for (const float epsilon : {0.0f, -1.0f, static_cast<float>(NAN)}) {
      OpHarness h = make();
      h.sequence(2, 4, x).weight({4}, w).weight({4}, w).floats("epsilon", {epsilon});
      CHECK_FALSE(h.infer().ok());
    }
  }
  OpHarness timeless("cumulative_norm");
  const Status status = timeless.constant(2, 4, x).weight({4}, w).weight({4}, w).infer();
  CHECK(std::string(status.message) == "this op needs a time axis");
  OpHarness h("batch_norm");
  CHECK_FALSE(h.sequence(2, 4, x).weight({4}, w).weight({4}, w).weight({4}, w).infer().ok());
}

TEST_CASE("softmax: over channels, with large values") {
  Random random(43);
  for (const int channels : {1, 5, 16, 1000}) {
    CAPTURE(channels);
    const auto c = static_cast<size_t>(channels);
    const std::vector<float> x = random.floats(6 * c, 60.0f, 100.0f);
    std::vector<double> want(x.begin(), x.end());
    for (size_t r = 0; r < 6; ++r) {
      softmax(&want, r * c, c, 1);
    }
    OpHarness h("softmax");
    h.sequence(2, channels, x);
    const std::vector<float> y = h.run();
    CHECK(largest_error(y, want) <= 1e-6);
    CHECK(h.run(1) == y);
    CHECK(h.inference().time[0].use == TimeUse::kPointwise);
  }
}

TEST_CASE("softmax: over time, each channel on its own") {
  Random random(44);
  testing::Threads pool(3);
  const int shapes[][3] = {{1, 1, 1}, {1, 1, 5}, {17, 3, 7}, {300, 1, 100}};
  for (const auto& [frames, bins, channels] : shapes) {
    CAPTURE(frames);
    const auto row = static_cast<size_t>(bins * channels);
    const auto rows = static_cast<size_t>(frames);
    const std::vector<float> x = random.floats(rows * row, -50.0f, 50.0f);
    std::vector<double> want(x.begin(), x.end());
    for (size_t c = 0; c < row; ++c) {
      softmax(&want, c, rows, row);
    }
    OpHarness h("softmax");
    const std::vector<float> y = h.sequence(bins, channels, x).ints("axis", {0}).run();
    CHECK(largest_error(y, want) <= 1e-6);
    CHECK(h.inference().time[0].use == TimeUse::kWhole);
    CHECK(h.pool(&pool).run() == y);
  }
  CHECK(pool.runs() == 1);
  CHECK_FALSE(OpHarness("softmax").sequence(1, 2, {1, 2}).ints("axis", {1}).infer().ok());
  CHECK_FALSE(OpHarness("softmax").sequence(1, 2, {1, 2}).ints("axis", {3}).infer().ok());
}

TEST_CASE("time_mean, time_std: plain, over a minute of frames") {
  Random random(45);
  testing::Threads pool(3);
  for (const size_t frames : {size_t{1}, size_t{31}, size_t{6000}}) {
    CAPTURE(frames);
    const size_t row = 21;
    const std::vector<float> x = random.floats(frames * row, 9.0f, 11.0f);
    std::vector<double> mean(row, 0.0);
    std::vector<double> deviation(row, 0.0);
    for (size_t i = 0; i < x.size(); ++i) {
      mean[i % row] += x[i] / static_cast<double>(frames);
    }
    for (size_t i = 0; i < x.size(); ++i) {
      deviation[i % row] += std::pow(x[i] - mean[i % row], 2) / static_cast<double>(frames);
    }
    for (double& d : deviation) {
      d = std::sqrt(std::max(d, 1e-12));
    }
    OpHarness h("time_mean");
    const std::vector<float> m = h.sequence(3, 7, x).run();
    CHECK(h.inference().outputs[0].kind == Kind::kConstant);
    CHECK(h.inference().time[0].use == TimeUse::kWhole);
    CHECK(largest_error(m, mean) <= 1e-6);
    CHECK(h.pool(&pool).run() == m);
    OpHarness s("time_std");
    const std::vector<float> d = s.sequence(3, 7, x).constant(3, 7, m).run();
    CHECK(largest_error(d, deviation) <= 1e-6);
    CHECK(s.pool(&pool).run() == d);
  }
}

TEST_CASE("time_mean, time_std: weighted") {
  Random random(46);
  const size_t frames = 50;
  const size_t row = 9;
  const std::vector<float> x = random.floats(frames * row);
  OpHarness soft("softmax");
  const std::vector<float> w =
      soft.sequence(1, 9, random.floats(frames * row)).ints("axis", {0}).run();
  std::vector<double> mean(row, 0.0);
  std::vector<double> deviation(row, 0.0);
  for (size_t i = 0; i < x.size(); ++i) {
    mean[i % row] += static_cast<double>(w[i]) * x[i];
  }
  for (size_t i = 0; i < x.size(); ++i) {
    deviation[i % row] += w[i] * std::pow(x[i] - mean[i % row], 2);
  }
  for (double& d : deviation) {
    d = std::sqrt(d);
  }
  OpHarness h("time_mean");
  const std::vector<float> m = h.sequence(1, 9, x).sequence(1, 9, w).run();
  CHECK(h.inference().time[1].use == TimeUse::kWhole);
  CHECK(largest_error(m, mean) <= 1e-6);
  OpHarness s("time_std");
  const std::vector<float> d = s.sequence(1, 9, x).constant(1, 9, m).sequence(1, 9, w).run();
  CHECK(s.inference().time[2].use == TimeUse::kWhole);
  CHECK(largest_error(d, deviation) <= 1e-6);
}

TEST_CASE("time_std: unbiased divides by one less, and only without weights") {
  const std::vector<float> x = {1, 2, 3, 6};
  OpHarness h("time_std");
  h.sequence(1, 1, x).constant(1, 1, {3.0f}).ints("unbiased", {1});
  CHECK(h.run().at(0) == doctest::Approx(std::sqrt(14.0 / 3.0)));
  CHECK_FALSE(h.sequence(1, 1, x).infer().ok());
}

TEST_CASE("time_mean, time_std: of a constant, floors and refusals") {
  const std::vector<float> x = {1, 2, 3, 4};
  CHECK(OpHarness("time_mean").constant(2, 2, x).run() == x);
  OpHarness floor("time_std");
  floor.constant(2, 2, x).constant(2, 2, x).floats("epsilon", {0.25f});
  CHECK(floor.run() == std::vector<float>(4, 0.5f));
  CHECK(OpHarness("time_mean").sequence(2, 2, x).absent().infer().ok());
  CHECK_FALSE(OpHarness("time_mean").sequence(2, 2, x).sequence(1, 2, x).infer().ok());
  CHECK_FALSE(OpHarness("time_mean").sequence(2, 2, x).constant(2, 2, x).infer().ok());
  CHECK_FALSE(OpHarness("time_mean").weight({2, 2}, x).infer().ok());
  CHECK_FALSE(OpHarness("time_std").sequence(2, 2, x).infer().ok());
  CHECK_FALSE(OpHarness("time_std").sequence(2, 2, x).sequence(2, 2, x).infer().ok());
  CHECK_FALSE(OpHarness("time_std").sequence(2, 2, x).constant(1, 2, x).infer().ok());
}

}  // namespace ligero
