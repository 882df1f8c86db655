// SPDX-License-Identifier: Apache-2.0
// deep_filter's use of time, and its refusals. Not: its sums (tests/kernels/deep_filter_test.cc).
#include <doctest/doctest.h>

#include <complex>
#include <vector>

#include "tests/support/op_harness.h"
#include "tests/support/random.h"
#include "tests/support/threads.h"

namespace ligero {
namespace {

using testing::OpHarness;
using testing::Random;

constexpr int kBins = 7;
constexpr int kFrames = 30;

OpHarness filter(int kernel_t, int kernel_f, int past) {
  Random random(11);
  const int taps = 2 * kernel_t * kernel_f;
  OpHarness h("deep_filter");
  h.sequence(kBins, taps, random.floats(static_cast<size_t>(kFrames * kBins * taps)))
      .sequence(kBins, 2, random.floats(static_cast<size_t>(kFrames * kBins * 2)))
      .ints("kernel_t", {kernel_t})
      .ints("kernel_f", {kernel_f})
      .ints("past", {past})
      .ints("future", {kernel_t - 1 - past});
  return h;
}

}  // namespace

TEST_CASE("deep_filter: row l of the taps meets frame t + l - past") {
  // One tap of 1 at offset l: the spectrum itself, moved by l - past frames.
  Random random(12);
  const std::vector<float> x = random.floats(kFrames * kBins * 2);
  for (int past = 0; past <= 4; ++past) {
    for (int l = 0; l < 5; ++l) {
      std::vector<float> taps(kFrames * kBins * 30, 0.0f);
      for (size_t i = 0; i < taps.size(); i += 30) {
        taps[i + static_cast<size_t>((l * 3 + 1) * 2)] = 1.0f;
      }
      OpHarness h("deep_filter");
      const std::vector<float> y = h.sequence(kBins, 30, taps)
                                       .sequence(kBins, 2, x)
                                       .ints("past", {past})
                                       .ints("future", {4 - past})
                                       .run();
      for (int i = 0; i < kFrames * kBins * 2; ++i) {
        const int source = i + (l - past) * kBins * 2;
        const bool inside = source >= 0 && source < kFrames * kBins * 2;
        REQUIRE(y[static_cast<size_t>(i)] == (inside ? x[static_cast<size_t>(source)] : 0.0f));
      }
    }
  }
}

TEST_CASE("deep_filter: declares its window; blocks and threads equal one call") {
  OpHarness h = filter(5, 3, 2);
  const std::vector<float> whole = h.run();
  CHECK(h.inference().time[0].use == TimeUse::kPointwise);
  CHECK(h.inference().time[1].use == TimeUse::kWindow);
  CHECK(h.inference().time[1].past == 2);
  CHECK(h.inference().time[1].future == 2);
  CHECK(h.inference().macs == 4 * 15 * kBins);
  for (const int block : {1, 7}) {
    CHECK(h.run(block) == whole);
  }
  testing::Threads pool(4);
  CHECK(h.pool(&pool).run() == whole);
  CHECK(filter(5, 3, 4).run(1) == filter(5, 3, 4).run());
  CHECK(filter(1, 1, 0).run(1) == filter(1, 1, 0).run());
}

TEST_CASE("deep_filter: refusals") {
  CHECK(filter(5, 3, 2).infer().ok());
  CHECK_FALSE(filter(5, 2, 2).infer().ok());
  CHECK_FALSE(filter(5, 3, 5).infer().ok());
  CHECK_FALSE(filter(5, 3, -1).infer().ok());
  const std::vector<float> x(2 * kBins);
  const std::vector<float> taps(30 * kBins);
  const auto with = [&](int tap_channels, int bins, int channels) {
    OpHarness h("deep_filter");
    h.sequence(kBins, tap_channels, taps).sequence(bins, channels, x);
    h.ints("past", {4}).ints("future", {0});
    return h.infer().ok();
  };
  CHECK(with(30, kBins, 2));
  CHECK_FALSE(with(28, kBins, 2));
  CHECK_FALSE(with(30, kBins - 1, 2));
  CHECK_FALSE(with(30, kBins, 1));
  OpHarness no_window("deep_filter");
  CHECK_FALSE(no_window.sequence(kBins, 30, taps).sequence(kBins, 2, x).infer().ok());
  OpHarness one("deep_filter");
  CHECK_FALSE(one.sequence(kBins, 30, taps).infer().ok());
  OpHarness constant("deep_filter");
  constant.sequence(kBins, 30, taps).constant(kBins, 2, x).ints("past", {4}).ints("future", {0});
  CHECK_FALSE(constant.infer().ok());
  OpHarness huge("deep_filter");
  huge.sequence(kBins, 30, taps).sequence(kBins, 2, x).ints("kernel_t", {1 << 30});
  CHECK_FALSE(huge.ints("past", {(1 << 30) - 1}).ints("future", {0}).infer().ok());
}

}  // namespace ligero
