// SPDX-License-Identifier: Apache-2.0
// Types chosen by calibration, on the tiny golden network. Not: reading recordings (tests/cli).
#include "converter/quantize/mixed.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "converter/convert.h"
#include "converter/open_draft.h"
#include "model/session/recording.h"
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

const ModelDraft& draft() {
  static const ModelDraft made =
      convert(golden_config().dump(), "c.json", golden_checkpoint(), {}).model;
  return made;
}

/// The voice that a model extracts from an item.
std::vector<float> voice_of(const ModelDraft& model, const CalibrationItem& item) {
  const OpenDraft network(model);
  const Result<Profile> profile = enroll(network.model(), item.anchor);
  REQUIRE(profile.ok());
  std::vector<float> out(item.mixture.size());
  REQUIRE(extract(network.model(), &profile.value(), item.mixture, out).ok());
  return out;
}

/// Two mixtures, with targets that the f32 network misses by as much as int8 differs from it, and
/// in the same direction: int8 doubles the error (6 dB), while the powers of both errors say 3 dB.
std::vector<CalibrationItem> make_items() {
  std::vector<CalibrationItem> made =
      calibration_items(std::vector<std::vector<float>>{voice(1, 3.0), voice(2, 3.0)});
  ModelDraft int8 = draft();
  choose_weight_types(&int8, {Type::kQ8});
  for (CalibrationItem& item : made) {
    const std::vector<float> full = voice_of(draft(), item);
    const std::vector<float> rounded = voice_of(int8, item);
    for (size_t i = 0; i < full.size(); ++i) {
      item.target[i] = 2.0f * full[i] - rounded[i];
    }
  }
  return made;
}

const std::vector<CalibrationItem>& items() {
  static const std::vector<CalibrationItem> made = make_items();
  return made;
}

/// What each matrix costs: found once, for every choice.
const Calibration& calibration() {
  static const Calibration found(draft(), items(), {});
  return found;
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
  const std::vector<CalibrationItem> found =
      calibration_items(std::vector<std::vector<float>>{voice(1, 3.5), voice(2, 4), voice(3, 5)});
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
  ModelDraft loose = draft();
  const MixedChoice all = calibration().choose(100.0, &loose);
  REQUIRE(all.matrices.size() > 4);
  CHECK(count(loose, Type::kQ8) == all.matrices.size());
  CHECK(count(loose, Type::kF32) == 0);
  ModelDraft strict = draft();
  const MixedChoice none = calibration().choose(1e-12, &strict);
  CHECK(count(strict, Type::kQ8) == 0);
  CHECK(none.predicted_db <= 1e-12);
  CHECK(none.snr_db > all.snr_db + 20);
}

TEST_CASE("mixed: the costliest goes first, and the rest is within what was allowed") {
  ModelDraft model = draft();
  const MixedChoice all = calibration().choose(100.0, &model);
  const double allowed = all.predicted_db / 3;
  const MixedChoice some = calibration().choose(allowed, &model);
  CHECK(some.predicted_db <= allowed);
  CHECK(some.predicted_db > 0.0);
  CHECK(count(model, Type::kQ8) > 0);
  const auto is_int8 = [](const MatrixChoice& m) { return m.int8; };
  const auto first = std::find_if(some.matrices.begin(), some.matrices.end(), is_int8);
  CHECK(first != some.matrices.begin());
  CHECK(std::all_of(first, some.matrices.end(), is_int8));
  CHECK(some.snr_db > all.snr_db);
}

TEST_CASE("mixed: what is measured to lose more than was allowed is not kept, though predicted") {
  ModelDraft model = draft();
  const MixedChoice all = calibration().choose(100.0, &model);
  REQUIRE(all.predicted_db + 1.0 < all.lost_db);
  const double allowed = (all.predicted_db + all.lost_db) / 2;
  const MixedChoice some = calibration().choose(allowed, &model);
  CHECK(some.lost_db <= allowed);
  CHECK(count(model, Type::kQ8) > 0);
  CHECK(count(model, Type::kQ8) < all.matrices.size());
}

TEST_CASE("mixed: the report has the table, and --check what the chosen types change") {
  ConvertOptions options;
  options.calibration = items();
  options.most_lost_db = 100.0;
  options.check = true;
  const Conversion conversion =
      convert(golden_config().dump(), "c.json", golden_checkpoint(), options);
  const auto report = nlohmann::json::parse(report_json(conversion));
  const auto& json = report["mixed"];
  CHECK(json["mixtures"] == 2);
  CHECK(json["matrices"].size() == conversion.mixed.matrices.size());
  CHECK(json["matrices"][0]["type"] == "int8");
  CHECK(json["matrices"][0]["lost_db"].get<double>() > 0.0);
  const auto& last = report["passes"].back();
  CHECK(last["name"] == "choose_mixed");
  CHECK(last["changes"].get<size_t>() == types(conversion.model).size());
  CHECK(last["per_layer"]["largest"] > 1e-4);
  CHECK(last["per_layer"]["largest"] <= last["tolerance"]);
}

}  // namespace
}  // namespace ligero
