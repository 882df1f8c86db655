// SPDX-License-Identifier: Apache-2.0
// Too little memory at every step: each allocation of the shipped libraries refused in turn, and
// every block that is too small. Not: limits that a caller sets (tests/model).
#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "model/format/writer.h"
#include "model/session/anchor.h"
#include "model/session/recording.h"
#include "model/session/session.h"
#include "ops/table.h"
#include "runtime/pool.h"
#include "tests/support/aligned.h"
#include "tests/support/test_run.h"
#include "tests/support/random.h"
#include "tests/support/random_network.h"
#include "tests/support/seed_models.h"

namespace {

constexpr int64_t kUnlimited = std::numeric_limits<int64_t>::max();
// How many allocations more the heap grants to those who can do without (nothrow, as all of the
// shipped libraries are).
int64_t granted = kUnlimited;

bool grant() {
  if (granted == kUnlimited) {
    return true;
  }
  return --granted >= 0;
}

}  // namespace

void* operator new(size_t bytes, const std::nothrow_t&) noexcept {
  return grant() ? ::operator new(bytes) : nullptr;
}
void* operator new[](size_t bytes, const std::nothrow_t&) noexcept {
  return grant() ? ::operator new[](bytes) : nullptr;
}
void* operator new(size_t bytes, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return grant() ? ::operator new(bytes, alignment) : nullptr;
}
void* operator new[](size_t bytes, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return grant() ? ::operator new[](bytes, alignment) : nullptr;
}

namespace ligero::testing {
namespace {

/// Runs `work` with no allocation granted, then one, then two, until it does without a refusal.
/// Every run before must say that memory is short. Returns how many it takes.
template <typename Work>
int64_t starve(Work work) {
  for (int64_t k = 0;; ++k) {
    granted = k;
    const Status status = work();
    const bool refused = granted < 0;
    granted = kUnlimited;
    if (!refused) {
      REQUIRE(status.ok());
      return k;
    }
    CAPTURE(k);
    CAPTURE(status.message);
    REQUIRE(status.code == Code::kTooLittleMemory);
  }
}

struct Network {
  TestBlock block;
  Model model;

