// SPDX-License-Identifier: Apache-2.0
// A real causal network frame by frame against its own offline run. Not: the queues around it
// (tests/model/session_test.cc).
#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "tests/stream/live.h"

namespace ligero::testing {
namespace {

constexpr double kParity = 1e-5;  // of the largest value of the signal

TEST_CASE("stream: small-live frame by frame equals its offline run from first to last sample") {
  // Longer than the window of attention and level (1 s); not a whole number of hops.
  const std::vector<float> x = babble(40077, 5);
  std::vector<float> whole(x.size());
  expect(extract(network().model(), &network().alice(), x, whole));
  REQUIRE(largest(whole) > 1e-3);
  Session session(network());
  expect(session->set_target(network().alice()));
  CHECK(session->latency_samples() == 320);
  const std::vector<float> y = session.run_aligned(x, 160);
  REQUIRE(y.size() == whole.size());
  CHECK(worst_error(y, whole) <= kParity);
  SUBCASE("the first hops") {
    const std::span<const float> head(whole.data(), 480);
    CHECK(worst_error({y.data(), 480}, head) * largest(head) <= kParity * largest(whole));
  }
}

TEST_CASE("stream: small-live with f16 or int8 weights equals its offline run as well") {
  for (const Type type : {Type::kF16, Type::kQ8}) {
    const Network light("small-live", type);
    const std::vector<float> x = babble(24000, 5);
    std::vector<float> whole(x.size());
    expect(extract(light.model(), &light.alice(), x, whole));
    Session session(light);
    expect(session->set_target(light.alice()));
    CHECK(worst_error(session.run_aligned(x, 160), whole) <= kParity);
  }
}

TEST_CASE("stream: the weights that ship, frame by frame, equal their offline run") {
  const std::vector<float> x = babble(64077, 5);
  std::vector<float> whole(x.size());
  expect(extract(trained_network().model(), &trained_network().alice(), x, whole));
  REQUIRE(largest(whole) > 1e-3);
  Session session(trained_network());
  expect(session->set_target(trained_network().alice()));
  CHECK(session->latency_samples() == 320);
  CHECK(worst_error(session.run_aligned(x, 0, 3), whole) <= kParity);
}

TEST_CASE("stream: small-live offline does depend on the profile and on the past") {
  const std::vector<float> x = babble(24000, 5);
  std::vector<float> a(x.size());
  std::vector<float> b(x.size());
  expect(extract(network().model(), &network().alice(), x, a));
  expect(extract(network().model(), &network().bob(), x, b));
  CHECK(worst_error(a, b) > 0.01);
  std::vector<float> changed = x;
  changed[8000] += 0.5f;
  std::vector<float> later(x.size());
  expect(extract(network().model(), &network().alice(), changed, later));
  const size_t half_a_second_later = 16000;
  CHECK(worst_error(std::span(later).subspan(half_a_second_later),
                    std::span(a).subspan(half_a_second_later)) > 1e-6);
  CHECK(std::equal(a.begin(), a.begin() + 7680, later.begin()));  // and never on the future
}

TEST_CASE("stream: small-live gives the same samples for any block sizes") {
  const std::vector<float> x = babble(24000, 6);
  Session hops(network());
  Session random(network());
  Session whole(network());
  for (Session* session : {&hops, &random, &whole}) {
    expect((*session)->set_target(network().alice()));
  }
  const std::vector<float> y = hops.run(x, 160);
  CHECK(y == random.run(x, 0, 17));
  CHECK(y == whole.run(x, x.size()));
}

TEST_CASE("stream: small-live after reset equals a fresh session, from the first sample") {
  const std::vector<float> x = babble(24000, 7);
  Session used(network());
  Session fresh(network());
  expect(used->set_target(network().alice()));
  expect(fresh->set_target(network().alice()));
  used.run(babble(30011, 8), 0, 19);
  used->reset();
  CHECK(used->statistics().samples == 0);
  CHECK(used.run(x, 128) == fresh.run(x, 160));
  used.process(std::vector<float>(50, 0.1f).data(), 50);  // half a hop, half a change of target
  expect(used->set_target(network().bob()));
  used.run(babble(250, 8), 0, 23);
  used->reset();
  Session other(network());
  expect(other->set_target(network().bob()));
  CHECK(used.run(x, 160) == other.run(x, 333));
}

TEST_CASE("stream: two sessions on one small-live, interleaved, equal two alone") {
  const std::vector<float> x = babble(16000, 9);
  const std::vector<float> z = babble(16000, 10);
  Session a(network());
  Session b(network());
  Session alone_a(network());
  Session alone_b(network());
  expect(a->set_target(network().alice()));
  expect(alone_a->set_target(network().alice()));
  expect(b->set_target(network().bob()));
  expect(alone_b->set_target(network().bob()));
  std::vector<float> y = x;
  std::vector<float> w = z;
  for (size_t at = 0; at < x.size(); at += 100) {
    a.process(y.data() + at, 100);
    b.process(w.data() + at, 100);
  }
  CHECK(y == alone_a.run(x, 160));
  CHECK(w == alone_b.run(z, 160));
}

TEST_CASE("stream: a new target is reached in 50 ms and is then the same as if set at first") {
  const std::vector<float> x = babble(48000, 12);
  Session changed(network());
  Session from_start(network());
  expect(changed->set_target(network().alice()));
  expect(from_start->set_target(network().bob()));
  std::vector<float> y = x;
  changed.process(y.data(), 16000);
  expect(changed->set_target(network().bob()));
  changed.process(y.data() + 16000, 32000);
  const std::vector<float> z = from_start.run(x, 160);
  // The past, heard as another's, is forgotten with the attention window (1 s) and the LSTM.
  CHECK(worst_error(std::span(y).subspan(42000), std::span(z).subspan(42000)) < 0.05);
}

}  // namespace
}  // namespace ligero::testing
