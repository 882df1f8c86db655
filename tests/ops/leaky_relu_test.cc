// SPDX-License-Identifier: Apache-2.0
// leaky_relu against its formula, and its slope. Not: its options' form (options_test.cc).
#include <doctest/doctest.h>

#include <vector>

#include "tests/support/op_harness.h"
#include "tests/support/random.h"
#include "tests/support/sound_nodes.h"

namespace ligero {
namespace {

using testing::OpHarness;

const testing::AddSoundNode kSound({"leaky_relu", {{Kind::kSequence, 3, 16}}, {}, {"slope"}});

OpHarness leaky_relu(const std::vector<float>& x) {
  OpHarness h("leaky_relu");
  h.sequence(3, 7, x);
  return h;
}

std::vector<float> wanted(std::vector<float> x, float slope) {
  for (float& v : x) {
    v = v > 0.0f ? v : slope * v;
  }
  return x;
}

}  // namespace

TEST_CASE("leaky_relu: the formula; frame by frame and in place it gives the same") {
  const std::vector<float> x = testing::Random(71).floats(5 * 3 * 7);
  CHECK(leaky_relu(x).run() == wanted(x, 0.01f));
  for (const float slope : {0.0f, 0.3f, 1.0f}) {
    OpHarness h = leaky_relu(x).floats("slope", {slope});
    CHECK(h.run() == wanted(x, slope));
    CHECK(h.run(1) == wanted(x, slope));
    CHECK(h.run_in_place() == wanted(x, slope));
    CHECK(h.run_in_place(1) == wanted(x, slope));
  }
}

TEST_CASE("leaky_relu: refusals") {
  const std::vector<float> x(3 * 7, 1.0f);
  CHECK(leaky_relu(x).floats("slope", {-0.1f}).infer().code == Code::kBadModel);
  CHECK(leaky_relu(x).floats("slope", {1.1f}).infer().code == Code::kBadModel);
  CHECK(leaky_relu(x).sequence(3, 7, x).infer().code == Code::kBadModel);
  OpHarness weight("leaky_relu");
  CHECK(weight.weight({7}, std::vector<float>(7, 1.0f)).infer().code == Code::kBadModel);
}

}  // namespace ligero
