// SPDX-License-Identifier: Apache-2.0
// The C API on a network that needs no speaker and has a side output.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "model/format/writer.h"
#include "runtime/api/ligero.h"
#include "runtime/base/version.h"
#include "tests/support/aligned.h"
#include "tests/support/denoiser.h"
#include "tests/support/random_network.h"

namespace ligero::testing {
namespace {

struct Opened {
  std::vector<std::byte> bytes;
  TestBlock block;
  ligero_model* model = nullptr;

  explicit Opened(std::vector<std::byte> file = write_model(denoiser()))
      : bytes(std::move(file)), block(test_block(bytes.size())) {
    std::memcpy(block.get(), bytes.data(), bytes.size());
    REQUIRE(ligero_model_open_memory(block.get(), bytes.size(), &model) == LIGERO_OK);
  }
  ~Opened() {
    ligero_model_close(model);
  }
};

TEST_CASE("C API: a model says what it takes and gives") {
  CHECK(ligero_version() == 5);
  CHECK(std::string(ligero_version_string()) == version());
  const Opened o;
  ligero_model_info info;
  std::memset(&info, 0xFF, sizeof(info));
  info.struct_bytes = sizeof(info);
  REQUIRE(ligero_get_model_info(o.model, &info) == LIGERO_OK);
  CHECK(info.struct_bytes == sizeof(info));
  CHECK(info.rate_hz == 24000);
  CHECK(info.hop_samples == 240);
  CHECK(info.takes_profile == 0);
  REQUIRE(info.side_outputs == 1);
  CHECK(std::strcmp(info.side_output_names[0], "level") == 0);
  CHECK(info.side_output_names[1] == nullptr);
  // An older caller's struct ends earlier: what lies behind it is left alone.
  std::memset(&info, 0xFF, sizeof(info));
  info.struct_bytes = 8;
  REQUIRE(ligero_get_model_info(o.model, &info) == LIGERO_OK);
  CHECK(info.rate_hz == 24000);
  CHECK(info.hop_samples == UINT32_MAX);
  CHECK(ligero_get_model_info(nullptr, &info) == LIGERO_BAD_ARGUMENT);
  CHECK(ligero_get_model_info(o.model, nullptr) == LIGERO_BAD_ARGUMENT);
}

TEST_CASE(
    "C API: a session without a target runs a network that needs none; side outputs by name") {
  const Opened o;
  ligero_session_config config = {};
  config.struct_bytes = sizeof(config);
  config.rate_hz = 24000;
  ligero_session* session = nullptr;
  REQUIRE(ligero_session_create(o.model, &config, nullptr, 0, &session) == LIGERO_OK);
  std::vector<float> x(2400);
  for (size_t i = 0; i < x.size(); ++i) {
    x[i] = i % 2 == 0 ? 0.5f : -0.5f;
  }
  float* channel = x.data();
  REQUIRE(ligero_process(session, &channel, &channel, 2400) == LIGERO_OK);
  CHECK(std::fabs(x.back()) == doctest::Approx(0.25).epsilon(1e-3));
  float level = -1.0f;
  CHECK(ligero_side_output(session, "level", &level) == LIGERO_OK);
  CHECK(level == doctest::Approx(0.5).epsilon(1e-3));
  CHECK(ligero_side_output(session, "activity", &level) == LIGERO_BAD_ARGUMENT);
  CHECK(std::strstr(ligero_last_error(), "activity") != nullptr);
  CHECK(ligero_side_output(session, nullptr, &level) == LIGERO_BAD_ARGUMENT);
  CHECK(ligero_side_output(session, "level", nullptr) == LIGERO_BAD_ARGUMENT);
  CHECK(ligero_side_output(nullptr, "level", &level) == LIGERO_BAD_ARGUMENT);
  CHECK(ligero_set_target(session, nullptr) == LIGERO_OK);  // nobody: without effect here
  ligero_profile* profile = nullptr;
  CHECK(ligero_enroll(o.model, x.data(), x.size(), 24000, 1, &profile, nullptr) ==
        LIGERO_BAD_ARGUMENT);
  CHECK(profile == nullptr);
  ligero_session_destroy(session);
}

TEST_CASE("C API: a side output is 0 while the session rests") {
  const Opened o;
  ligero_session_config config = {};
  config.struct_bytes = sizeof(config);
  config.rate_hz = 24000;
  ligero_session* session = nullptr;
  REQUIRE(ligero_session_create(o.model, &config, nullptr, 0, &session) == LIGERO_OK);
  std::vector<float> x(4800);  // a step of 16-bit samples up and down: silence, but not of level 0
  for (size_t i = 0; i < x.size(); ++i) {
    x[i] = i % 2 == 0 ? 1.0f / 32768.0f : -1.0f / 32768.0f;
  }
  float level = -1.0f;
  std::vector<float> y(x.size());
  const float* in = x.data();
  float* out = y.data();
  REQUIRE(ligero_process(session, &in, &out, 4800) == LIGERO_OK);
  CHECK(ligero_side_output(session, "level", &level) == LIGERO_OK);
  CHECK(level > 1e-6f);
  for (int i = 0; i < 10; ++i) {  // two seconds
    REQUIRE(ligero_process(session, &in, &out, 4800) == LIGERO_OK);
  }
  CHECK(ligero_side_output(session, "level", &level) == LIGERO_OK);
  CHECK(level == 0.0f);
  ligero_session_destroy(session);
}

TEST_CASE("C API: the activity is 0 before the first hop and without a target") {
  const Opened o(random_network(LIGERO_SOURCE_DIR "/model/torch/configs/bsrnn-tiny-live.json", 4));
  std::vector<float> x(32000);
  for (size_t i = 0; i < x.size(); ++i) {
    x[i] =
        0.2f * std::sin(0.05f * static_cast<float>(i)) * std::sin(0.0013f * static_cast<float>(i));
  }
  ligero_profile* profile = nullptr;
  REQUIRE(ligero_enroll(o.model, x.data(), x.size(), 16000, 1, &profile, nullptr) == LIGERO_OK);
  ligero_session* session = nullptr;
  REQUIRE(ligero_session_create(o.model, nullptr, nullptr, 0, &session) == LIGERO_OK);
  const auto activity = [&] {
    float value = -1.0f;
    REQUIRE(ligero_side_output(session, "activity", &value) == LIGERO_OK);
    return value;
  };
  std::vector<float> y(x.size());
  const float* in = x.data();
  float* out = y.data();
  CHECK(activity() == 0.0f);
  REQUIRE(ligero_set_target(session, profile) == LIGERO_OK);
  REQUIRE(ligero_process(session, &in, &out, 32000) == LIGERO_OK);
  CHECK(activity() > 0.0f);
  CHECK(activity() < 1.0f);
  REQUIRE(ligero_set_target(session, nullptr) == LIGERO_OK);
  REQUIRE(ligero_process(session, &in, &out, 32000) == LIGERO_OK);
  CHECK(activity() == 0.0f);
  ligero_session_destroy(session);
  ligero_profile_close(profile);
}

TEST_CASE("C API: GTCRN says its hop and its latency, 32 ms, and runs without a profile") {
  const Opened o(random_network(LIGERO_SOURCE_DIR "/model/torch/configs/gtcrn.json", 3));
  ligero_model_info info = {};
  info.struct_bytes = sizeof(info);
  REQUIRE(ligero_get_model_info(o.model, &info) == LIGERO_OK);
  CHECK(info.rate_hz == 16000);
  CHECK(info.hop_samples == 256);
  CHECK(info.takes_profile == 0);
  ligero_session* session = nullptr;
  REQUIRE(ligero_session_create(o.model, nullptr, nullptr, 0, &session) == LIGERO_OK);
  CHECK(ligero_latency(session) == 512);
  std::vector<float> x(16000);
  for (size_t i = 0; i < x.size(); ++i) {
    x[i] = 0.1f * std::sin(0.05f * static_cast<float>(i));
  }
  float* channel = x.data();
  REQUIRE(ligero_process(session, &channel, &channel, 16000) == LIGERO_OK);
  CHECK(*std::max_element(x.begin(), x.end()) > 1e-4f);
  ligero_session_destroy(session);
}

}  // namespace
}  // namespace ligero::testing
