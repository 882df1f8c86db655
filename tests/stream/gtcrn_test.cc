// SPDX-License-Identifier: Apache-2.0
// GTCRN, a network that needs no speaker and has another window and hop: live against its own offline
// run. Not: its nodes against PyTorch (tests/torch/test_gtcrn.py), its authors' output
// (tests/converter/gtcrn_test.cc).
#include <doctest/doctest.h>

#include <vector>

#include "tests/stream/live.h"

namespace ligero::testing {
namespace {

constexpr double kParity = 1e-5;  // of the largest value of the signal

std::vector<float> whole(const Network& network, const std::vector<float>& x) {
  std::vector<float> y(x.size());
  expect(extract(network.model(), nullptr, x, y));
  return y;
}

TEST_CASE("gtcrn: frame by frame equals its offline run, whatever its weights; its latency is 32 ms") {
  const std::vector<float> x = babble(40077, 5);  // not a whole number of hops
  for (const Type type : {Type::kF32, Type::kF16, Type::kQ8}) {
    CAPTURE(static_cast<int>(type));
    const Network network("gtcrn", type);
    const std::vector<float> want = whole(network, x);
    REQUIRE(largest(want) > 1e-3);
    Session session(network);
    CHECK(session->latency_samples() == 512);
    CHECK(worst_error(session.run_aligned(x, 160), want) <= kParity);
    Session blocks(network, {.block = {.hops = 8}});
    CHECK(blocks->latency_samples() == 512 + 7 * 256);
    CHECK(worst_error(blocks.run_aligned(x, 0, 3), want) <= kParity);
  }
}

TEST_CASE("gtcrn: any block sizes and a reset give the same samples; other rates add their filters") {
  const Network network("gtcrn");
  const std::vector<float> x = babble(24000, 6);
  Session hops(network);
  Session random(network);
  const std::vector<float> y = hops.run(x, 256);
  CHECK(y == random.run(x, 0, 17));
  random->reset();
  CHECK(y == random.run(x, x.size()));
  for (const uint32_t rate : rates()) {
    Session other(network, {.rate_hz = static_cast<int32_t>(rate)});
    CHECK(other->latency_samples() >= static_cast<int32_t>(rate * 32 / 1000));
    CHECK(other->latency_samples() < static_cast<int32_t>(rate * 50 / 1000));
  }
}

TEST_CASE("gtcrn: it hears the past alone, and more of it than its convolutions reach") {
  const Network network("gtcrn");
  std::vector<float> x = babble(24000, 7);
  const std::vector<float> want = whole(network, x);
  x[12000] += 0.5f;
  const std::vector<float> got = whole(network, x);
  const size_t first = 12000 - 512;  // the window that ends with it
  CHECK(std::equal(want.begin(), want.begin() + first, got.begin()));
  const size_t convolved = 12000 + 2 * 2 * (1 + 2 + 5) * 256;
  CHECK(worst_error(std::span(got).subspan(convolved), std::span(want).subspan(convolved)) > 1e-7);
}

}  // namespace
}  // namespace ligero::testing
