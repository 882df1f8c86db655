// SPDX-License-Identifier: Apache-2.0
// The C API without a heap: a model and its sessions in one block of the caller's. Not: the image of a
// board (platforms/jobs/test-m55.sh).
#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "runtime/api/ligero.h"
#include "runtime/base/aligned_block.h"
#include "tests/stream/interpose.h"
#include "tests/stream/live.h"

namespace ligero::testing {
namespace {

constexpr size_t kPlenty = size_t{8} << 20;
constexpr std::byte kUntouched{0xA5};

/// A block of the caller's between bytes that nobody may touch.
class Block {
 public:
  explicit Block(size_t bytes) : bytes_(bytes) {
    REQUIRE(memory_.allocate(bytes + 2 * kAlignment));
    std::fill_n(memory_.data(), memory_.size(), kUntouched);
  }
  void* data() const {
    return memory_.data() + kAlignment;
  }
  bool guards_are_whole() const {
    const std::byte* m = memory_.data();
    const auto untouched = [](std::byte b) { return b == kUntouched; };
    return std::all_of(m, m + kAlignment, untouched) &&
           std::all_of(m + kAlignment + bytes_, m + memory_.size(), untouched);
  }

 private:
  size_t bytes_;
  AlignedBlock memory_;
};

/// A profile file where a board has it: on 8 bytes.
AlignedBlock profile_file() {
  const std::span<const std::byte> bytes = network().alice().bytes();
  AlignedBlock file;
  REQUIRE(file.allocate(bytes.size()));
  std::copy(bytes.begin(), bytes.end(), file.data());
  return file;
}

struct Outcome {
  ligero_status status;
  size_t arena_bytes;
};

/// All that a board does, from the model to the last hop of `sound`, in place.
Outcome extract_in(void* arena, size_t bytes, const AlignedBlock& profile, std::span<float> sound) {
  ligero_model* model = nullptr;
  ligero_session* session = nullptr;
  const std::span<const std::byte> file = network().bytes();
  ligero_status status = ligero_model_open_in(file.data(), file.size(), arena, bytes, &model);
  if (status == LIGERO_OK) {
    status = ligero_session_create(model, nullptr, nullptr, 0, &session);
  }
  if (status == LIGERO_OK) {
    status = ligero_set_target_data(session, 0, profile.data(), profile.size());
  }
  for (size_t at = 0; status == LIGERO_OK && at + 160 <= sound.size(); at += 160) {
    float* const hop = sound.data() + at;
    status = ligero_process(session, &hop, &hop, 160);
  }
  const size_t most = ligero_arena_bytes(model);
  ligero_session_destroy(session);
  ligero_model_close(model);
  return {status, most};
}

TEST_CASE("arena: from the model to the last hop nothing is allocated, and the voice is the heap's") {
  const AlignedBlock profile = profile_file();
  std::vector<float> sound = babble(16000, 40);
  const std::vector<float> want = [&] {
    Session session(network());
    expect(session->set_target(network().alice()));
    return session.run(sound, 160);
  }();
  Block block(kPlenty);
  start_counting();
  const Outcome outcome = extract_in(block.data(), kPlenty, profile, sound);
  const Calls calls = stop_counting();
  CHECK(outcome.status == LIGERO_OK);
  if (can_interpose()) {
    CHECK(calls.allocations == 0);
  }
  CHECK(std::memcmp(sound.data(), want.data(), want.size() * sizeof(float)) == 0);
  CHECK(block.guards_are_whole());
}

TEST_CASE("arena: as many bytes as were taken are enough, and every smaller arena is refused") {
  const AlignedBlock profile = profile_file();
  std::vector<float> sound(1600, 0.0f);
  size_t enough = 0;
  {
    Block block(kPlenty);
    enough = extract_in(block.data(), kPlenty, profile, sound).arena_bytes;
  }
  REQUIRE(enough > 0);
  REQUIRE(enough < kPlenty);
  const auto status_in = [&](size_t bytes) {
    Block block(bytes);
    const ligero_status status = extract_in(block.data(), bytes, profile, sound).status;
    CHECK(block.guards_are_whole());
    return status;
  };
  CHECK(status_in(enough) == LIGERO_OK);
  for (size_t bytes = 0; bytes < enough; bytes += 1 + bytes / 7) {
    CAPTURE(bytes);
    CHECK(status_in(bytes) == LIGERO_TOO_LITTLE_MEMORY);
  }
  CHECK(status_in(enough - 1) == LIGERO_TOO_LITTLE_MEMORY);
}

/// An open model in a block of its own.
struct InArena {
  Block block{kPlenty};
  ligero_model* model = nullptr;

