// SPDX-License-Identifier: Apache-2.0
// Batches of sessions through the C API, on the processor and on a host in place of a GPU, against
// each session alone. Not: the kernels (tests/cuda), a single session (tests/stream).
#include <doctest/doctest.h>

#include <cstring>
#include <string>
#include <vector>

#include "platforms/cuda/backend.h"
#include "platforms/cuda/choose.h"
#include "runtime/api/ligero.h"
#include "tests/cuda/host_driver.h"
#include "tests/stream/live.h"

namespace ligero::testing {
namespace {

HostDriver& host() {
  static HostDriver driver;
  return driver;
}

}  // namespace
}  // namespace ligero::testing

namespace ligero::cuda {

/// In place of the library's: the GPU of this binary is a host.
Result<const Backend*> choose_accelerator(Choice choice) {
  static FirstGpu gpu(&testing::host());
  return gpu.choose(choice);
}

}  // namespace ligero::cuda

namespace ligero::testing {
namespace {

constexpr size_t kPiece = 333;  // samples of a call: hops end within it
constexpr double kSame = 1e-4;  // of the largest value of a voice

/// The network and its people through the C API.
struct People {
  ligero_model* model = nullptr;
  ligero_profile* profile[2] = {};
  explicit People(const Network& n) {
    REQUIRE(ligero_model_open_memory(n.bytes().data(), n.bytes().size(), &model) == LIGERO_OK);
    for (const uint64_t seed : {1, 2}) {
      const std::vector<float> x = babble(24000, seed);
      REQUIRE(ligero_enroll(model, x.data(), x.size(), 16000, 1, &profile[seed - 1], nullptr) ==
              LIGERO_OK);
    }
  }
  People(const People&) = delete;
  People& operator=(const People&) = delete;
  ~People() {
    ligero_profile_close(profile[0]);
    ligero_profile_close(profile[1]);
    ligero_model_close(model);
  }
};

ligero_session_config config_of(uint32_t device) {
  ligero_session_config config = {};
  config.struct_bytes = sizeof(config);
  config.device = device;
  return config;
}

/// One call of a server: whose voice, when it begins, and when it is held.
struct Call {
  int person;
  size_t begins;  ///< calls of process
  size_t held_from;
  size_t held_to;
  uint64_t seed;
};

constexpr size_t kCalls = 60;

bool goes_on(const Call& c, size_t i) {
  return i >= c.begins && (i < c.held_from || i >= c.held_to);
}

std::vector<float> heard(const Call& c) {
  size_t pieces = 0;
  for (size_t i = 0; i < kCalls; ++i) {
    pieces += goes_on(c, i) ? 1 : 0;
  }
  return babble(pieces * kPiece, c.seed);
}

/// What each call is given by a batch that holds them all.
std::vector<std::vector<float>> together(ligero_batch* batch,
                                         const People& people,
                                         const std::vector<Call>& calls) {
  std::vector<std::vector<float>> voices;
  std::vector<size_t> done(calls.size(), 0);
  for (size_t s = 0; s < calls.size(); ++s) {
    voices.push_back(heard(calls[s]));
    ligero_session* session = ligero_batch_session(batch, static_cast<uint32_t>(s));
    REQUIRE(ligero_set_target(session, people.profile[calls[s].person]) == LIGERO_OK);
  }
  for (size_t i = 0; i < kCalls; ++i) {
    std::vector<const float*> in(calls.size(), nullptr);
    std::vector<float*> out(calls.size(), nullptr);
    for (size_t s = 0; s < calls.size(); ++s) {
      if (goes_on(calls[s], i)) {
        in[s] = out[s] = voices[s].data() + done[s];
        done[s] += kPiece;
      }
    }
    REQUIRE(ligero_batch_process(batch, in.data(), out.data(), kPiece) == LIGERO_OK);
  }
  return voices;
}

std::vector<float> alone(const People& people, const Call& call, ligero_session_config config) {
  config.device = LIGERO_DEVICE_CPU;
  ligero_session* session = nullptr;
  REQUIRE(ligero_session_create(people.model, &config, nullptr, 0, &session) == LIGERO_OK);
  REQUIRE(ligero_set_target(session, people.profile[call.person]) == LIGERO_OK);
  std::vector<float> x = heard(call);
  for (size_t at = 0; at < x.size(); at += kPiece) {
    const float* in[] = {x.data() + at};
    float* out[] = {x.data() + at};
    REQUIRE(ligero_process(session, in, out, kPiece) == LIGERO_OK);
  }
  ligero_session_destroy(session);
  return x;
}

const std::vector<Call> kServer = {{0, 0, 0, 0, 5},
                                   {1, 0, 0, 0, 6},
                                   {1, 3, 20, 27, 7},  // begins later, and is held
                                   {0, 17, 18, 19, 8}};

TEST_CASE("C API: calls in a batch get what each gets alone, whenever they begin or are held") {
  const People people(trained_network());
  const People whole(whole_network());
  for (const uint32_t device : {LIGERO_DEVICE_CPU, LIGERO_DEVICE_CUDA}) {
    for (const uint32_t block : {0u, 20u}) {
      CAPTURE(device);
      CAPTURE(block);
      const People& p = block == 0 ? people : whole;
      ligero_session_config config = config_of(device);
      config.block_hops = block;
      config.context_hops = 2 * block;
      config.look_ahead_hops = block / 2;
      ligero_batch* batch = nullptr;
      REQUIRE(ligero_batch_create(
                  p.model, &config, static_cast<uint32_t>(kServer.size()), &batch) == LIGERO_OK);
      const auto voices = together(batch, p, kServer);
      for (size_t s = 0; s < kServer.size(); ++s) {
        CAPTURE(s);
        const std::vector<float> want = alone(p, kServer[s], config);
        REQUIRE(largest(want) > 1e-3);
        if (device == LIGERO_DEVICE_CPU) {
          CHECK(voices[s] == want);
        } else {
          CHECK(worst_error(voices[s], want) < kSame);
        }
        ligero_statistics now = {};
        now.struct_bytes = sizeof(now);
        REQUIRE(ligero_get_statistics(ligero_batch_session(batch, static_cast<uint32_t>(s)),
                                      &now) == LIGERO_OK);
        CHECK(now.device == device);
        CHECK(now.samples == static_cast<int64_t>(want.size()));
      }
      ligero_batch_destroy(batch);
    }
  }
  CHECK(host().device_bytes == 0);
}

TEST_CASE("C API: a hop of all calls that began together is one launch sequence") {
  const People people(network());
  const ligero_session_config config = config_of(LIGERO_DEVICE_CUDA);
  ligero_batch* batch = nullptr;
  REQUIRE(ligero_batch_create(people.model, &config, 3, &batch) == LIGERO_OK);
  const int64_t before = host().replays;
  const int64_t allocations = host().allocations;
  together(batch, people, std::vector<Call>(3, {0, 0, 0, 0, 9}));
  CHECK(host().replays - before == kCalls * kPiece / 160);
  CHECK(host().allocations == allocations);
  ligero_batch_destroy(batch);
}

TEST_CASE("C API: where the GPU fails every call of a batch goes on on the processor") {
  const People people(trained_network());
  const ligero_session_config config = config_of(LIGERO_DEVICE_CUDA);
  ligero_batch* batch = nullptr;
  REQUIRE(ligero_batch_create(people.model, &config, 2, &batch) == LIGERO_OK);
  std::vector<float> x[2] = {babble(32000, 5), babble(32000, 6)};
  constexpr size_t kLostAt = 16000;
  constexpr size_t kSilence = 8000;  // so that the filters below the voice hold nothing any more
  for (std::vector<float>& sound : x) {
    std::fill(sound.begin() + kLostAt - kSilence, sound.begin() + kLostAt, 0.0f);
  }
  const std::vector<float> sound[2] = {x[0], x[1]};
  for (uint32_t s = 0; s < 2; ++s) {
    REQUIRE(ligero_set_target(ligero_batch_session(batch, s), people.profile[s]) == LIGERO_OK);
  }
  for (size_t at = 0; at < x[0].size(); at += 160) {
    if (at == kLostAt) {
      host().calls_left = 7;  // somewhere within a hop
    }
    float* const both[] = {x[0].data() + at, x[1].data() + at};
    REQUIRE(ligero_batch_process(batch, both, both, 160) == LIGERO_OK);
  }
  host().calls_left = INT64_MAX;
  for (uint32_t s = 0; s < 2; ++s) {
    ligero_statistics now = {};
    now.struct_bytes = sizeof(now);
    REQUIRE(ligero_get_statistics(ligero_batch_session(batch, s), &now) == LIGERO_OK);
    CHECK(now.device == LIGERO_DEVICE_CPU);
    CHECK(now.lost_devices == 1);
    CHECK(now.healed_hops == 0);
    // As a session that begins there, once its first hops are out.
    Session fresh(trained_network());
    expect(fresh->set_target(s == 0 ? trained_network().alice() : trained_network().bob()));
    const std::vector<float> want = fresh.run({sound[s].begin() + kLostAt, sound[s].end()}, 160);
    constexpr size_t kFade = 1600;
    CHECK(worst_error(std::span(x[s]).subspan(kLostAt + kFade), std::span(want).subspan(kFade)) <
          kSame);
  }
  ligero_batch_destroy(batch);
}

TEST_CASE("C API: a batch refuses what it cannot do, and says why") {
  const People people(network());
  const ligero_session_config config = config_of(LIGERO_DEVICE_CUDA);
  ligero_batch* batch = nullptr;
  CHECK(ligero_batch_create(nullptr, &config, 1, &batch) == LIGERO_BAD_ARGUMENT);
  CHECK(ligero_batch_create(people.model, &config, 1, nullptr) == LIGERO_BAD_ARGUMENT);
  for (const uint32_t sessions : {0u, 65536u, UINT32_MAX}) {
    CHECK(ligero_batch_create(people.model, &config, sessions, &batch) == LIGERO_BAD_ARGUMENT);
    CHECK(std::strstr(ligero_last_error(), "1 to 65535") != nullptr);
    CHECK(batch == nullptr);
  }
  host().bytes_left = 1 << 20;
  CHECK(ligero_batch_create(people.model, &config, 2, &batch) == LIGERO_TOO_LITTLE_MEMORY);
  CHECK(std::strstr(ligero_last_error(), "GPU") != nullptr);
  CHECK(host().device_bytes == 0);
  host().bytes_left = INT64_MAX;
  REQUIRE(ligero_batch_create(people.model, &config, 2, &batch) == LIGERO_OK);
  ligero_session* const second = ligero_batch_session(batch, 1);
  CHECK(second != nullptr);
  CHECK(ligero_batch_session(batch, 2) == nullptr);
  CHECK(ligero_batch_session(nullptr, 0) == nullptr);
  float x[160] = {};
  float* channel[] = {x};
  CHECK(ligero_process(second, channel, channel, 160) == LIGERO_BAD_STATE);
  CHECK(std::strstr(ligero_last_error(), "ligero_batch_process") != nullptr);
  ligero_session_destroy(second);
  CHECK(ligero_batch_process(batch, nullptr, channel, 160) == LIGERO_BAD_ARGUMENT);
  CHECK(ligero_batch_process(nullptr, channel, channel, 160) == LIGERO_BAD_ARGUMENT);
  // All stand still: nothing is read, nor written.
  const float* const nobody[] = {nullptr, nullptr};
  float* const nowhere[] = {nullptr, nullptr};
  CHECK(ligero_batch_process(batch, nobody, nowhere, 160) == LIGERO_OK);
  ligero_batch_destroy(batch);
  ligero_batch_destroy(nullptr);
}

}  // namespace
}  // namespace ligero::testing
