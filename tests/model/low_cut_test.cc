// SPDX-License-Identifier: Apache-2.0
// What lies below the voice does not reach a network, and the voice keeps its phase. Not: whole
// networks (tests/stream/rest_test.cc).
#include "model/session/low_cut.h"

#include <doctest/doctest.h>

#include <cmath>
#include <complex>
#include <limits>
#include <numbers>
#include <vector>

#include "model/session/anchor.h"
#include "tests/support/random.h"
#include "tests/support/without_low.h"

namespace ligero {
namespace {

using testing::heard;
using testing::without_low;

std::vector<float> sine(double hz, int32_t rate_hz, double peak = 1.0) {
  std::vector<float> x(static_cast<size_t>(2 * rate_hz));
  for (size_t i = 0; i < x.size(); ++i) {
    x[i] = static_cast<float>(
        peak * std::sin(2.0 * std::numbers::pi * hz * static_cast<double>(i) / rate_hz));
  }
  return x;
}

/// Gain and phase that `y` has of a sine of `hz`, over its second half.
std::complex<double> response(const std::vector<float>& y, double hz, int32_t rate_hz) {
  std::complex<double> sum = 0.0;
  const auto half = static_cast<size_t>(rate_hz);
  for (size_t i = half; i < y.size(); ++i) {
    sum += static_cast<double>(y[i]) *
           std::polar(1.0, -2.0 * std::numbers::pi * hz * static_cast<double>(i) / rate_hz);
  }
  return sum * std::complex<double>(0.0, 2.0) / static_cast<double>(y.size() - half);
}

double db(std::complex<double> gain) {
  return 20.0 * std::log10(std::abs(gain));
}

double degrees(std::complex<double> gain) {
  return std::arg(gain) * 180.0 / std::numbers::pi;
}

TEST_CASE("low cut: a network hears 35 Hz at -3 dB, rumble of 5 Hz at -17 dB, and the voice") {
  for (const int32_t rate_hz : {8000, 16000, 48000}) {
    CAPTURE(rate_hz);
    const auto at = [&](double hz) {
      return db(response(heard(sine(hz, rate_hz), rate_hz), hz, rate_hz));
    };
    CHECK(at(35.0) == doctest::Approx(-3.0).epsilon(0.02));
    CHECK(at(5.0) == doctest::Approx(-17.0).epsilon(0.02));
    CHECK(at(150.0) > -0.3);
    CHECK(at(1000.0) > -0.01);
  }
}

TEST_CASE(
    "low cut: behind the network the voice has its phase again, and rumble does not come back") {
  for (const int32_t rate_hz : {8000, 16000, 48000}) {
    CAPTURE(rate_hz);
    const auto at = [&](double hz) {
      return response(without_low(sine(hz, rate_hz), rate_hz), hz, rate_hz);
    };
    CHECK(std::fabs(degrees(at(100.0))) < 6.0);
    CHECK(std::fabs(degrees(at(200.0))) < 3.0);
    CHECK(std::fabs(db(at(100.0))) < 0.2);
    CHECK(db(at(5.0)) < -18.0);
    // The filter in front alone would turn it by 19 degrees.
    CHECK(degrees(response(heard(sine(100.0, rate_hz), rate_hz), 100.0, rate_hz)) > 15.0);
  }
}

TEST_CASE(
    "low cut: of any offset nothing is left after a twentieth of a second, and nothing drifts") {
  for (const int32_t rate_hz : {8000, 16000, 48000}) {
    for (const float offset : {0.01f, -0.05f, 0.9f}) {
      CAPTURE(offset);
      std::vector<float> x(static_cast<size_t>(20 * rate_hz), offset);
      const std::vector<float> y = heard(x, rate_hz);
      for (size_t i = static_cast<size_t>(rate_hz) / 10; i < y.size(); ++i) {
        REQUIRE(std::fabs(y[i]) < 1e-6f);
      }
      const std::vector<float> z = without_low(x, rate_hz);
      for (size_t i = static_cast<size_t>(rate_hz) / 2; i < z.size(); ++i) {
        REQUIRE(std::fabs(z[i]) < 1e-6f);
      }
    }
  }
}

TEST_CASE("low cut: silence after sound becomes zeros; what is no number counts as zero") {
  std::vector<float> x = testing::Random(3).floats(16000 * 8);
  std::fill(x.begin() + 16000, x.end(), 0.0f);
  x[5] = std::numeric_limits<float>::quiet_NaN();
  x[6] = std::numeric_limits<float>::infinity();
  std::vector<float> y(x.size());
  int64_t cleaned = 1;
  LowCut cut(16000);
  hear(x, &cut, y.data(), &cleaned);
  CHECK(cleaned == 3);
  CHECK(y.back() == 0.0f);
  for (const float v : y) {
    REQUIRE(std::isfinite(v));
    REQUIRE((v == 0.0f || std::fabs(v) >= std::numeric_limits<float>::min()));
  }
}

TEST_CASE("anchor: rumble and an offset count neither as speech nor as noise") {
  std::vector<float> clean = sine(300.0, 16000, 0.1);
  for (size_t i = 0; i < clean.size(); ++i) {
    clean[i] *= i / 4000 % 2 == 0 ? 1.0f : 0.002f;
  }
  std::vector<float> dirty = clean;
  const std::vector<float> rumble = sine(2.0, 16000, 0.05);
  for (size_t i = 0; i < dirty.size(); ++i) {
    dirty[i] += 0.02f + rumble[i];
  }
  const Result<AnchorQuality> a = measure_anchor(clean, 16000);
  const Result<AnchorQuality> b = measure_anchor(dirty, 16000);
  REQUIRE(a.ok());
  REQUIRE(b.ok());
  CHECK(b.value().speech_seconds == doctest::Approx(a.value().speech_seconds).epsilon(0.05));
  CHECK(b.value().speech_db == doctest::Approx(a.value().speech_db).epsilon(0.02));
  CHECK(b.value().noise_db < -40.0);
}

}  // namespace
}  // namespace ligero
