// SPDX-License-Identifier: Apache-2.0
// The real-time promise of the C API: no allocation, no lock, no system call, whatever is asked of
// a running session. Not: how long it takes (soak.cc).
#include <doctest/doctest.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <limits>
#include <new>
#include <vector>

#include "runtime/api/ligero.h"
#include "tests/stream/interpose.h"
#include "tests/stream/live.h"
#include "tests/stream/seccomp.h"

namespace ligero::testing {
namespace {

/// The network through the C API: a model, two profiles, a session.
class Device {
 public:
  explicit Device(uint32_t rate_hz, uint32_t channels) : rate_hz_(rate_hz), channels_(channels) {
    const std::span<const std::byte> file = network().bytes();
    require(ligero_model_open_memory(file.data(), file.size(), &model_));
    const std::vector<float> a = babble(24000, 1);
    const std::vector<float> b = babble(24000, 2);
    require(ligero_enroll(model_, a.data(), a.size(), 16000, 1, &alice_, nullptr));
    require(ligero_enroll(model_, b.data(), b.size(), 16000, 1, &bob_, nullptr));
    ligero_session_config config = {};
    config.struct_bytes = sizeof(config);
    config.rate_hz = rate_hz;
    config.channels = channels;
    config.targets = 2;
    require(ligero_session_create(model_, &config, nullptr, 0, &session_));
    sound_ = babble(static_cast<size_t>(rate_hz), 30, static_cast<int>(rate_hz));
  }
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;
  ~Device() {
    ligero_session_destroy(session_);
    ligero_profile_close(alice_);
    ligero_profile_close(bob_);
    ligero_model_close(model_);
  }

  /// Everything that the header calls real-time, over two seconds; true where every call was ok and
  /// every sample finite.
  bool use() noexcept {
    bool good = true;
    const size_t size = sound_.size();
    size_t at = 0;
    for (int step = 0; step < 2 * kSteps; ++step) {
      good = good && control(step);
      const size_t n = 1 + static_cast<size_t>(step) * 37 % 1021;
      if (at + n > size) {
        at = 0;
      }
      good = good && process(step, at, n);
      at += n;
    }
    return good;
  }

 private:
  static constexpr int kSteps = 64;
  static constexpr size_t kMostFrames = 1024;
  static constexpr uint32_t kMostChannels = 2;

  static void require(ligero_status status) {
    if (status != LIGERO_OK) {
      throw std::runtime_error(ligero_last_error());
    }
  }

  bool control(int step) noexcept {
    ligero_statistics statistics = {};
    statistics.struct_bytes = sizeof(statistics);
    const ligero_profile* target = step % 3 == 0 ? alice_ : step % 3 == 1 ? bob_ : nullptr;
    bool good = ligero_get_statistics(session_, &statistics) == LIGERO_OK;
    good = good && ligero_latency(session_) > 0;
    good = good && ligero_set_target(session_, target) == LIGERO_OK;
    good = good && ligero_set_target_of(session_, 1, step % 2 == 0 ? bob_ : nullptr) == LIGERO_OK;
    good = good && ligero_set_strength(session_,
                                       0.01f * static_cast<float>(step),
                                       static_cast<float>(2 * step)) == LIGERO_OK;
    good = good && ligero_set_bypass(session_, step % 7 == 0) == LIGERO_OK;
    return good && (step % 11 != 0 || ligero_reset(session_) == LIGERO_OK);
  }

  bool process(int step, size_t at, size_t n) noexcept {
    const float* in[kMostChannels];
    float* out[kMostChannels];
    for (uint32_t c = 0; c < channels_; ++c) {
      std::copy_n(sound_.data() + at, n, buffer_[c]);
      in[c] = out[c] = buffer_[c];
    }
    if (step % 5 == 0) {
      buffer_[0][n / 2] = std::numeric_limits<float>::quiet_NaN();
      buffer_[0][n - 1] = std::numeric_limits<float>::denorm_min();
    }
    if (ligero_process(session_, in, out, static_cast<uint32_t>(n)) != LIGERO_OK) {
      return false;
    }
    for (size_t i = 0; i < n; ++i) {
      if (!std::isfinite(buffer_[0][i])) {
        return false;
      }
    }
    return ligero_process_s16(session_, pcm_, pcm_, static_cast<uint32_t>(n)) == LIGERO_OK;
  }

