// SPDX-License-Identifier: Apache-2.0
// The C API's other forms: profiles in memory, 16-bit samples, structs that begin with their INIT macro, and
// what a model says of itself. Not: refusals of what is older (capi_test.cc).
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <string>
#include <vector>

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
  ligero_profile* profile = nullptr;
  explicit Opened(const Network& net = network()) {
    REQUIRE(ligero_model_open_memory(net.bytes().data(), net.bytes().size(), &model) == LIGERO_OK);
    const std::vector<float> anchor = babble(24000, 1);
    REQUIRE(ligero_enroll(model, anchor.data(), anchor.size(), 16000, 1, &profile, nullptr) == LIGERO_OK);
  }
  Opened(const Opened&) = delete;
  Opened& operator=(const Opened&) = delete;
  ~Opened() {
    ligero_profile_close(profile);
    ligero_model_close(model);
  }
  ligero_session* session(uint32_t channels) const {
    ligero_session_config config = LIGERO_SESSION_CONFIG_INIT;
    config.rate_hz = 16000;
    config.channels = channels;
    ligero_session* made = nullptr;
    REQUIRE(ligero_session_create(model, &config, nullptr, 0, &made) == LIGERO_OK);
    REQUIRE(ligero_set_target(made, profile) == LIGERO_OK);
    return made;
  }
};

TEST_CASE("C API: a profile goes through memory, and damage to its bytes is refused") {
  const Opened at;
  const void* data = nullptr;
  size_t bytes = 0;
  REQUIRE(ligero_profile_data(at.profile, &data, &bytes) == LIGERO_OK);
  std::vector<unsigned char> kept(bytes + 1);
  std::memcpy(kept.data() + 1, data, bytes);  // at an odd address
  ligero_profile* again = nullptr;
  REQUIRE(ligero_profile_open_memory(kept.data() + 1, bytes, &again) == LIGERO_OK);
  const void* same = nullptr;
  size_t same_bytes = 0;
  REQUIRE(ligero_profile_data(again, &same, &same_bytes) == LIGERO_OK);
  REQUIRE(same_bytes == bytes);
  kept.assign(kept.size(), 0xFF);  // the profile has a copy
  CHECK(std::memcmp(same, data, bytes) == 0);
  ligero_profile_close(again);

  std::memcpy(kept.data(), data, bytes);
  ligero_profile* none = at.profile;
  CHECK(ligero_profile_open_memory(kept.data(), bytes - 1, &none) == LIGERO_BAD_MODEL);
  CHECK(none == nullptr);
  kept[bytes / 2] ^= 1;
  CHECK(ligero_profile_open_memory(kept.data(), bytes, &none) == LIGERO_BAD_MODEL);
  CHECK(said("checksum"));
  CHECK(ligero_profile_open_memory(kept.data(), 0, &none) == LIGERO_BAD_MODEL);
  CHECK(ligero_profile_open_memory(nullptr, bytes, &none) == LIGERO_BAD_ARGUMENT);
  CHECK(ligero_profile_open_memory(kept.data(), bytes, nullptr) == LIGERO_BAD_ARGUMENT);
  CHECK(ligero_profile_data(nullptr, &data, &bytes) == LIGERO_BAD_ARGUMENT);
  CHECK(ligero_profile_data(at.profile, nullptr, &bytes) == LIGERO_BAD_ARGUMENT);
  CHECK(ligero_profile_data(at.profile, &data, nullptr) == LIGERO_BAD_ARGUMENT);
}

