// SPDX-License-Identifier: Apache-2.0
// What no microphone should give: the output stays finite and comes back. Not: its sound meanwhile.
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

constexpr size_t kBefore = 16000;
constexpr size_t kGarbage = 8000;
constexpr size_t kRecovery = 24000;  // 1.5 s
constexpr size_t kAfter = 16000;
constexpr double kBackDb = 30.0;  // the difference lies this far below the undisturbed output

struct Garbage {
  const char* name;
  std::function<float(size_t, float, Random&)> sample;  ///< from index and the sound sample
};

std::vector<Garbage> kinds() {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  constexpr float kInf = std::numeric_limits<float>::infinity();
  return {
      {"NaN", [=](size_t, float, Random&) { return kNan; }},
      {"NaN now and then", [=](size_t i, float x, Random&) { return i % 37 == 0 ? kNan : x; }},
      {"infinities", [=](size_t i, float, Random&) { return i % 2 == 0 ? kInf : -kInf; }},
      {"largest floats",
       [](size_t i, float, Random&) {
         return (i % 2 == 0 ? 1.0f : -1.0f) * std::numeric_limits<float>::max();
       }},
      {"denormals",
       [](size_t, float, Random& r) { return r.uniform() * std::numeric_limits<float>::min(); }},
      {"full-scale noise", [](size_t, float, Random& r) { return r.uniform(); }},
      {"noise at the loudest accepted",
       [](size_t, float, Random& r) { return 7.9f * r.uniform(); }},
      {"a square wave at the loudest accepted",
       [](size_t i, float, Random&) { return i / 40 % 2 == 0 ? 7.9f : -7.9f; }},
      {"a constant", [](size_t, float, Random&) { return 1.0f; }},
      {"40 dB louder", [](size_t, float x, Random&) { return 100.0f * x; }},
      {"40 dB softer", [](size_t, float x, Random&) { return 0.01f * x; }},
      {"silence", [](size_t, float, Random&) { return 0.0f; }},
  };
}

/// Every kind of garbage, then sound again: all finite, and soon as if nothing had been.
void check_recovery(const Network& network, const BlockConfig& block, size_t recovery) {
  const std::vector<float> sound = babble(kBefore + kGarbage + recovery + kAfter, 20);
  Session undisturbed(network, {.block = block});
  expect(undisturbed->set_target(network.alice()));
  const std::vector<float> want = undisturbed.run_aligned(sound, 160);
  for (const Garbage& garbage : kinds()) {
    CAPTURE(std::string(garbage.name));
    Random random(21);
    std::vector<float> x = sound;
    for (size_t i = kBefore; i < kBefore + kGarbage; ++i) {
      x[i] = garbage.sample(i, x[i], random);
    }
    Session session(network, {.block = block});
    expect(session->set_target(network.alice()));
    const std::vector<float> y = session.run_aligned(x, 160);
    CHECK(std::all_of(y.begin(), y.end(), [](float v) { return std::isfinite(v); }));
    CHECK(session->statistics().healed_hops == 0);
    const size_t from = kBefore + kGarbage + recovery;
    CHECK(difference_db(std::span(y).subspan(from), std::span(want).subspan(from)) > kBackDb);
  }
}

TEST_CASE(
    "stream: garbage never leaves a trace 1.5 s after it ends, and nothing is ever not finite") {
  SUBCASE("random weights") {
    check_recovery(network(), {}, kRecovery);
  }
  SUBCASE("the weights that ship") {
    check_recovery(trained_network(), {}, kRecovery);
  }
}

TEST_CASE("stream: block by block, garbage is forgotten 1.5 s after the last block that saw it") {
  const BlockConfig block = {.hops = 25, .context_hops = 100, .look_ahead_hops = 25};
  check_recovery(whole_network(), block, kRecovery + (100 + 25) * 160);
}

TEST_CASE("stream: cleaned samples are counted, channel by channel") {
  Session session(network(), {.channels = 2});
  expect(session->set_target(network().alice()));
  std::vector<float> left = babble(1600, 22);
  std::vector<float> right = left;
  left[10] = std::numeric_limits<float>::quiet_NaN();
  right[10] = -std::numeric_limits<float>::infinity();
  right[11] = 100.0f;
  const float* in[2] = {left.data(), right.data()};
  float* out[2] = {left.data(), right.data()};
  session.group().process(in, out, 1600);
  CHECK(session->statistics().cleaned_samples == 3);
  CHECK(session->statistics().samples == 1600);
}

}  // namespace
}  // namespace ligero::testing
