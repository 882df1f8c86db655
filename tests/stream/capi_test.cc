// SPDX-License-Identifier: Apache-2.0
// The C API's edges: whatever is wrong is a status with a message. Not: what a session computes.
#include <doctest/doctest.h>
#include <pthread.h>

#include <cstddef>
#include <cstring>
#include <string>
#include <vector>

#include "platforms/cuda/choose.h"
#include "runtime/api/ligero.h"
#include "tests/stream/live.h"
#include "tests/support/aligned.h"

namespace ligero::testing {
namespace {

bool said(const char* part) {
  return std::strstr(ligero_last_error(), part) != nullptr;
}

struct Opened {
  ligero_model* model = nullptr;
  Opened() {
    const std::span<const std::byte> file = network().bytes();
    REQUIRE(ligero_model_open_memory(file.data(), file.size(), &model) == LIGERO_OK);
  }
  Opened(const Opened&) = delete;
  Opened& operator=(const Opened&) = delete;
  ~Opened() {
    ligero_model_close(model);
  }
};

ligero_session_config config_of(uint32_t rate_hz, uint32_t channels) {
  ligero_session_config config = {};
  config.struct_bytes = sizeof(config);
  config.rate_hz = rate_hz;
  config.channels = channels;
  return config;
}

/// A rate that has to be converted, where this build can.
uint32_t some_rate() {
  return rates().size() > 1 ? 48000 : 16000;
}

TEST_CASE("C API: models that are missing or damaged are refused") {
  ligero_model* model = nullptr;
  CHECK(ligero_model_open("/nowhere/model.lgm", &model) == LIGERO_BAD_ARGUMENT);
  CHECK(said("/nowhere/model.lgm"));
  CHECK(model == nullptr);
  const std::span<const std::byte> file = network().bytes();
  CHECK(ligero_model_open_memory(file.data(), 100, &model) == LIGERO_BAD_MODEL);
  const TestBlock copy = test_block(file.size());
  std::memcpy(copy.get(), file.data(), file.size());
  static_cast<unsigned char*>(copy.get())[200] ^= 1;
  CHECK(ligero_model_open_memory(copy.get(), file.size(), &model) == LIGERO_BAD_MODEL);
  CHECK(ligero_model_open_memory(file.data() + 1, file.size() - 1, &model) == LIGERO_BAD_ARGUMENT);
  CHECK(model == nullptr);
}

TEST_CASE("C API: null pointers are refused") {
  const Opened at;
  ligero_profile* profile = nullptr;
  ligero_session* session = nullptr;
  size_t bytes = 0;
  const float x[160] = {};
  CHECK(ligero_model_open(nullptr, nullptr) == LIGERO_BAD_ARGUMENT);
  CHECK(ligero_model_open_memory(nullptr, 0, nullptr) == LIGERO_BAD_ARGUMENT);
  CHECK(ligero_enroll(nullptr, x, 160, 16000, 1, &profile, nullptr) == LIGERO_BAD_ARGUMENT);
  CHECK(ligero_enroll(at.model, nullptr, 160, 16000, 1, &profile, nullptr) == LIGERO_BAD_ARGUMENT);
  CHECK(ligero_profile_load(nullptr, &profile) == LIGERO_BAD_ARGUMENT);
  CHECK(ligero_profile_save(nullptr, "x") == LIGERO_BAD_ARGUMENT);
  CHECK(ligero_profile_similarity(nullptr, nullptr, nullptr) == LIGERO_BAD_ARGUMENT);
  CHECK(ligero_session_bytes(nullptr, nullptr, &bytes) == LIGERO_BAD_ARGUMENT);
  CHECK(ligero_session_create(at.model, nullptr, nullptr, 0, nullptr) == LIGERO_BAD_ARGUMENT);
  CHECK(ligero_set_target(nullptr, nullptr) == LIGERO_BAD_ARGUMENT);
  CHECK(ligero_set_strength(nullptr, 1.0f, 100.0f) == LIGERO_BAD_ARGUMENT);
  CHECK(ligero_set_bypass(nullptr, 1) == LIGERO_BAD_ARGUMENT);
  CHECK(ligero_process(nullptr, nullptr, nullptr, 1) == LIGERO_BAD_ARGUMENT);
  CHECK(ligero_finish(nullptr) == LIGERO_BAD_ARGUMENT);
  CHECK(ligero_reset(nullptr) == LIGERO_BAD_ARGUMENT);
  CHECK(ligero_get_statistics(nullptr, nullptr) == LIGERO_BAD_ARGUMENT);
  CHECK(ligero_latency(nullptr) == 0);
  CHECK(said("must not be null"));
  ligero_model_close(nullptr);
  ligero_profile_close(nullptr);
  ligero_session_destroy(session);
}

TEST_CASE("C API: rates, channels and structs out of range are refused") {
  const Opened at;
  size_t bytes = 0;
  for (const auto& [rate_hz, channels] : {std::pair{7999u, 1u},
                                          {192001u, 1u},
                                          {0xFFFFFFFFu, 1u},
                                          {16000u, 33u},
                                          {16000u, 0x80000001u}}) {
    CAPTURE(rate_hz);
    CAPTURE(channels);
    const ligero_session_config config = config_of(rate_hz, channels);
    CHECK(ligero_session_bytes(at.model, &config, &bytes) == LIGERO_BAD_ARGUMENT);
  }
  ligero_session_config config = config_of(16000, 1);
  for (uint32_t size : {0u, 3u, 1000u}) {
    config.struct_bytes = size;
    CHECK(ligero_session_bytes(at.model, &config, &bytes) == LIGERO_BAD_ARGUMENT);
    CHECK(said("struct_bytes"));
  }
  config.struct_bytes = 8;  // an older caller's, who knew of no channels
  config.channels = 99;
  CHECK(ligero_session_bytes(at.model, &config, &bytes) == LIGERO_OK);
  CHECK(bytes > 0);
}

TEST_CASE(
    "C API: a caller's block too small is refused with the bytes needed, one large enough runs") {
  const Opened at;
  const uint32_t rate_hz = some_rate();
  const ligero_session_config config = config_of(rate_hz, 2);
  size_t bytes = 0;
  REQUIRE(ligero_session_bytes(at.model, &config, &bytes) == LIGERO_OK);
  const TestBlock block = test_block(bytes);
  ligero_session* session = nullptr;
  CHECK(ligero_session_create(at.model, &config, block.get(), bytes - 1, &session) ==
        LIGERO_TOO_LITTLE_MEMORY);
  CHECK(said((std::to_string(bytes) + " bytes needed").c_str()));
  CHECK(session == nullptr);
  REQUIRE(ligero_session_create(at.model, &config, block.get(), bytes, &session) == LIGERO_OK);
  CHECK(ligero_latency(session) * 1000 <= rate_hz * 35);
  float sound[16] = {};
  const float* in[] = {sound, nullptr};
  float* out[] = {sound, sound};
  CHECK(ligero_process(session, in, out, 16) == LIGERO_BAD_ARGUMENT);
  CHECK(said("in[channel]"));
  CHECK(ligero_process(session, in, out, 0) == LIGERO_OK);  // nothing is read
  ligero_session_destroy(session);
}

TEST_CASE(
    "C API: a model that needs the whole recording is refused frame by frame, not in blocks") {
  ligero_model* model = nullptr;
  const std::span<const std::byte> file = whole_network().bytes();
  REQUIRE(ligero_model_open_memory(file.data(), file.size(), &model) == LIGERO_OK);
  ligero_session_config config = config_of(16000, 1);
  ligero_session* session = nullptr;
  CHECK(ligero_session_create(model, &config, nullptr, 0, &session) == LIGERO_BAD_ARGUMENT);
  CHECK(said(
      "lgr-tse-small hears whole recordings and cannot run frame by frame; use a -live model"));
  config.block_hops = 25;
  config.context_hops = 100;
  config.look_ahead_hops = 50;
  REQUIRE(ligero_session_create(model, &config, nullptr, 0, &session) == LIGERO_OK);
  CHECK(ligero_latency(session) == (25 + 50 + 10 + 1) * 160);
  ligero_session_destroy(session);
  for (const uint32_t bad : {6001u, 0xFFFFFFFFu}) {
    config.look_ahead_hops = bad;
    CHECK(ligero_session_create(model, &config, nullptr, 0, &session) == LIGERO_BAD_ARGUMENT);
  }
  ligero_model_close(model);
}

/// How much of its stack the call needs that `run` makes on a thread of its own.
size_t stack_bytes(void (*run)(void*), void* user) {
  constexpr size_t kStackBytes = size_t{1} << 20;
  constexpr unsigned char kUntouched = 0xA5;
  const TestBlock stack = test_block(kStackBytes);
  auto* const bytes = static_cast<unsigned char*>(stack.get());
  std::memset(bytes, kUntouched, kStackBytes);
  struct Job {
    void (*run)(void*);
    void* user;
    unsigned char* top;
  } job = {run, user, nullptr};
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  REQUIRE(pthread_attr_setstack(&attributes, bytes, kStackBytes) == 0);
  pthread_t thread;
  REQUIRE(pthread_create(
              &thread,
              &attributes,
              [](void* given) -> void* {
                auto* const j = static_cast<Job*>(given);
                j->top = static_cast<unsigned char*>(__builtin_frame_address(0));
                j->run(j->user);
                return nullptr;
              },
              &job) == 0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
  size_t untouched = 0;
  while (bytes[untouched] == kUntouched) {
    ++untouched;
  }
  return static_cast<size_t>(job.top - bytes) - untouched;
}

TEST_CASE("C API: process needs no more stack than the header says, at any rate, in blocks too") {
  struct Call {
    ligero_session* session = nullptr;
    std::vector<float> sound = babble(9600, 3);
  };
  const auto play = [](void* user) {
    auto* const call = static_cast<Call*>(user);
    for (size_t at = 0; at < call->sound.size(); at += 480) {
      const float* in[] = {call->sound.data() + at};
      float* out[] = {call->sound.data() + at};
      ligero_process(call->session, in, out, 480);
    }
  };
  for (const Network* net : {&network(), &trained_network(), &whole_network()}) {
    ligero_model* model = nullptr;
    REQUIRE(ligero_model_open_memory(net->bytes().data(), net->bytes().size(), &model) ==
            LIGERO_OK);
    const std::vector<float> anchor = babble(24000, 1);
    ligero_profile* profile = nullptr;
    REQUIRE(ligero_enroll(model, anchor.data(), anchor.size(), 16000, 1, &profile, nullptr) ==
            LIGERO_OK);
    for (const uint32_t rate_hz : {16000u, 44100u, 48000u, 96000u}) {
      CAPTURE(rate_hz);
      Call call;
      ligero_session_config config = config_of(rate_hz, 1);
      config.block_hops = net == &whole_network() ? 10 : 0;
      REQUIRE(ligero_session_create(model, &config, nullptr, 0, &call.session) == LIGERO_OK);
      REQUIRE(ligero_set_target(call.session, profile) == LIGERO_OK);
      const size_t used = stack_bytes(play, &call);
      MESSAGE("stack of process: " << used);
      CHECK(used > 100);
#if !defined(__SANITIZE_ADDRESS__)  // which puts more on the stack
      CHECK(used <= LIGERO_PROCESS_STACK_BYTES);
#endif
      ligero_session_destroy(call.session);
    }
    ligero_profile_close(profile);
    ligero_model_close(model);
  }
}

TEST_CASE("C API: a map of channels is taken, one of channels that there are not is refused") {
  const Opened at;
  size_t bytes = 0;
  ligero_session_config config = config_of(16000, 2);
  config.channel_mask = 2;
  CHECK(ligero_session_bytes(at.model, &config, &bytes) == LIGERO_OK);
  config.channel_mask = 4;
  CHECK(ligero_session_bytes(at.model, &config, &bytes) == LIGERO_BAD_ARGUMENT);
  CHECK(said("channel mask"));
  // A caller that was compiled before there was a map has a shorter struct: what follows is not
  // read.
  config.struct_bytes = offsetof(ligero_session_config, channel_mask);
  CHECK(ligero_session_bytes(at.model, &config, &bytes) == LIGERO_OK);
  config.channel_mask = 2;
  config.struct_bytes += 1;  // a part of a field
  CHECK(ligero_session_bytes(at.model, &config, &bytes) == LIGERO_BAD_ARGUMENT);
}

TEST_CASE("C API: finish counts once, until reset, at any time, in a batch too") {
  ligero_model* model = nullptr;
  const std::span<const std::byte> file = whole_network().bytes();
  REQUIRE(ligero_model_open_memory(file.data(), file.size(), &model) == LIGERO_OK);
  const std::vector<float> sound = babble(9650, 3);
  const std::vector<float> anchor = babble(24000, 1);
  ligero_profile* profile = nullptr;
  REQUIRE(ligero_enroll(model, anchor.data(), anchor.size(), 16000, 1, &profile, nullptr) ==
          LIGERO_OK);
  ligero_session_config config = config_of(16000, 1);
  config.block_hops = 10;
  config.look_ahead_hops = 20;
  ligero_session* session = nullptr;
  ligero_batch* batch = nullptr;
  REQUIRE(ligero_session_create(model, &config, nullptr, 0, &session) == LIGERO_OK);
  REQUIRE(ligero_batch_create(model, &config, 1, &batch) == LIGERO_OK);
  // The sound, then zeros in two pieces; how often finish() is called before each piece of zeros.
  const auto voice = [&](int first, int second, bool in_batch = false) {
    ligero_session* const s = in_batch ? ligero_batch_session(batch, 0) : session;
    std::vector<float> all = sound;
    const size_t flush = ligero_latency(s);
    all.resize(sound.size() + flush, 0.0f);
    const auto process = [&](size_t from, size_t to) {
      const float* in[] = {all.data() + from};
      float* out[] = {all.data() + from};
      const auto frames = static_cast<uint32_t>(to - from);
      REQUIRE((in_batch ? ligero_batch_process(batch, in, out, frames)
                        : ligero_process(s, in, out, frames)) == LIGERO_OK);
    };
    REQUIRE(ligero_set_target(s, profile) == LIGERO_OK);
    process(0, sound.size());
    for (; first > 0; --first) {
      CHECK(ligero_finish(s) == LIGERO_OK);
    }
    process(sound.size(), sound.size() + flush / 3);
    for (; second > 0; --second) {
      CHECK(ligero_finish(s) == LIGERO_OK);
    }
    process(sound.size() + flush / 3, all.size());
    CHECK(ligero_reset(s) == LIGERO_OK);
    return all;
  };
  const std::vector<float> once = voice(1, 0);
  CHECK(voice(1, 0) == once);
  CHECK(voice(2, 0) == once);
  CHECK(voice(1, 2) == once);
  CHECK(voice(1, 1, true) == once);
  CHECK(voice(0, 0) != once);
  // Before any sample, and then all the same.
  CHECK(ligero_finish(session) == LIGERO_OK);
  std::vector<float> zeros(32000);
  const float* in[] = {zeros.data()};
  float* out[] = {zeros.data()};
  CHECK(ligero_process(session, in, out, 32000) == LIGERO_OK);
  CHECK(largest(zeros) < 1e-3);
  CHECK(ligero_reset(session) == LIGERO_OK);
  CHECK(voice(1, 0) == once);
  ligero_batch_destroy(batch);
  ligero_session_destroy(session);
  ligero_profile_close(profile);
  ligero_model_close(model);
}

TEST_CASE("C API: a bandwidth is taken, one that there is not is refused") {
  const Opened at;
  ligero_session_config config = config_of(some_rate(), 1);
  size_t full = 0, speech = 0;
  CHECK(ligero_session_bytes(at.model, &config, &full) == LIGERO_OK);
  config.bandwidth = LIGERO_BANDWIDTH_SPEECH;
  CHECK(ligero_session_bytes(at.model, &config, &speech) == LIGERO_OK);
  CHECK((full > speech) == (some_rate() > 16000));  // the top needs a queue
  config.bandwidth = LIGERO_BANDWIDTH_SPEECH + 1;
  CHECK(ligero_session_bytes(at.model, &config, &full) == LIGERO_BAD_ARGUMENT);
  CHECK(said("bandwidth"));
  config.struct_bytes = offsetof(ligero_session_config, bandwidth);
  CHECK(ligero_session_bytes(at.model, &config, &full) == LIGERO_OK);
}

TEST_CASE("C API: anchors too short, silent or of odd shape are refused; good ones are described") {
  const Opened at;
  const uint32_t rate_hz = some_rate();
  const std::vector<float> voice = babble(rate_hz * 2, 1, static_cast<int>(rate_hz));
  const std::vector<float> silence(32000, 0.0f);
  ligero_profile* profile = nullptr;
  CHECK(ligero_enroll(at.model, voice.data(), 4000, rate_hz, 1, &profile, nullptr) ==
        LIGERO_BAD_ARGUMENT);
  CHECK(said("shorter than 1 s"));
  CHECK(ligero_enroll(at.model, silence.data(), 32000, 16000, 1, &profile, nullptr) ==
        LIGERO_BAD_ARGUMENT);
  CHECK(said("silent"));
  CHECK(ligero_enroll(at.model, voice.data(), 32000, 4000, 1, &profile, nullptr) ==
        LIGERO_BAD_ARGUMENT);
  CHECK(ligero_enroll(at.model, voice.data(), 32000, 16000, 0, &profile, nullptr) ==
        LIGERO_BAD_ARGUMENT);
  CHECK(profile == nullptr);
  ligero_anchor_report report = {};
  report.struct_bytes = sizeof(report);
  REQUIRE(ligero_enroll(at.model, voice.data(), voice.size(), rate_hz, 1, &profile, &report) ==
          LIGERO_OK);
  CHECK(report.speech_seconds > 0.5f);
  CHECK(report.speech_seconds < 2.0f);
  CHECK(report.level_db > report.noise_db);
  CHECK(std::string(report.advice).find("speak longer") == 0);
  ligero_profile* stereo = nullptr;
  std::vector<float> both;
  for (float v : voice) {
    both.insert(both.end(), {v, v});
  }
  REQUIRE(ligero_enroll(at.model, both.data(), voice.size(), rate_hz, 2, &stereo, nullptr) ==
          LIGERO_OK);
  float similarity = 0.0f;
  CHECK(ligero_profile_similarity(profile, stereo, &similarity) == LIGERO_OK);
  CHECK(similarity == doctest::Approx(1.0).epsilon(1e-4));
  ligero_profile_close(profile);
  ligero_profile_close(stereo);
}

TEST_CASE("C API: a device is taken where there is one, or refused with the reason") {
  const Opened at;
  const std::vector<float> voice = babble(32000, 1);
  const Result<const Backend*> gpu = cuda::choose_accelerator(cuda::Choice::kCuda);
  for (const uint32_t device : {LIGERO_DEVICE_CPU, LIGERO_DEVICE_CUDA, LIGERO_DEVICE_AUTO}) {
    CAPTURE(device);
    const bool refused = device == LIGERO_DEVICE_CUDA && !gpu.ok();
    const ligero_status expected = refused ? LIGERO_UNSUPPORTED_HARDWARE : LIGERO_OK;
    ligero_profile* profile = nullptr;
    CHECK(ligero_enroll_on(
              device, at.model, voice.data(), voice.size(), 16000, 1, &profile, nullptr) ==
          expected);
    ligero_session_config config = config_of(16000, 1);
    config.device = device;
    ligero_session* session = nullptr;
    CHECK(ligero_session_create(at.model, &config, nullptr, 0, &session) == expected);
    if (refused) {
      CHECK(said(gpu.status().message));
      CHECK(session == nullptr);
      continue;
    }
    ligero_statistics statistics = {};
    statistics.struct_bytes = sizeof(statistics);
    CHECK(ligero_get_statistics(session, &statistics) == LIGERO_OK);
    const bool on_gpu = device != LIGERO_DEVICE_CPU && gpu.ok();
    CHECK(statistics.device == (on_gpu ? LIGERO_DEVICE_CUDA : LIGERO_DEVICE_CPU));
    CHECK(statistics.lost_devices == 0);
    ligero_session_destroy(session);
    ligero_profile_close(profile);
  }
  ligero_session_config config = config_of(16000, 1);
  config.device = 3;
  ligero_session* session = nullptr;
  CHECK(ligero_session_create(at.model, &config, nullptr, 0, &session) == LIGERO_BAD_ARGUMENT);
  // A caller that was compiled against version 2 asks for the processor.
  config.struct_bytes = offsetof(ligero_session_config, device);
  REQUIRE(ligero_session_create(at.model, &config, nullptr, 0, &session) == LIGERO_OK);
  ligero_session_destroy(session);
}

}  // namespace
}  // namespace ligero::testing
