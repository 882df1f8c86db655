// SPDX-License-Identifier: Apache-2.0
// channel_shuffle against its formula. Not: its options' form (options_test.cc).
#include <doctest/doctest.h>

#include <vector>

#include "tests/support/op_harness.h"
#include "tests/support/random.h"
#include "tests/support/sound_nodes.h"

namespace ligero {
namespace {

using testing::OpHarness;

const testing::AddSoundNode kSound(
    {"channel_shuffle", {{Kind::kSequence, 3, 16}}, {{"groups", 2}}});

OpHarness shuffle(const std::vector<float>& x, int groups) {
  OpHarness h("channel_shuffle");
  h.sequence(3, 12, x).ints("groups", {groups});
  return h;
}

}  // namespace

TEST_CASE("channel_shuffle: output c * groups + g is input g * (C / groups) + c, in every bin") {
  const std::vector<float> x = testing::Random(72).floats(5 * 3 * 12);
  for (const int groups : {1, 2, 3, 4, 6, 12}) {
    CAPTURE(groups);
    const int each = 12 / groups;
    std::vector<float> want(x.size());
    for (size_t i = 0; i < x.size(); ++i) {
      const auto channel = static_cast<int>(i % 12);
      want[i - i % 12 + static_cast<size_t>(channel % each * groups + channel / each)] = x[i];
    }
    OpHarness h = shuffle(x, groups);
    CHECK(h.run() == want);
    CHECK(h.run(1) == want);
    CHECK(h.inference().time[0].use == TimeUse::kPointwise);
  }
}

TEST_CASE("channel_shuffle: refusals") {
  const std::vector<float> x(3 * 12, 1.0f);
  CHECK(shuffle(x, 5).infer().code == Code::kBadModel);
  CHECK(shuffle(x, 24).infer().code == Code::kBadModel);
  CHECK(shuffle(x, 0).infer().code == Code::kBadModel);
  CHECK(shuffle(x, 2).sequence(3, 12, x).infer().code == Code::kBadModel);
  OpHarness missing("channel_shuffle");
  CHECK(missing.sequence(3, 12, x).infer().code == Code::kBadModel);
}

}  // namespace ligero
