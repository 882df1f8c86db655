// SPDX-License-Identifier: Apache-2.0
// input_level and floor_db against sums in double. Not: the networks' use of the gain.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "tests/support/op_harness.h"
#include "tests/support/random.h"

namespace ligero {
namespace {

using testing::OpHarness;
using testing::Random;

constexpr int kHop = 160;

OpHarness level(std::vector<float> x, int mode) {
  OpHarness h("input_level");
  h.sequence(1, kHop, std::move(x)).ints("mode", {mode});
  return h;
}

double energy(const std::vector<float>& x, int begin_hop, int end_hop) {
  double sum = 0.0;
  for (int i = std::max(0, begin_hop) * kHop; i < end_hop * kHop; ++i) {
    sum += static_cast<double>(x[static_cast<size_t>(i)]) * x[static_cast<size_t>(i)];
  }
  return sum;
}

}  // namespace

TEST_CASE("input_level: file mode is one over the RMS of the real samples, on every frame") {
  Random random(21);
  const int samples = 12 * kHop + 37;
  std::vector<float> x = random.floats(samples, -0.2f, 0.3f);
  x.resize(14 * kHop, 0.0f);
  OpHarness h = level(x, 0);
  h.total_samples(samples);
  const std::vector<float> y = h.run();
  CHECK(h.inference().time[0].use == TimeUse::kWhole);
  const double want = 1.0 / (std::sqrt(energy(x, 0, 14) / samples) + 1e-7);
  REQUIRE(y.size() == 14);
  for (const float g : y) {
    CHECK(g == doctest::Approx(want).epsilon(1e-6));
  }
  SUBCASE("an unknown length counts whole hops") {
    h.unknown_total();
    const double all = 1.0 / (std::sqrt(energy(x, 0, 14) / (14 * kHop)) + 1e-7);
    CHECK(h.run()[3] == doctest::Approx(all).epsilon(1e-6));
  }
  SUBCASE("a length of nothing, or beyond the frames, is not believed") {
    CHECK(std::isfinite(h.total_samples(0).run()[0]));
    CHECK(std::isfinite(h.total_samples(int64_t{1} << 60).run()[0]));
  }
}

TEST_CASE("input_level: silence gives a finite gain in both modes") {
  const std::vector<float> zeros(3 * kHop, 0.0f);
  CHECK(level(zeros, 0).run()[0] == doctest::Approx(1e7));
  CHECK(level(zeros, 1).run()[2] == doctest::Approx(std::pow(10.0, 2.5)));
}

TEST_CASE("input_level: window mode is the RMS of the last hops inside the signal") {
  Random random(22);
  const int frames = 230;
  std::vector<float> x = random.floats(frames * kHop);
  for (int t = 0; t < frames; ++t) {  // loud and quiet stretches, some below the floor
    const float gain = t % 97 < 40 ? 1.0f : t < 120 ? 0.01f : 1e-5f;
    std::for_each(x.begin() + t * kHop, x.begin() + (t + 1) * kHop, [&](float& v) { v *= gain; });
  }
  for (const int window : {1, 20, 100}) {
    CAPTURE(window);
    OpHarness h = level(x, 1);
    h.ints("window", {window});
    const std::vector<float> y = h.run();
    CHECK(h.inference().time[0].use == TimeUse::kWindow);
    CHECK(h.inference().time[0].past == window - 1);
    for (int t = 0; t < frames; ++t) {
      const int first = std::max(0, t - window + 1);
      const double rms = std::sqrt(energy(x, first, t + 1) / ((t + 1 - first) * kHop));
      const double want = 1.0 / std::max(rms, std::pow(10.0, -2.5));
      REQUIRE(y[static_cast<size_t>(t)] == doctest::Approx(want).epsilon(1e-6));
    }
    for (const int block : {1, 64}) {
      CHECK(h.run(block) == y);
    }
  }
}

TEST_CASE("rms: of each bin's channels") {
  Random random(23);
  const int frames = 5;
  const int bins = 3;
  const std::vector<float> x = random.floats(frames * bins * kHop, -0.2f, 0.3f);
  OpHarness h("rms");
  const std::vector<float> y = h.sequence(bins, kHop, x).run();
  REQUIRE(y.size() == frames * bins);
  for (int i = 0; i < frames * bins; ++i) {
    const double want = std::sqrt(energy(x, i, i + 1) / kHop);
    CHECK(y[static_cast<size_t>(i)] == doctest::Approx(want).epsilon(1e-6));
  }
  CHECK(h.run(1) == y);
  CHECK_FALSE(OpHarness("rms").infer().ok());
}

TEST_CASE("input_level: the level over hops is that over their RMS") {
  Random random(24);
  const int frames = 130;
  const std::vector<float> x = random.floats(frames * kHop);
  const std::vector<float> over_hops = level(x, 1).run();
  OpHarness rms("rms");
  OpHarness h("input_level");
  const std::vector<float> over_rms =
      h.sequence(1, 1, rms.sequence(1, kHop, x).run()).ints("mode", {1}).run();
  REQUIRE(over_rms.size() == over_hops.size());
  for (size_t t = 0; t < over_rms.size(); ++t) {
    REQUIRE(over_rms[t] == doctest::Approx(over_hops[t]).epsilon(1e-6));
  }
}

TEST_CASE("input_level: refusals") {
  const std::vector<float> x(2 * kHop);
  CHECK(level(x, 1).infer().ok());
  CHECK_FALSE(level(x, 2).infer().ok());
  CHECK_FALSE(level(x, -1).infer().ok());
  CHECK_FALSE(level(x, 1).ints("window", {0}).infer().ok());
  CHECK_FALSE(level(x, 1).ints("window", {1 << 30}).infer().ok());
  CHECK_FALSE(level(x, 1).floats("floor_db", {NAN}).infer().ok());
  CHECK_FALSE(level(x, 1).floats("floor_db", {3.0f}).infer().ok());
  CHECK_FALSE(OpHarness("input_level").sequence(2, 80, x).infer().ok());
  CHECK_FALSE(OpHarness("input_level").constant(1, kHop, x).infer().ok());
  CHECK_FALSE(OpHarness("input_level").infer().ok());
}

TEST_CASE("floor_db: keeps a range below the loudest value of all frames") {
  Random random(23);
  for (const int frames : {1, 5, 37}) {
    const std::vector<float> x = random.floats(static_cast<size_t>(frames * 7), -200.0f, 20.0f);
    const float floor = *std::max_element(x.begin(), x.end()) - 80.0f;
    OpHarness h("floor_db");
    const std::vector<float> y = h.sequence(1, 7, x).run();
    CHECK(h.inference().time[0].use == TimeUse::kWhole);
    for (size_t i = 0; i < x.size(); ++i) {
      REQUIRE(y[i] == std::max(x[i], floor));
    }
  }
  OpHarness h("floor_db");
  CHECK(h.constant(1, 2, {1.0f, -90.0f}).floats("range", {10.0f}).run() ==
        std::vector<float>{1.0f, -9.0f});
  CHECK_FALSE(OpHarness("floor_db").sequence(1, 1, {0}).floats("range", {-1.0f}).infer().ok());
  CHECK_FALSE(OpHarness("floor_db").sequence(1, 1, {0}).floats("range", {NAN}).infer().ok());
}

}  // namespace ligero
