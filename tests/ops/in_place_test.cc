// SPDX-License-Identifier: Apache-2.0
// Ops that say so give the same result in the memory of their first input. Not: who shares memory
// (tests/runtime).
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "ops/table.h"
#include "tests/support/op_harness.h"
#include "tests/support/random.h"

namespace ligero {
namespace {

using testing::OpHarness;
using testing::Random;

constexpr int kBins = 3;
constexpr int kChannels = 21;
constexpr int kFrames = 6;
constexpr int kRow = kBins * kChannels;

OpHarness first_input(const char* name) {
  Random random(61);
  OpHarness h(name);
  h.sequence(kBins, kChannels, random.floats(kFrames * kRow, 0.1f, 2.0f));
  return h;
}

void check(OpHarness h, const std::string& name) {
  CAPTURE(name);
  const std::vector<float> y = h.run();
  CHECK(h.run_in_place() == y);
  if (h.inference().time[0].use != TimeUse::kWhole) {
    CHECK(h.run_in_place(1) == y);
  }
}

void check_weights(const char* name, int count) {
  Random random(62);
  OpHarness h = first_input(name);
  for (int k = 0; k < count; ++k) {
    h.weight({kChannels}, random.floats(kChannels, 0.1f, 1.0f));
  }
  check(h, name);
}

void check_binary(const char* name) {
  Random random(63);
  for (const int bins : {1, kBins}) {
    for (const int channels : {1, kChannels}) {
      OpHarness h = first_input(name);
      check(h.sequence(bins,
                       channels,
                       random.floats(static_cast<size_t>(kFrames * bins * channels), 0.1f, 1.0f)),
            name);
      OpHarness with_weight = first_input(name);
      check(with_weight.weight({bins, channels},
                               random.floats(static_cast<size_t>(bins * channels), 0.1f, 1.0f)),
            name);
    }
  }
}

}  // namespace

TEST_CASE("in place: elementwise ops, norms and reshapes") {
  const std::vector<std::string> unary = {
      "relu", "sigmoid", "tanh", "gelu", "elu", "square", "sqrt"};
  for (const std::string& name : unary) {
    check(first_input(name.c_str()), name);
  }
  check(first_input("power").floats("exponent", {0.3f}), "power");
  check(first_input("softmax"), "softmax over channels");
  check(first_input("softmax").ints("axis", {0}), "softmax over time");
  check(first_input("floor_db").floats("range", {1.0f}), "floor_db");
  check(first_input("reshape").ints("bins", {1}).ints("channels", {kRow}), "reshape");
  for (const char* name : {"add", "subtract", "multiply", "divide"}) {
    check_binary(name);
  }
  check_weights("prelu", 1);
  check_weights("layer_norm", 2);
  check_weights("batch_norm", 4);
}

TEST_CASE("table: every name is there once") {
  std::vector<std::string> names;
  for (const Op* op : all_ops().ops) {
    names.emplace_back(op->name);
    CHECK(op->version >= 1);
    CHECK((op->infer != nullptr && op->run != nullptr));
    CHECK(all_ops().find(op->name) == op);
  }
  std::sort(names.begin(), names.end());
  CHECK(std::adjacent_find(names.begin(), names.end()) == names.end());
}

}  // namespace ligero