  InArena() {
    const std::span<const std::byte> file = network().bytes();
    REQUIRE(ligero_model_open_in(file.data(), file.size(), block.data(), kPlenty, &model) == LIGERO_OK);
  }
};

TEST_CASE("arena: what a session took is free for the next one") {
  const InArena in;
  ligero_session* session = nullptr;
  REQUIRE(ligero_session_create(in.model, nullptr, nullptr, 0, &session) == LIGERO_OK);
  const size_t once = ligero_arena_bytes(in.model);
  for (int i = 0; i < 3; ++i) {
    ligero_session_destroy(session);
    REQUIRE(ligero_session_create(in.model, nullptr, nullptr, 0, &session) == LIGERO_OK);
  }
  CHECK(ligero_arena_bytes(in.model) == once);
  ligero_session* second = nullptr;
  REQUIRE(ligero_session_create(in.model, nullptr, nullptr, 0, &second) == LIGERO_OK);
  CHECK(ligero_arena_bytes(in.model) > once);
}

TEST_CASE("arena: what a session took is free once the sessions created after it are destroyed too") {
  const InArena in;
  ligero_session* older = nullptr;
  ligero_session* newer = nullptr;
  ligero_session* third = nullptr;
  REQUIRE(ligero_session_create(in.model, nullptr, nullptr, 0, &older) == LIGERO_OK);
  REQUIRE(ligero_session_create(in.model, nullptr, nullptr, 0, &newer) == LIGERO_OK);
  const size_t two = ligero_arena_bytes(in.model);
  ligero_session_destroy(older);
  REQUIRE(ligero_session_create(in.model, nullptr, nullptr, 0, &third) == LIGERO_OK);
  const size_t three = ligero_arena_bytes(in.model);
  CHECK(three > two);
  ligero_session_destroy(newer);
  ligero_session_destroy(third);
  for (ligero_session** session : {&older, &newer, &third}) {
    REQUIRE(ligero_session_create(in.model, nullptr, nullptr, 0, session) == LIGERO_OK);
  }
  CHECK(ligero_arena_bytes(in.model) == three);
}

TEST_CASE("arena: a model describes itself in it") {
  const InArena in;
  ligero_model_info info = LIGERO_MODEL_INFO_INIT;
  size_t bytes = 0;
  start_counting();
  const ligero_status described = ligero_get_model_info(in.model, &info);
  const ligero_status measured = ligero_session_bytes(in.model, nullptr, &bytes);
  const Calls calls = stop_counting();
  CHECK(described == LIGERO_OK);
  CHECK(measured == LIGERO_OK);
  CHECK(info.session_bytes == bytes);
  CHECK(bytes > 0);
  if (can_interpose()) {
    CHECK(calls.allocations == 0);
  }
}

std::string session_refusal(const ligero_model* model, const ligero_session_config& config) {
  ligero_session* session = nullptr;
  CHECK(ligero_session_create(model, &config, nullptr, 0, &session) != LIGERO_OK);
  CHECK(session == nullptr);
  return ligero_last_error();
}

TEST_CASE("arena: what would need a heap or a GPU is refused") {
  const InArena in;
  ligero_session_config config = LIGERO_SESSION_CONFIG_INIT;
  config.rate_hz = 48000;
  const std::string rate = session_refusal(in.model, config);
  CHECK(rate.find(rates().size() > 1 ? "in an arena only the model's own rate" : "has no resampler") !=
        std::string::npos);
  for (const uint32_t device : {LIGERO_DEVICE_CUDA, LIGERO_DEVICE_AUTO}) {
    config = LIGERO_SESSION_CONFIG_INIT;
    config.device = device;
    CHECK(session_refusal(in.model, config).find("computes on the processor") != std::string::npos);
  }
  config = LIGERO_SESSION_CONFIG_INIT;
  ligero_session* session = nullptr;
  CHECK(ligero_session_create(in.model, &config, nullptr, 0, &session) == LIGERO_OK);
}

TEST_CASE("arena: bad blocks, models and profiles are refused by name") {
  const std::span<const std::byte> file = network().bytes();
  Block block(kPlenty);
  auto* bytes = static_cast<std::byte*>(block.data());
  ligero_model* model = nullptr;
  const auto open = [&](const void* data, size_t size, void* arena) {
    return ligero_model_open_in(data, size, arena, kPlenty - kAlignment, &model);
  };
  CHECK(open(nullptr, file.size(), bytes) == LIGERO_BAD_ARGUMENT);
  CHECK(open(file.data(), file.size(), nullptr) == LIGERO_BAD_ARGUMENT);
  CHECK(open(file.data(), file.size(), bytes + 8) == LIGERO_BAD_ARGUMENT);
  CHECK(std::string(ligero_last_error()) == "the arena is not aligned to 64 bytes");
  CHECK(ligero_model_open_in(file.data(), file.size(), bytes, kPlenty, nullptr) == LIGERO_BAD_ARGUMENT);
  CHECK(open(file.data(), file.size() - 64, bytes) == LIGERO_BAD_MODEL);
  CHECK(model == nullptr);
  CHECK(ligero_arena_bytes(nullptr) == 0);

  REQUIRE(open(file.data(), file.size(), bytes) == LIGERO_OK);
  ligero_session* session = nullptr;
  REQUIRE(ligero_session_create(model, nullptr, nullptr, 0, &session) == LIGERO_OK);
  const AlignedBlock profile = profile_file();
  const auto set = [&](uint32_t index, const void* data, size_t size) {
    return ligero_set_target_data(session, index, data, size);
  };
  CHECK(ligero_set_target_data(nullptr, 0, profile.data(), profile.size()) == LIGERO_BAD_ARGUMENT);
  CHECK(set(0, nullptr, profile.size()) == LIGERO_BAD_ARGUMENT);
  CHECK(set(1, profile.data(), profile.size()) == LIGERO_BAD_ARGUMENT);
  CHECK(set(0, profile.data() + 4, profile.size() - 4) == LIGERO_BAD_ARGUMENT);
  CHECK(set(0, profile.data(), profile.size() - 64) == LIGERO_BAD_MODEL);
  CHECK(set(0, file.data(), file.size()) == LIGERO_BAD_MODEL);
  CHECK(set(0, profile.data(), profile.size()) == LIGERO_OK);
  profile.data()[profile.size() / 2] ^= std::byte{1};
  CHECK(set(0, profile.data(), profile.size()) == LIGERO_BAD_MODEL);
}

}  // namespace
}  // namespace ligero::testing
