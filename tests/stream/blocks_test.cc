// SPDX-License-Identifier: Apache-2.0
// A real network that needs the whole recording, block by block. Not: blocks of toys
// (tests/runtime/blocks_test.cc), quality (./run latency-curve).
#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "tests/stream/live.h"

namespace ligero::testing {
namespace {

constexpr double kParity = 1e-5;  // of the largest value of the signal

std::vector<float> whole_run(const Network& network, const std::vector<float>& x) {
  std::vector<float> y(x.size());
  expect(extract(network.model(), &network.alice(), x, y));
  return y;
}

TEST_CASE("blocks: one that holds the recording gives the whole run, to the last sample") {
  const std::vector<float> x = babble(24077, 30);
  Session session(whole_network(),
                  {.block = {.hops = 200, .context_hops = 0, .look_ahead_hops = 0}});
  expect(session->set_target(whole_network().alice()));
  CHECK(worst_error(session.run_aligned(x, 160), whole_run(whole_network(), x)) <= kParity);
}

TEST_CASE("blocks: context and look-ahead over all of the recording give the whole run") {
  const std::vector<float> x = babble(24077, 31);
  const std::vector<float> whole = whole_run(whole_network(), x);
  for (const int32_t hops : {1, 40}) {
    Session session(whole_network(),
                    {.block = {.hops = hops, .context_hops = 200, .look_ahead_hops = 200}});
    expect(session->set_target(whole_network().alice()));
    CHECK(worst_error(session.run_aligned(x, 0, 3), whole) <= kParity);
  }
}

TEST_CASE("blocks: of half a second the voice is still much the same, at the stated latency") {
  const std::vector<float> x = babble(64000, 32);
  Session session(whole_network(),
                  {.block = {.hops = 50, .context_hops = 200, .look_ahead_hops = 100}});
  expect(session->set_target(whole_network().alice()));
  // The block, what it looks ahead to, a frame of each of ten convolutions, the window.
  CHECK(session->latency_samples() == (50 + 100 + 10 + 1) * 160);
  CHECK(difference_db(session.run_aligned(x, 160), whole_run(whole_network(), x)) > 15.0);
}

TEST_CASE("blocks: a causal network gives exactly what it gives frame by frame") {
  const std::vector<float> x = babble(40077, 33);
  Session frames(network());
  expect(frames->set_target(network().alice()));
  const std::vector<float> want = frames.run_aligned(x, 160);
  for (const int32_t hops : {1, 7, 25, 300}) {
    CAPTURE(hops);
    Session session(network(), {.block = {.hops = hops}});
    expect(session->set_target(network().alice()));
    CHECK(session->latency_samples() == (hops + 1) * 160);
    const std::vector<float> y = session.run_aligned(x, 160);
    CHECK(worst_error(y, want) <= kParity);
    CHECK((y == want || hops > 28));  // attention sums up to 128 keys at once
  }
}

TEST_CASE("blocks: any number of samples at a time gives the same; reset equals fresh") {
  const std::vector<float> x = babble(40000, 34);
  const SessionConfig config = {.block = {.hops = 30, .context_hops = 60, .look_ahead_hops = 20}};
  Session a(whole_network(), config);
  Session b(whole_network(), config);
  expect(a->set_target(whole_network().alice()));
  expect(b->set_target(whole_network().alice()));
  const std::vector<float> want = a.run_aligned(x, 160);
  CHECK(b.run_aligned(x, 0, 5) == want);
  b->reset();
  CHECK(b.run_aligned(x, x.size()) == want);
  a->reset();
  a.run(babble(12345, 35), 0, 7);
  a->reset();
  CHECK(a.run_aligned(x, 1000) == want);
}

TEST_CASE("blocks: other rates and a change of target run as they do frame by frame") {
  for (const uint32_t rate_hz : rates()) {
    CAPTURE(rate_hz);
    const std::vector<float> x = babble(rate_hz * 2, 36, static_cast<int>(rate_hz));
    const SessionConfig config = {.rate_hz = static_cast<int32_t>(rate_hz),
                                 .block = {.hops = 30, .context_hops = 60, .look_ahead_hops = 20}};
    Session session(whole_network(), config);
    expect(session->set_target(whole_network().bob()));
    session.run(x, 0, 9);
    expect(session->set_target(whole_network().alice()));
    session.run(x, 0, 9);
    const std::vector<float> y = session.run(x, 0, 9);
    CHECK(largest(y) > 1e-3);
    CHECK(session->statistics().healed_hops == 0);
  }
}

TEST_CASE("blocks: sizes out of range are refused, and without blocks a model that needs all") {
  const auto status = [](const BlockConfig& block) {
    return plan_sessions(whole_network().model(), {.block = block}).status();
  };
  CHECK(status({.hops = 50}).ok());
  const Status frame_by_frame = status({});
  CHECK(frame_by_frame.code == Code::kBadArgument);
  CHECK(frame_by_frame.index >= 0);
  for (const BlockConfig& bad : {BlockConfig{-1, 0, 0},
                                 BlockConfig{6001, 0, 0},
                                 BlockConfig{50, -1, 0},
                                 BlockConfig{50, 6001, 0},
                                 BlockConfig{50, 0, -1},
                                 BlockConfig{50, 0, INT32_MAX}}) {
    CHECK(status(bad).code == Code::kBadArgument);
    CHECK(std::string(status(bad).message).find("6000") != std::string::npos);
  }
}

}  // namespace
}  // namespace ligero::testing
