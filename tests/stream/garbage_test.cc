// What no microphone should give: the output stays finite and comes back. Not: its sound meanwhile.
#include <doctest/doctest.h>

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

double power(std::span<const float> x) {
  double sum = 0.0;
  for (float v : x) {
    sum += static_cast<double>(v) * static_cast<double>(v);
  }
  return sum;
}

TEST_CASE(
    "stream: garbage never leaves a trace 1.5 s after it ends, and nothing is ever not finite") {
  const std::vector<float> sound = babble(kBefore + kGarbage + kRecovery + kAfter, 20);
  Session undisturbed(network());
  expect(undisturbed->set_target(network().alice()));
  const std::vector<float> want = undisturbed.run(sound, 160);
  for (const Garbage& garbage : kinds()) {
    CAPTURE(std::string(garbage.name));
    Random random(21);
    std::vector<float> x = sound;
    for (size_t i = kBefore; i < kBefore + kGarbage; ++i) {
      x[i] = garbage.sample(i, x[i], random);
    }
    Session session(network());
    expect(session->set_target(network().alice()));
    const std::vector<float> y = session.run(x, 160);
    bool finite = true;
    for (float v : y) {
      finite = finite && std::isfinite(v);
    }
    CHECK(finite);
    CHECK(session->statistics().healed_hops == 0);
    const size_t from = kBefore + kGarbage + kRecovery;
    std::vector<float> error(y.begin() + static_cast<std::ptrdiff_t>(from), y.end());
    const std::span<const float> wanted = std::span(want).subspan(from);
    for (size_t i = 0; i < error.size(); ++i) {
      error[i] -= wanted[i];
    }
    const double back_db = 10.0 * std::log10(power(wanted) / (power(error) + 1e-30));
    CHECK(back_db > kBackDb);
  }
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
  session->process(in, out, 1600);
  CHECK(session->statistics().cleaned_samples == 3);
  CHECK(session->statistics().samples == 1600);
}

}  // namespace
}  // namespace ligero::testing
