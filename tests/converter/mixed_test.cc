// Types chosen by calibration, on the tiny golden network. Not: reading recordings (tests/cli).
#include "converter/quantize/mixed.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "converter/convert.h"
#include "tests/converter/golden.h"

namespace ligero {
namespace {

using testing::golden_checkpoint;
using testing::golden_config;

/// Noise with the envelope of syllables, of its own pitch.
std::vector<float> voice(uint32_t seed, double seconds, float level = 0.1f) {
  std::mt19937 random(seed);
  std::vector<float> x(static_cast<size_t>(seconds * 16000));
  for (size_t i = 0; i < x.size(); ++i) {
    const double t = static_cast<double>(i) / 16000;
    const double noise = static_cast<double>(random()) * 0x1p-31 - 1.0;
    const double buzz = std::sin(t * 2 * M_PI * (90.0 + 35.0 * seed));
    x[i] = static_cast<float>(level * std::pow(std::sin(t * 9 + seed), 2) * (buzz + 0.3 * noise));
  }
  return x;
}

std::vector<CalibrationItem> items() {
  const std::vector<std::vector<float>> recordings = {voice(1, 3.5), voice(2, 4), voice(3, 5)};
  return calibration_items(recordings);
}

ModelDraft draft() {
  return convert(golden_config().dump(), "c.json", golden_checkpoint(), {}).model;
}

std::vector<Type> types(const ModelDraft& model) {
  std::vector<Type> out;
  for (const GraphDraft& graph : model.graphs) {
    for (const TensorDraft& t : graph.tensors) {
      if (t.kind == Kind::kWeight && t.layout == Layout::kPanels) {
        out.push_back(t.type);
      }
    }
  }
  return out;
}

size_t count(const ModelDraft& model, Type type) {
  const std::vector<Type> all = types(model);
  return static_cast<size_t>(std::count(all.begin(), all.end(), type));
}

TEST_CASE("mixed: every recording is the target once, another one interferes at 0 dB") {
  const std::vector<CalibrationItem> found = items();
  REQUIRE(found.size() == 3);
  for (const CalibrationItem& item : found) {
    REQUIRE(item.mixture.size() == item.target.size());
    double target = 0.0;
    double other = 0.0;
    for (size_t i = 0; i < item.target.size(); ++i) {
      target += std::pow(double{item.target[i]}, 2);
      other += std::pow(double{item.mixture[i]} - item.target[i], 2);
    }
    CHECK(other == doctest::Approx(target).epsilon(1e-4));
    CHECK(item.anchor.size() >= 16000);
  }
}

TEST_CASE("mixed: recordings that are short or silent are left out") {
  const std::vector<std::vector<float>> recordings = {
      voice(1, 2.9), voice(2, 4), voice(3, 4, 0.0f), voice(4, 4)};
  CHECK(calibration_items(recordings).size() == 2);
  CHECK(calibration_items(std::span(recordings).first(3)).empty());
}

TEST_CASE("mixed: what may cost a lot is int8 where it can, what may cost nothing is not") {
  const std::vector<CalibrationItem> calibration = items();
  ModelDraft loose = draft();
  const MixedChoice all = choose_mixed(&loose, calibration, 100.0, {});
  REQUIRE(all.matrices.size() > 4);
  CHECK(count(loose, Type::kQ8) == all.matrices.size());
  CHECK(count(loose, Type::kF32) == 0);
  ModelDraft strict = draft();
  const MixedChoice none = choose_mixed(&strict, calibration, 1e-12, {});
  CHECK(count(strict, Type::kQ8) == 0);
  CHECK(none.predicted_db <= 1e-12);
  CHECK(none.snr_db > all.snr_db + 20);
}

TEST_CASE("mixed: the costliest goes first, and the rest is within what was allowed") {
  const std::vector<CalibrationItem> calibration = items();
  ModelDraft all_draft = draft();
  const MixedChoice all = choose_mixed(&all_draft, calibration, 100.0, {});
  ModelDraft model = draft();
  const double allowed = all.predicted_db / 3;
  const MixedChoice some = choose_mixed(&model, calibration, allowed, {});
  CHECK(some.predicted_db <= allowed);
  CHECK(some.predicted_db > 0.0);
  CHECK(count(model, Type::kQ8) > 0);
  const auto is_int8 = [](const MatrixChoice& m) { return m.int8; };
  const auto first = std::find_if(some.matrices.begin(), some.matrices.end(), is_int8);
  CHECK(first != some.matrices.begin());
  CHECK(std::all_of(first, some.matrices.end(), is_int8));
  CHECK(some.snr_db > all.snr_db);
}

TEST_CASE("mixed: the report has the table") {
  ConvertOptions options;
  options.calibration = items();
  options.most_lost_db = 100.0;
  const Conversion conversion =
      convert(golden_config().dump(), "c.json", golden_checkpoint(), options);
  const auto json = nlohmann::json::parse(report_json(conversion))["mixed"];
  CHECK(json["mixtures"] == 3);
  CHECK(json["matrices"].size() == conversion.mixed.matrices.size());
  CHECK(json["matrices"][0]["type"] == "int8");
  CHECK(json["matrices"][0]["lost_db"].get<double>() > 0.0);
}

}  // namespace
}  // namespace ligero
