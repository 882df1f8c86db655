// SPDX-License-Identifier: Apache-2.0
// score --align: the lag that it finds, and the likeness after the shift.
#include "platforms/cli/sound/align.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/cli/tool.h"
#include "tests/support/random.h"

namespace ligero::testing {
namespace {

std::vector<float> shifted(const std::vector<float>& x, int64_t lag, float gain) {
  std::vector<float> y(x.size());
  for (size_t t = 0; t < y.size(); ++t) {
    const int64_t from = static_cast<int64_t>(t) - lag;
    y[t] = from >= 0 && from < static_cast<int64_t>(x.size()) ? gain * x[static_cast<size_t>(from)]
                                                              : 0.0f;
  }
  return y;
}

TEST_CASE("find_lag: every lag up to the most is found, upside down as well, and none beyond") {
  const std::vector<float> noise = Random(7).floats(30000);
  for (const int64_t lag : {0, 1, -1, 320, -320, 2047, 2048, 2049, -2048, 15999, -16000, 16000}) {
    CAPTURE(lag);
    CHECK(cli::find_lag(shifted(noise, lag, 0.5f), noise, 16000) == lag);
    CHECK(cli::find_lag(shifted(noise, lag, -0.5f), noise, 16000) == lag);
  }
  CHECK(cli::find_lag(shifted(noise, 500, 1.0f), noise, 400) != 500);
  CHECK(std::abs(cli::find_lag(shifted(noise, 500, 1.0f), noise, 400)) <= 400);
  CHECK(cli::find_lag(std::vector<float>(1, 1.0f), std::vector<float>(1, 1.0f), 16000) == 0);
}

TEST_CASE("score --align: a late and longer recording scores as one that is in time") {
  const Workplace at;
  std::vector<float> noise = Random(3).floats(32000);
  for (float& x : noise) {
    x *= 0.2f;
  }
  std::vector<float> longer = noise;
  longer.resize(40000);
  const std::vector<float> late = shifted(longer, 800, 1.0f);
  write_wav(at / "reference.wav", noise);
  write_wav(at / "late.wav", late);
  const std::string line = "score --reference " + at / "reference.wav " + at / "late.wav";
  const Outcome refused = run_tool(line);
  CHECK(refused.code == 1);
  CHECK(refused.says("--align"));
  const Outcome done = run_tool(line + " --align --json");
  INFO(done.text);
  REQUIRE(done.code == 0);
  const nlohmann::json report = nlohmann::json::parse(done.text);
  CHECK(report["lag_ms"] == doctest::Approx(50.0));
  CHECK(report["si_snr_db"] > 40.0);
  CHECK(run_tool(line + " --align").says("late by               50.000 ms"));
  write_wav(at / "short.wav", std::vector<float>(late.begin(), late.begin() + 8000));
  const Outcome part =
      run_tool("score --align --reference " + at / "reference.wav " + at / "short.wav");
  CHECK(part.code == 1);
  CHECK(part.says("expected at least half"));
}

}  // namespace
}  // namespace ligero::testing
