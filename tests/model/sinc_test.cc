// SPDX-License-Identifier: Apache-2.0
// The browser's sample rate conversion against libspeexdsp. Not: sessions at other rates
// (tests/cli/rates_test.cc).
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "model/session/resampler.h"
#include "model/session/sinc.h"
#include "tests/support/random.h"

using namespace ligero;
using namespace ligero::testing;

namespace {

struct Rates {
  int32_t from_hz;
  int32_t to_hz;
};

constexpr Rates kRates[] = {{48000, 16000}, {16000, 48000},  {44100, 16000}, {16000, 44100},
                            {96000, 16000}, {16000, 192000}, {8000, 16000},  {22050, 48000},
                            {44101, 16000}, {16000, 44101}};

/// In pieces of odd sizes, as a sound card's.
template <class R>
std::vector<float> convert(R& resampler, const std::vector<float>& x, const Rates& rates) {
  std::vector<float> y;
  std::vector<float> piece(1 << 16);
  for (size_t at = 0, n = 1; at < x.size(); at += n, n = n * 5 % 1021 + 1) {
    const size_t count = std::min(n, x.size() - at);
    const int32_t made = resampler.process(x.data() + at, static_cast<int32_t>(count), piece.data());
    CHECK(made <= static_cast<int64_t>(count) * rates.to_hz / rates.from_hz + 2);
    y.insert(y.end(), piece.begin(), piece.begin() + made);
  }
  return y;
}

double snr_db(const std::vector<float>& reference, const std::vector<float>& x) {
  double signal = 0.0;
  double error = 0.0;
  for (size_t i = 0; i < reference.size(); ++i) {
    signal += static_cast<double>(reference[i]) * reference[i];
    error += std::pow(static_cast<double>(x[i]) - reference[i], 2.0);
  }
  return 10.0 * std::log10(signal / error);
}

}  // namespace

TEST_CASE("the browser's resampler gives libspeexdsp's samples to 95 dB, at every rate and in any pieces") {
  Random random(27);
  for (const Rates& rates : kRates) {
    for (const bool skip : {false, true}) {
      CAPTURE(rates.from_hz);
      CAPTURE(rates.to_hz);
      const std::vector<float> x = random.floats(20000);
      Result<Resampler> speex = Resampler::create(rates.from_hz, rates.to_hz);
      REQUIRE(speex.ok());
      Sinc sinc;
      REQUIRE(sinc.create(rates.from_hz, rates.to_hz));
      CHECK(sinc.delay_samples() == std::lround(speex.value().delay_s() * rates.from_hz));
      if (skip) {
        speex.value().skip_delay();
        sinc.skip_delay();
      }
      const std::vector<float> expected = convert(speex.value(), x, rates);
      const std::vector<float> got = convert(sinc, x, rates);
      REQUIRE(got.size() == expected.size());
      CHECK(snr_db(expected, got) >= 95.0);
      sinc.reset();
      if (!skip) {
        CHECK(convert(sinc, x, rates) == got);
      }
    }
  }
}
