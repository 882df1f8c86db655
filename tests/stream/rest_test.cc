// SPDX-License-Identifier: Apache-2.0
// A session rests on long silence: what came before comes out whole, what comes after meets a fresh
// network. Not: what is worse than silence (garbage_test.cc).
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "tests/stream/live.h"

namespace ligero::testing {
namespace {

constexpr double kParity = 1e-5;  // of the largest value of the signal
constexpr double kTraces =
    1e-3;  // what a 16-bit step leaves in the filter of what lies below the voice

struct Silence {
  const char* name;
  std::function<float(size_t, Random&)> sample;
};

std::vector<Silence> silences() {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  constexpr float kInf = std::numeric_limits<float>::infinity();
  return {
      {"zeros", [](size_t, Random&) { return 0.0f; }},
      {"denormals",
       [](size_t, Random& r) { return r.uniform() * std::numeric_limits<float>::min(); }},
      {"one 16-bit step to and fro",
       [](size_t i, Random&) { return (i % 2 == 0 ? 1.0f : -1.0f) / 32768.0f; }},
      {"an offset", [](size_t, Random&) { return 0.05f; }},
      {"an offset, and one 16-bit step to and fro",
       [](size_t i, Random&) { return -0.01f + (i % 2 == 0 ? 1.0f : -1.0f) / 32768.0f; }},
      {"NaN", [=](size_t, Random&) { return kNan; }},
      {"infinities", [=](size_t i, Random&) { return i % 2 == 0 ? kInf : -kInf; }},
  };
}

std::vector<float> operator+(std::vector<float> a, const std::vector<float>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

std::vector<float> zeros(size_t samples) {
  return std::vector<float>(samples, 0.0f);
}

std::vector<float> from(const std::vector<float>& x, size_t begin) {
  return {x.begin() + static_cast<std::ptrdiff_t>(begin), x.end()};
}

/// What a session gives for `x`, from the first sample of `x` on: before it, a new
/// session fades in.
std::vector<float> voice_of(Session& session, const std::vector<float>& x) {
  return from(session.run(x, 160), static_cast<size_t>(session->latency_samples()));
}

TEST_CASE("rest: after long silence, of whatever kind, a session is as fresh as a new one") {
  const std::vector<float> sound = babble(32000, 50);
  Session fresh(network());
  expect(fresh->set_target(network().alice()));
  const std::vector<float> want = voice_of(fresh, sound);
  for (const Silence& silence : silences()) {
    CAPTURE(std::string(silence.name));
    Random random(51);
    std::vector<float> quiet(32000);
    for (size_t i = 0; i < quiet.size(); ++i) {
      quiet[i] = silence.sample(i, random);
    }
    Session session(network());
    expect(session->set_target(network().alice()));
    session.run(babble(16000, 52) + quiet, 0, 7);
    // An offset goes on under the sound: without it there would be a step.
    const float offset =
        std::fabs(quiet[1] + quiet[2]) > 0.01f ? 0.5f * (quiet[1] + quiet[2]) : 0.0f;
    std::vector<float> goes_on = sound;
    for (float& x : goes_on) {
      x += offset;
    }
    const bool exact = largest(quiet) == 0.0 || !std::isfinite(quiet[0]);
    CHECK(worst_error(voice_of(session, goes_on), want) <= (exact ? 0.0 : kTraces));
    CHECK(session->statistics().healed_hops == 0);
  }
}

TEST_CASE("rest: a little more than silence is sound, and keeps what was heard") {
  std::vector<float> faint(32000);
  for (size_t i = 0; i < faint.size(); ++i) {
    faint[i] = (i % 2 == 0 ? 2.1f : -2.1f) / 32768.0f;
  }
  const std::vector<float> sound = babble(8000, 50);
  Session fresh(network());
  Session session(network());
  expect(fresh->set_target(network().alice()));
  expect(session->set_target(network().alice()));
  session.run(faint, 160);
  CHECK(voice_of(session, sound) != voice_of(fresh, sound));
}

TEST_CASE("rest: a second of silence changes nothing, frame by frame equals the whole run") {
  const std::vector<float> x = babble(16000, 53) + zeros(16000) + babble(16000, 54);
  std::vector<float> whole(x.size());
  expect(extract(network().model(), &network().alice(), x, whole));
  Session session(network());
  expect(session->set_target(network().alice()));
  CHECK(worst_error(session.run_aligned(x, 160), whole) <= kParity);
}

/// Sound, then silence for long: all of the sound comes out, then nothing.
void check_before(const Network& network, const BlockConfig& block, double parity) {
  const std::vector<float> x = babble(16077, 55) + zeros(64000);
  std::vector<float> whole(x.size());
  expect(extract(network.model(), &network.alice(), x, whole));
  Session session(network, {.block = block});
  expect(session->set_target(network.alice()));
  const std::vector<float> y = session.run_aligned(x, 160);
  CHECK(worst_error(std::span(y).first(24000), std::span(whole).first(24000)) <= parity);
  const std::vector<float> rest = from(y, 56000);
  CHECK(std::all_of(rest.begin(), rest.end(), [](float v) { return v == 0.0f; }));
}

TEST_CASE("rest: what was heard before it comes out whole, then silence") {
  SUBCASE("frame by frame") {
    check_before(network(), {}, kParity);
  }
  SUBCASE("in blocks longer than the silence that a rest needs") {
    check_before(network(), {.hops = 150}, kParity);
  }
  SUBCASE("in blocks that look ahead") {
    check_before(
        whole_network(), {.hops = 20, .context_hops = 600, .look_ahead_hops = 600}, kParity);
  }
}

TEST_CASE("rest: whoever is set meanwhile is who is heard afterwards, from the first hop") {
  const std::vector<float> sound = babble(16000, 56);
  Session bob(network());
  expect(bob->set_target(network().bob()));
  const std::vector<float> want = voice_of(bob, sound);
  Session session(network());
  expect(session->set_target(network().alice()));
  session.run(babble(16000, 57) + zeros(32000), 160);
  expect(session->set_target(network().bob()));
  session.run(zeros(1600), 160);
  CHECK(voice_of(session, sound) == want);
}

}  // namespace
}  // namespace ligero::testing
