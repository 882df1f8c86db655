// SPDX-License-Identifier: Apache-2.0
// A session on a thread of its own, so that an audio callback never waits for a block. Not: the
// session (model/session/session.h), devices (live_audio.cc).
#ifndef LIGERO_PLATFORMS_CLI_LIVE_LIVE_WORKER_H_
#define LIGERO_PLATFORMS_CLI_LIVE_LIVE_WORKER_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <vector>

#include "model/session/session.h"

namespace ligero::cli {

/// Samples from one thread to another, without locks.
class SampleRing {
 public:
  explicit SampleRing(size_t capacity) : memory_(capacity) {}
  size_t size() const noexcept {
    return written_.load(std::memory_order_acquire) - read_.load(std::memory_order_acquire);
  }
  /// As many as there is room for; returns how many.
  size_t push(const float* x, size_t n) noexcept;
  /// As many as there are; returns how many.
  size_t pop(float* y, size_t n) noexcept;

 private:
  std::vector<float> memory_;
  std::atomic<size_t> written_{0};
  std::atomic<size_t> read_{0};
};

/// Runs a mono session behind process(), which adds spare_samples() to its latency: the time of a
/// block, in which the next one must be computed. Where that was too little there is silence, and
/// what comes late is left out, so that the latency stays.
class LiveWorker {
 public:
  /// Starts the thread. `session` must outlive this and be left alone meanwhile.
  LiveWorker(SessionGroup* session, size_t spare_samples);
  ~LiveWorker();
  LiveWorker(const LiveWorker&) = delete;
  LiveWorker& operator=(const LiveWorker&) = delete;

  /// Real-time safe; one thread.
  void process(const float* in, float* out, size_t frames) noexcept;
  /// Until all that has gone in is computed. Not real-time safe.
  void wait() const;

  size_t spare_samples() const noexcept {
    return spare_samples_;
  }
  int64_t late_samples() const noexcept {
    return late_.load(std::memory_order_relaxed);
  }

 private:
  void run();

  SessionGroup& session_;
  const size_t spare_samples_;
  SampleRing in_;
  SampleRing out_;
  int64_t owed_ = 0;  ///< samples given as silence that will still come, and are to be left out
  std::atomic<int64_t> late_{0};
  std::atomic<size_t> taken_in_{0};
  std::atomic<size_t> done_{0};
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace ligero::cli

#endif  // LIGERO_PLATFORMS_CLI_LIVE_LIVE_WORKER_H_
