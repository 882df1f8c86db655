// SPDX-License-Identifier: Apache-2.0
// Ops against what PyTorch computes (tests/golden/ops.txt), whole and frame by frame. Not: other
// shapes and refusals (the test of each op).
#include <doctest/doctest.h>

#include <fstream>
#include <map>
#include <string>

#include "tests/ops/products_oracle.h"
#include "tests/support/close.h"
#include "tests/support/op_harness.h"

using namespace ligero;
using namespace ligero::testing;

namespace {

constexpr int kChannels = 8;
constexpr int kBins = 5;
constexpr double kTolerance = 2e-6;

const Doubles& golden(const std::string& name) {
  static const std::map<std::string, Doubles> all = [] {
    std::map<std::string, Doubles> read;
    std::ifstream file(std::string(LIGERO_SOURCE_DIR) + "/tests/golden/ops.txt");
    std::string key;
    size_t count = 0;
    while (file >> key >> count) {
      Doubles& values = read[key];
      values.resize(count);
      for (double& value : values) {
        file >> value;
      }
    }
    return read;
  }();
  REQUIRE_MESSAGE(all.contains(name), "no values ", name);
  return all.at(name);
}

Floats input(const std::string& name) {
  const Doubles& values = golden(name);
  return {values.begin(), values.end()};
}

OpHarness attention(int heads, int window) {
  OpHarness h("attention");
  for (const char* name : {"attention.q", "attention.k", "attention.v"}) {
    h.sequence(1, kChannels, input(name));
  }
  const float head = static_cast<float>(kChannels / heads);
  h.ints("heads", {heads}).ints("window", {window}).floats("scale", {1.0f / std::sqrt(head)});
  return h;
}

OpHarness norm(const char* op) {
  OpHarness h(op);
  h.sequence(kBins, kChannels, input("norm.x"));
  h.weight({kChannels}, input("norm.gamma")).weight({kChannels}, input("norm.beta"));
  return h;
}

}  // namespace

TEST_CASE("attention: 1, 2, 4 and 8 heads equal PyTorch's, all frames or a window") {
  for (int heads : {1, 2, 4, 8}) {
    for (int window : {0, 4}) {
      CAPTURE(heads);
      CAPTURE(window);
      OpHarness h = attention(heads, window);
      const Doubles& want =
          golden("attention." + std::to_string(heads) + "." + std::to_string(window));
      CHECK(difference(h.run(), want, kTolerance) == "");
      if (window > 0) {
        CHECK(difference(h.run(1), want, kTolerance) == "");
      }
    }
  }
}

TEST_CASE("gru: equals PyTorch's, whole and frame by frame") {
  constexpr int kHidden = 6;
  OpHarness h("gru");
  h.sequence(1, kChannels, input("gru.x"));
  h.panels(kChannels, 3 * kHidden, input("gru.w_ih"));
  h.panels(kHidden, 3 * kHidden, input("gru.w_hh"));
  h.weight({3 * kHidden}, input("gru.bias_ih")).weight({3 * kHidden}, input("gru.bias_hh"));
  CHECK(difference(h.run(), golden("gru.y"), kTolerance) == "");
  CHECK(difference(h.run(1), golden("gru.y"), kTolerance) == "");
}

TEST_CASE("conv2d: groups equal PyTorch's, one to as many as there are channels") {
  for (int groups : {1, 2, 4, 8}) {
    CAPTURE(groups);
    const std::string name = "conv." + std::to_string(groups);
    OpHarness h("conv2d");
    h.sequence(kBins, kChannels, input("conv.x"));
    h.panels(9 * kChannels, 2 * kChannels / groups, input(name + ".w"));
    h.weight({2 * kChannels}, input(name + ".bias"));
    h.ints("kernel_t", {3}).ints("kernel_f", {3}).ints("stride_f", {2}).ints("pad_f", {1});
    h.ints("past", {2}).ints("future", {0}).ints("groups", {groups});
    CHECK(difference(h.run(), golden(name + ".y"), kTolerance) == "");
    CHECK(difference(h.run(1), golden(name + ".y"), kTolerance) == "");
  }
}

TEST_CASE("elu: equals PyTorch's") {
  OpHarness h("elu");
  h.sequence(1, static_cast<int>(input("elu.x").size()), input("elu.x"));
  CHECK(difference(h.run(), golden("elu.y"), kTolerance) == "");
}

TEST_CASE("layer_norm, cumulative_norm: equal PyTorch's, whole and frame by frame") {
  for (const char* kind : {"layer", "cumulative"}) {
    CAPTURE(kind);
    OpHarness h = norm((kind + std::string("_norm")).c_str());
    const Doubles& want = golden(std::string("norm.") + kind);
    CHECK(difference(h.run(), want, kTolerance) == "");
    CHECK(difference(h.run(1), want, kTolerance) == "");
  }
}