  explicit Network(const std::vector<std::byte>& bytes) : block(test_block(bytes.size())) {
    auto* file = static_cast<std::byte*>(block.get());
    std::copy(bytes.begin(), bytes.end(), file);
    Result<Model> opened = Model::open({file, bytes.size()}, all_ops());
    REQUIRE(opened.ok());
    model = std::move(opened.value());
  }
  std::span<const std::byte> file() const {
    return {static_cast<const std::byte*>(block.get()), model.file_bytes()};
  }
};

const Network& whole() {
  static const Network network(random_network(LIGERO_SOURCE_DIR "/tests/golden/tiny.json", 5));
  return network;
}

const Network& live() {
  static const Network network(
      random_network(LIGERO_SOURCE_DIR "/model/torch/configs/small-live.json", 5));
  return network;
}

std::vector<float> noise(size_t samples) {
  return Random(samples).floats(samples, -0.1f, 0.1f);
}

TEST_CASE("memory: opening, enrolling and extracting refuse at every allocation that fails") {
  const std::vector<float> anchor = noise(kSampleRateHz);
  const std::vector<float> mixture = noise(8000);
  const Network& network = whole();
  CHECK(starve([&] { return Model::open(network.file(), all_ops()).status(); }) >= 4);
  CHECK(starve([&] { return measure_anchor(anchor, kSampleRateHz).status(); }) >= 2);
  CHECK(starve([&] { return enroll(network.model, anchor).status(); }) >= 10);
  const Result<Profile> profile = enroll(network.model, anchor);
  REQUIRE(profile.ok());
  std::vector<float> voice(mixture.size());
  CHECK(starve([&] { return extract(network.model, &profile.value(), mixture, voice); }) >= 10);
}

TEST_CASE("memory: profiles refuse at every allocation that fails") {
  const Result<Profile> profile = enroll(whole().model, noise(kSampleRateHz));
  REQUIRE(profile.ok());
  const std::vector<std::byte> bytes(profile.value().bytes().begin(),
                                     profile.value().bytes().end());
  CHECK(starve([&] { return Profile::parse(bytes).status(); }) >= 1);
  const std::string path = "ligero-memory-test.profile";
  REQUIRE(profile.value().save(path.c_str()).ok());
  CHECK(starve([&] { return Profile::load(path.c_str()).status(); }) >= 1);
  std::remove(path.c_str());
}

TEST_CASE("memory: streams of every rate refuse at every allocation that fails") {
  for (const uint32_t rate_hz : {16000u, 48000u}) {
    const SessionConfig config = {.rate_hz = static_cast<int32_t>(rate_hz)};
    const auto plan = [&] { return plan_sessions(live().model, config); };
    REQUIRE(plan().ok());
    CHECK(starve([&] { return plan().status(); }) >= 3);
    const size_t bytes = plan().value().bytes;
    const TestBlock block = test_block(bytes);
    CHECK(starve([&] {
            Result<SessionPlan> made = plan();
            SessionGroup group;
            return made.ok() ? group.start(std::move(made.value()), block.get(), bytes)
                             : made.status();
          }) >= 3);
  }
}

TEST_CASE("memory: a pool of threads refuses at every allocation that fails") {
  CHECK(starve([] { return ThreadPool::create(1).status(); }) >= 1);
}

TEST_CASE("memory: a stream refuses every block that is too small, and says what it needs") {
  constexpr size_t kStep = 4096 + 64;
  const size_t bytes = plan_sessions(live().model, {}).value().bytes;
  for (size_t given = 0; given < bytes; given += kStep) {
    const TestBlock block = test_block(given);
    SessionGroup group;
    const Status status =
        group.start(std::move(plan_sessions(live().model, {}).value()), block.get(), given);
    REQUIRE(status.code == Code::kTooLittleMemory);
    REQUIRE(status.where == static_cast<int64_t>(bytes));
  }
}

TEST_CASE("memory: graphs of every op, in every mode, refuse every block that is too small") {
  for (const auto& seed : seed_models()) {
    const std::string& name = seed.first;
    CAPTURE(name);
    const Network network(write_model(seed.second));
    for (const Graph& graph : network.model.graphs()) {
      for (const Mode mode : {Mode::kOffline, Mode::kStream, Mode::kBlocks}) {
        PlanOptions options;
        options.cpu = cpu_features();
        options.mode = mode;
        options.max_frames = mode == Mode::kStream ? 1 : 4;
        options.context_frames = mode == Mode::kBlocks ? 2 : 0;
        Result<Plan> plan = make_plan(graph, options);
        if (!plan.ok()) {
          CHECK(mode == Mode::kStream);  // an op that needs the whole sequence
          continue;
        }
        const size_t bytes = plan.value().bytes();
        for (size_t given = 0; given < bytes; given += kAlignment) {
          const TestBlock block = test_block(given);
          CpuRun run;
          const Status status = run.start(
              graph, std::move(make_plan(graph, options).value()), block.get(), given);
          REQUIRE(status.code == Code::kTooLittleMemory);
          REQUIRE(status.where == static_cast<int64_t>(bytes));
        }
        const TestBlock block = test_block(bytes);
        CpuRun run;
        CHECK(run.start(graph, std::move(plan.value()), block.get(), bytes).ok());
        CHECK(starve([&] {
                Result<Plan> again = make_plan(graph, options);
                if (!again.ok()) {
                  return again.status();
                }
                CpuRun other;
                return other.start(graph, std::move(again.value()), block.get(), bytes);
              }) >= 4);
      }
    }
  }
}

}  // namespace
}  // namespace ligero::testing
