// SPDX-License-Identifier: Apache-2.0
// Several targets in one session: each is what it is alone, and their sum does not clip.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <vector>

#include "model/format/writer.h"
#include "model/session/voice_sum.h"
#include "runtime/api/ligero.h"
#include "tests/stream/live.h"
#include "tests/support/denoiser.h"

namespace ligero::testing {
namespace {

constexpr size_t kForgotten = 8000;      // what restores low tones has forgotten a voice that went
constexpr size_t kFade = 320 + 2 * 160;  // latency, and the fade of a voice

SessionConfig targets_of(int32_t targets) {
  SessionConfig config;
  config.targets = targets;
  return config;
}

/// The voice of that profile in a session of its own.
std::vector<float> alone(const Profile& profile, const std::vector<float>& x) {
  Session session(network());
  REQUIRE(session->set_target(profile).ok());
  return session.run(x, 480);
}

/// The largest difference from `from` on, of the largest of `want`.
double worst_after(std::span<const float> got, std::span<const float> want, size_t from) {
  return worst_error(got.subspan(from), want.subspan(from));
}

TEST_CASE("targets: one of three that is set gives what it gives alone") {
  const std::vector<float> x = babble(16000, 3);
  const std::vector<float> want = alone(network().bob(), x);
  for (const int32_t target : {0, 2}) {
    Session session(network(), targets_of(3));
    REQUIRE(session->set_target(network().bob(), target).ok());
    const std::vector<float> got = session.run(x, 160);
    CHECK(got == want);
    CHECK(session->latency_samples() == 320);
  }
}

TEST_CASE("targets: two voices are summed, in blocks of any size; one that goes leaves the other") {
  std::vector<float> x = babble(32000, 3);
  for (float& v : x) {
    v *= 0.1f;  // so that the sum of what random weights make of it stays below full scale
  }
  const std::vector<float> alice = alone(network().alice(), x);
  const std::vector<float> bob = alone(network().bob(), x);
  std::vector<float> both(x.size());
  for (size_t i = 0; i < x.size(); ++i) {
    both[i] = alice[i] + bob[i];
  }
  Session session(network(), targets_of(2));
  REQUIRE(session->set_target(network().alice(), 0).ok());
  REQUIRE(session->set_target(network().bob(), 1).ok());
  std::vector<float> got = session.run({x.begin(), x.begin() + 16000}, 0, 7);
  REQUIRE(largest(both) < 1.0);
  CHECK(worst_after(got, std::span(both).first(16000), kFade) < 1e-5);
  session->clear_target(0);
  got = session.run({x.begin() + 16000, x.end()}, 0, 8);
  const std::span<const float> want = std::span<const float>(bob).subspan(16000);
  CHECK(worst_after(got, want, kForgotten) < 1e-5);
  // The change is a fade, not a step.
  const auto largest_step = [](std::span<const float> y) {
    double most = 0.0;
    for (size_t i = 1; i < y.size(); ++i) {
      most = std::max(most, static_cast<double>(std::fabs(y[i] - y[i - 1])));
    }
    return most;
  };
  CHECK(largest_step(got) < 1.2 * largest_step(both));
  session->clear_target(1);
  got = session.run(x, 160);
  CHECK(largest(std::span(got).subspan(kFade)) == 0.0);
}

TEST_CASE("targets: after a reset all targets begin anew; an end and silence are those of each") {
  const std::vector<float> x = babble(8000, 3);
  Session session(network(), targets_of(2));
  REQUIRE(session->set_target(network().alice(), 0).ok());
  REQUIRE(session->set_target(network().bob(), 1).ok());
  const std::vector<float> first = session.run_aligned(x, 480);
  session->reset();
  CHECK(session->statistics().samples == 0);
  CHECK(session.run_aligned(x, 480) == first);
  const std::vector<float> silence = session.run(std::vector<float>(48000, 0.0f), 480);
  CHECK(largest(std::span(silence).last(1600)) == 0.0);
}

TEST_CASE("targets: a further one costs no more than a session of its own") {
  const auto bytes = [](int32_t targets, int32_t sessions) {
    return expect(plan_sessions(network().model(), targets_of(targets), sessions)).bytes;
  };
  CHECK(bytes(2, 1) < bytes(1, 2));
  CHECK(bytes(4, 1) < bytes(1, 4));
}

TEST_CASE("targets: numbers out of range are refused") {
  for (const int32_t bad : {0, 17, -1}) {
    const Status status = plan_sessions(network().model(), targets_of(bad)).status();
    CHECK(status.code == Code::kBadArgument);
    CHECK(std::strstr(status.message, "1 to 16 targets") != nullptr);
  }
  CHECK(plan_sessions(network().model(), targets_of(16), 4096).status().code == Code::kBadArgument);
  const Network always_on(write_model(denoiser()));
  SessionConfig config = targets_of(2);
  config.rate_hz = always_on.model().rate_hz();
  const Status status = plan_sessions(always_on.model(), config).status();
  CHECK(status.code == Code::kBadArgument);
  CHECK(std::strstr(status.message, "takes no profile") != nullptr);
}

TEST_CASE("C API: targets by index, in a session and in a batch; one that there is not is refused") {
  ligero_model* model = nullptr;
  REQUIRE(ligero_model_open_memory(network().bytes().data(), network().bytes().size(), &model) == LIGERO_OK);
  const std::vector<float> anchor = babble(24000, 1);
  ligero_profile* profile = nullptr;
  REQUIRE(ligero_enroll(model, anchor.data(), anchor.size(), 16000, 1, &profile, nullptr) == LIGERO_OK);
  ligero_session_config config = LIGERO_SESSION_CONFIG_INIT;
  config.targets = 2;
  ligero_batch* batch = nullptr;
  REQUIRE(ligero_batch_create(model, &config, 2, &batch) == LIGERO_OK);
  ligero_session* second = ligero_batch_session(batch, 1);
  CHECK(ligero_set_target_of(second, 1, profile) == LIGERO_OK);
  CHECK(ligero_set_target_of(second, 2, profile) == LIGERO_BAD_ARGUMENT);
  CHECK(std::strstr(ligero_last_error(), "fewer targets") != nullptr);
  CHECK(ligero_set_target_of(nullptr, 0, profile) == LIGERO_BAD_ARGUMENT);
  float value = 0.0f;
  CHECK(ligero_side_output_of(second, 2, "activity", &value) == LIGERO_BAD_ARGUMENT);
  std::vector<float> sounds[2] = {babble(8000, 3), babble(8000, 3)};
  const float* in[] = {sounds[0].data(), sounds[1].data()};
  float* out[] = {sounds[0].data(), sounds[1].data()};
  REQUIRE(ligero_batch_process(batch, in, out, 8000) == LIGERO_OK);
  CHECK(largest(sounds[0]) == 0.0);  // no target
  CHECK(largest(sounds[1]) > 0.0);
  ligero_batch_destroy(batch);

  size_t one = 0;
  size_t more = 0;
  REQUIRE(ligero_session_bytes(model, &config, &more) == LIGERO_OK);
  config.struct_bytes = offsetof(ligero_session_config, targets);  // a caller of before there were any
  REQUIRE(ligero_session_bytes(model, &config, &one) == LIGERO_OK);
  CHECK(more > one);
  config.struct_bytes = sizeof(config);
  for (const uint32_t bad : {17u, 0x80000001u}) {
    config.targets = bad;
    CHECK(ligero_session_bytes(model, &config, &one) == LIGERO_BAD_ARGUMENT);
  }
  ligero_profile_close(profile);
  ligero_model_close(model);
}

/// Blocks of two voices through a VoiceSum.
struct Sum {
  static constexpr int32_t kBlock = 160;
  AlignedBlock memory;
  VoiceSum sum;

