// SPDX-License-Identifier: Apache-2.0
// A tiny network with random weights against recorded activations of its PyTorch twin: every node,
// by the tools alone. Not: networks of real size (tests/torch).
#include <doctest/doctest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "model/session/ports.h"
#include "platforms/cli/npy.h"
#include "platforms/cli/sound/sound.h"
#include "tests/cli/tool.h"
#include "tests/support/test_run.h"

namespace ligero::testing {
namespace {

const std::string kGolden = std::string(LIGERO_SOURCE_DIR) + "/tests/golden/";
constexpr double kTolerance = 1e-4;  // of the node's largest value

// The recording as hops; returns the option that tells its length.
std::string write_hops(const std::string& sound, const std::string& path) {
  cli::Sound read = cli::read_sound(sound);
  const int64_t samples = static_cast<int64_t>(read.samples.size());
  const int64_t hops = hops_of(samples, kHopSamples);
  read.samples.resize(static_cast<size_t>(hops * kHopSamples), 0.0f);
  cli::write_npy(path, std::vector<int64_t>{hops, 1, kHopSamples}, read.samples);
  return " --samples " + std::to_string(samples);
}

// Values of a node in the reference's order: its inverse STFT is cut to the signal, a hop later.
std::vector<float> node_values(const std::string& path, size_t size) {
  std::vector<float> values = cli::read_npy(path).values;
  if (values.size() != size && values.size() >= size + kHopSamples) {
    values.erase(values.begin(), values.begin() + kHopSamples);
    values.resize(size);
  }
  return values;
}

// Compares every node that both have; returns how many.
int compare(const std::string& folder, const nlohmann::json& nodes) {
  int compared = 0;
  for (const auto& [name, golden] : nodes.items()) {
    const std::string path = folder + "/" + name + ".npy";
    if (!std::filesystem::exists(path)) {
      continue;
    }
    CAPTURE(name);
    const std::vector<float> values = node_values(path, golden["size"].get<size_t>());
    REQUIRE(values.size() == golden["size"].get<size_t>());
    const double allowed = kTolerance * golden["max"].get<double>();
    for (size_t k = 0; k < golden["at"].size(); ++k) {
      const double value = values[golden["at"][k].get<size_t>()];
      CAPTURE(golden["at"][k].get<size_t>());
      CHECK(std::abs(value - golden["values"][k].get<double>()) <= allowed);
    }
    ++compared;
  }
  return compared;
}

struct Counts {
  int enroll = 0;
  int extract = 0;
};

// Converts, enrols, extracts; the profile of the model itself goes into `extract`.
Counts run_both(const std::string& convert_options) {
  const Folder at;
  const Outcome converted =
      run_line(std::string(LIGERO_CONVERT) + " " + kGolden + "tiny.safetensors --config " +
               kGolden + "tiny.json -o " + at / "tiny.lgm " + convert_options);
  INFO(converted.text);
  REQUIRE(converted.code == 0);
  const std::string anchor = write_hops(kGolden + "anchor.flac", at / "anchor.npy");
  const std::string mixture = write_hops(kGolden + "mixture.flac", at / "mixture.npy");
  const std::string run = "run --model " + at / "tiny.lgm ";
  const std::string enroll =
      run + "--graph enroll --input anchor_hops=" + at / "anchor.npy" + anchor;
  REQUIRE(run_tool(enroll + " --output " + at / "profile").code == 0);
  REQUIRE(run_tool(enroll + " --tap all --output " + at / "enroll").code == 0);
  std::string extract = run + "--graph extract --input mix_hops=" + at / "mixture.npy" + mixture;
  for (const auto& entry : std::filesystem::directory_iterator(at / "profile")) {
    extract += " --input " + entry.path().stem().string() + "=" + entry.path().string();
  }
  const Outcome extracted = run_tool(extract + " --tap all --output " + at / "extract");
  INFO(extracted.text);
  REQUIRE(extracted.code == 0);
  std::ifstream file(kGolden + "nodes.json");
  const nlohmann::json nodes = nlohmann::json::parse(file);
  return {compare(at / "enroll", nodes["enroll"]), compare(at / "extract", nodes["extract"])};
}

TEST_CASE("golden: every node of the unfolded network equals PyTorch's") {
  const Counts counts = run_both("--unfolded");
  // All that were recorded but the two of each ARN that only the folded form computes.
  CHECK(counts.enroll == 187);
  CHECK(counts.extract == 67);
}

TEST_CASE("golden: every node that the folded network kept equals PyTorch's") {
  const Counts counts = run_both("");
  CHECK(counts.enroll >= 90);
  CHECK(counts.extract >= 30);
}

}  // namespace
}  // namespace ligero::testing