TEST_CASE("C API: 16-bit samples give the float voice, rounded and saturated") {
  const Opened at;
  constexpr size_t kFrames = 8000;
  constexpr uint32_t kChannels = 2;
  std::vector<int16_t> in(kFrames * kChannels);
  std::vector<float> channels[kChannels];
  const std::vector<float> sound = babble(kFrames, 3);
  for (size_t i = 0; i < kFrames; ++i) {
    for (uint32_t c = 0; c < kChannels; ++c) {
      const float gain = c == 0 ? 1.0f : 60.0f;  // far beyond full scale
      in[i * kChannels + c] =
          static_cast<int16_t>(std::lrint(std::clamp(sound[i] * gain * 32768.0f, -32768.0f, 32767.0f)));
      channels[c].push_back(static_cast<float>(in[i * kChannels + c]) / 32768.0f);
    }
  }
  ligero_session* floats = at.session(kChannels);
  ligero_session* ints = at.session(kChannels);
  // The input passes: loud samples must saturate, not wrap.
  REQUIRE(ligero_set_strength(floats, 0.2f, 100.0f) == LIGERO_OK);
  REQUIRE(ligero_set_strength(ints, 0.2f, 100.0f) == LIGERO_OK);
  std::vector<int16_t> out = in;
  size_t at_frame = 0;
  for (const uint32_t n : {1u, 63u, 64u, 65u, 1000u, 0u, 6807u}) {
    const float* from[] = {channels[0].data() + at_frame, channels[1].data() + at_frame};
    float* to[] = {channels[0].data() + at_frame, channels[1].data() + at_frame};
    REQUIRE(ligero_process(floats, from, to, n) == LIGERO_OK);
    int16_t* const here = out.data() + at_frame * kChannels;
    REQUIRE(ligero_process_s16(ints, here, here, n) == LIGERO_OK);
    at_frame += n;
  }
  REQUIRE(at_frame == kFrames);
  size_t different = 0;
  int loudest = 0;
  for (size_t i = 0; i < kFrames; ++i) {
    for (uint32_t c = 0; c < kChannels; ++c) {
      const float x = std::clamp(channels[c][i] * 32768.0f, -32768.0f, 32767.0f);
      different += out[i * kChannels + c] != static_cast<int16_t>(std::lrint(x)) ? 1 : 0;
      loudest = std::max(loudest, std::abs(int{out[i * kChannels + c]}));
    }
  }
  CHECK(different == 0);
  CHECK(loudest > 1000);
  CHECK(ligero_process_s16(nullptr, in.data(), in.data(), 1) == LIGERO_BAD_ARGUMENT);
  CHECK(ligero_process_s16(ints, nullptr, in.data(), 1) == LIGERO_BAD_ARGUMENT);
  CHECK(ligero_process_s16(ints, in.data(), nullptr, 1) == LIGERO_BAD_ARGUMENT);
  ligero_session_destroy(floats);
  ligero_session_destroy(ints);
}

TEST_CASE("C API: 16-bit samples are refused for a session of a batch") {
  const Opened at;
  ligero_batch* batch = nullptr;
  REQUIRE(ligero_batch_create(at.model, nullptr, 1, &batch) == LIGERO_OK);
  int16_t sound[16] = {};
  CHECK(ligero_process_s16(ligero_batch_session(batch, 0), sound, sound, 16) == LIGERO_BAD_STATE);
  ligero_batch_destroy(batch);
}

TEST_CASE("C API: a model says its name, its licence, and what a session of it costs") {
  const Opened at(trained_network());
  ligero_model_info info = LIGERO_MODEL_INFO_INIT;
  REQUIRE(ligero_get_model_info(at.model, &info) == LIGERO_OK);
  CHECK(std::string(info.name) == "lgr-tse-small-live");
  CHECK(std::string(info.licence) == "Apache-2.0");
  CHECK(std::string(info.training_data).find("LibriSpeech (CC BY 4.0)") == 0);
  CHECK(info.live == 1);
  CHECK(info.latency_samples == 320);
  CHECK(info.file_bytes == trained_network().bytes().size());
  ligero_session_config config = LIGERO_SESSION_CONFIG_INIT;
  config.rate_hz = info.rate_hz;
  size_t bytes = 0;
  REQUIRE(ligero_session_bytes(at.model, &config, &bytes) == LIGERO_OK);
  CHECK(info.session_bytes == bytes);
  // A caller of before these fields: they stay as they are.
  std::memset(&info, 0xFF, sizeof(info));
  info.struct_bytes = offsetof(ligero_model_info, name);
  REQUIRE(ligero_get_model_info(at.model, &info) == LIGERO_OK);
  CHECK(info.rate_hz == 16000);
  CHECK(info.live == UINT32_MAX);
}

TEST_CASE("C API: a model that hears whole recordings says that it is not live") {
  const Opened at(whole_network());
  ligero_model_info info = LIGERO_MODEL_INFO_INIT;
  REQUIRE(ligero_get_model_info(at.model, &info) == LIGERO_OK);
  CHECK(info.live == 0);
  CHECK(info.latency_samples == 0);
  CHECK(info.session_bytes == 0);
  CHECK(info.rate_hz == 16000);
}

TEST_CASE("C API: structs that begin with their INIT macro have the size and nothing else") {
  const ligero_session_config config = LIGERO_SESSION_CONFIG_INIT;
  ligero_session_config zero = {};
  zero.struct_bytes = sizeof(zero);
  CHECK(std::memcmp(&config, &zero, sizeof(config)) == 0);
  const ligero_statistics statistics = LIGERO_STATISTICS_INIT;
  CHECK(statistics.struct_bytes == sizeof(statistics));
  CHECK(statistics.lost_devices == 0);
  const ligero_anchor_report report = LIGERO_ANCHOR_REPORT_INIT;
  CHECK(report.struct_bytes == sizeof(report));
  CHECK(report.advice == nullptr);
}

}  // namespace
}  // namespace ligero::testing