  Sum() {
    Carver counter(nullptr);
    sum.start(2, kBlock, 16000, &counter);
    REQUIRE(memory.allocate(counter.used()));
    Carver carver(memory.data());
    sum.start(2, kBlock, 16000, &carver);
    sum.reset();
  }
  std::vector<float> run(const std::vector<float>& a, const std::vector<float>& b) {
    std::vector<float> y(a.size(), 0.0f);
    for (size_t at = 0; at < a.size(); at += kBlock) {
      sum.begin(true);
      sum.add(0, a.data() + at, true);
      sum.add(1, b.data() + at, true);
      const float* block = sum.take();
      std::copy_n(block, kBlock, y.begin() + static_cast<std::ptrdiff_t>(at));
    }
    return y;
  }
};

std::vector<float> tone(size_t samples, float amplitude) {
  std::vector<float> x(samples);
  for (size_t i = 0; i < samples; ++i) {
    x[i] = amplitude * std::sin(0.1f * static_cast<float>(i));
  }
  return x;
}

TEST_CASE("voice sum: never beyond full scale, without a step, and whole again after it") {
  Sum at;
  std::vector<float> loud = tone(16000, 0.8f);
  std::vector<float> y = at.run(loud, loud);
  CHECK(largest(y) <= 1.0);
  CHECK(largest(std::span(y).last(1600)) > 0.95);
  // A limited sine is one again, not a cut one: its steps are those of a sine of full scale.
  double step = 0.0;
  for (size_t i = 1601; i < y.size(); ++i) {
    step = std::max(step, static_cast<double>(std::fabs(y[i] - y[i - 1])));
  }
  CHECK(step < 0.1 * 1.05);
  const std::vector<float> quiet = tone(16000, 0.25f);
  y = at.run(quiet, quiet);
  for (size_t i = 8000; i < y.size(); ++i) {  // within 0.2 s, then exactly the sum
    REQUIRE(y[i] == quiet[i] + quiet[i]);
  }
}

TEST_CASE("voice sum: a voice that is louder than full scale alone passes as it is") {
  Sum at;
  const std::vector<float> loud = tone(3200, 3.0f);
  const std::vector<float> none(3200, 0.0f);
  const std::vector<float> y = at.run(loud, none);
  for (size_t i = 320; i < y.size(); ++i) {
    REQUIRE(y[i] == loud[i]);
  }
}

}  // namespace
}  // namespace ligero::testing