  uint32_t rate_hz_;
  uint32_t channels_;
  ligero_model* model_ = nullptr;
  ligero_profile* alice_ = nullptr;
  ligero_profile* bob_ = nullptr;
  ligero_session* session_ = nullptr;
  std::vector<float> sound_;
  float buffer_[kMostChannels][kMostFrames] = {};
  int16_t pcm_[kMostChannels * kMostFrames] = {};
};

TEST_CASE("real time: the counters see allocations and locks where there are some") {
  if (!can_interpose()) {
    MESSAGE("skipped: nothing can stand in front of this C library");
    return;
  }
  pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  pthread_mutex_lock(&mutex);
  pthread_mutex_unlock(&mutex);
  start_counting();
  void* volatile p = std::malloc(100);  // volatile, or the compiler sees that nobody needs it
  std::free(p);
  p = ::operator new(100);
  ::operator delete(p);
  pthread_mutex_lock(&mutex);
  pthread_mutex_unlock(&mutex);
  const Calls calls = stop_counting();
  CHECK(calls.allocations == 4);
  CHECK(calls.locks == 2);
}

TEST_CASE("real time: no allocation and no lock, in any call, at any rate") {
  if (!can_interpose()) {
    MESSAGE("skipped: nothing can stand in front of this C library");
    return;
  }
  for (uint32_t rate_hz : rates()) {
    CAPTURE(rate_hz);
    Device device(rate_hz, rate_hz == 16000u ? 1 : 2);
    start_counting();
    const bool good = device.use();
    const Calls calls = stop_counting();
    CHECK(good);
    CHECK(calls.allocations == 0);
    CHECK(calls.locks == 0);
  }
}

TEST_CASE("real time: no system call, in any call, at any rate") {
  const Verdict probe = run_without_system_calls([] { return getppid() > 0; });
  if (probe == Verdict::kForbidden) {
    MESSAGE("skipped: this system lets no process filter its own system calls");
    return;
  }
  REQUIRE(probe == Verdict::kKilled);
  for (uint32_t rate_hz : rates()) {
    CAPTURE(rate_hz);
    Device device(rate_hz, rate_hz == 16000u ? 1 : 2);
    const Verdict verdict = run_without_system_calls([&] { return device.use(); });
    CHECK(verdict == Verdict::kClean);
  }
}

/// Pages that this thread had to wait for until now.
long page_faults() {
  rusage usage = {};
  getrusage(RUSAGE_THREAD, &usage);
  return usage.ru_minflt + usage.ru_majflt;
}

/// How many the first 20 hops cost, of a model file just mapped, in a block just mapped.
long first_page_faults(const char* path, const ligero_profile* profile) {
  ligero_model* model = nullptr;
  ligero_session* session = nullptr;
  size_t bytes = 0;
  REQUIRE(ligero_model_open(path, &model) == LIGERO_OK);
  REQUIRE(ligero_session_bytes(model, nullptr, &bytes) == LIGERO_OK);
  void* block = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  REQUIRE(block != MAP_FAILED);
  REQUIRE(ligero_session_create(model, nullptr, block, bytes, &session) == LIGERO_OK);
  REQUIRE(ligero_set_target(session, profile) == LIGERO_OK);
  std::vector<float> x = babble(3200, 31);
  float* const out[1] = {x.data()};
  const long before = page_faults();
  ligero_process(session, out, out, 3200);
  const long faults = page_faults() - before;
  ligero_session_destroy(session);
  munmap(block, bytes);
  ligero_model_close(model);
  return faults;
}

TEST_CASE("real time: the first hops wait for no page of the model's file or the caller's block") {
  char path[] = "/tmp/ligero-model-XXXXXX";
  const int fd = mkstemp(path);
  REQUIRE(fd >= 0);
  const std::span<const std::byte> file = network().bytes();
  REQUIRE(write(fd, file.data(), file.size()) == static_cast<ssize_t>(file.size()));
  close(fd);
  ligero_model* model = nullptr;
  ligero_profile* profile = nullptr;
  const std::vector<float> voice = babble(24000, 1);
  REQUIRE(ligero_model_open_memory(file.data(), file.size(), &model) == LIGERO_OK);
  REQUIRE(ligero_enroll(model, voice.data(), voice.size(), 16000, 1, &profile, nullptr) == LIGERO_OK);
  first_page_faults(path, profile);  // these fetch the code
  CHECK(first_page_faults(path, profile) == 0);
  ligero_profile_close(profile);
  ligero_model_close(model);
  unlink(path);
}

}  // namespace
}  // namespace ligero::testing
