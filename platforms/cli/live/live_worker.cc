// SPDX-License-Identifier: Apache-2.0
// Two rings around a session.
#include "platforms/cli/live/live_worker.h"

#include <algorithm>
#include <chrono>

namespace ligero::cli {

namespace {

constexpr size_t kChunk = 256;
constexpr size_t kMostWaiting = 1 << 20;  // samples: five seconds at the highest rate
constexpr std::chrono::milliseconds kNap{2};

}  // namespace

size_t SampleRing::push(const float* x, size_t n) noexcept {
  const size_t at = written_.load(std::memory_order_relaxed);
  n = std::min(n, memory_.size() - (at - read_.load(std::memory_order_acquire)));
  for (size_t i = 0; i < n; ++i) {
    memory_[(at + i) % memory_.size()] = x[i];
  }
  written_.store(at + n, std::memory_order_release);
  return n;
}

size_t SampleRing::pop(float* y, size_t n) noexcept {
  const size_t at = read_.load(std::memory_order_relaxed);
  n = std::min(n, written_.load(std::memory_order_acquire) - at);
  for (size_t i = 0; i < n; ++i) {
    y[i] = memory_[(at + i) % memory_.size()];
  }
  read_.store(at + n, std::memory_order_release);
  return n;
}

LiveWorker::LiveWorker(SessionGroup* session, size_t spare_samples)
    : session_(*session),
      spare_samples_(spare_samples),
      in_(kMostWaiting),
      out_(kMostWaiting + spare_samples) {
  const std::vector<float> silence(spare_samples, 0.0f);
  out_.push(silence.data(), silence.size());
  thread_ = std::thread([this] { run(); });
}

LiveWorker::~LiveWorker() {
  stop_.store(true);
  thread_.join();
}

void LiveWorker::process(const float* in, float* out, size_t frames) noexcept {
  const size_t taken = in_.push(in, frames);
  taken_in_.fetch_add(taken, std::memory_order_release);
  owed_ -= static_cast<int64_t>(frames - taken);  // these never come out: silence stands for them
  float dropped[kChunk];
  while (owed_ > 0) {
    const size_t got = out_.pop(dropped, std::min(kChunk, static_cast<size_t>(owed_)));
    owed_ -= static_cast<int64_t>(got);
    if (got == 0) {
      break;
    }
  }
  const size_t given = owed_ > 0 ? 0 : out_.pop(out, frames);
  std::fill(out + given, out + frames, 0.0f);
  owed_ += static_cast<int64_t>(frames - given);
  late_.fetch_add(static_cast<int64_t>(frames - given), std::memory_order_relaxed);
}

void LiveWorker::wait() const {
  while (done_.load(std::memory_order_acquire) != taken_in_.load(std::memory_order_acquire)) {
    std::this_thread::sleep_for(kNap);
  }
}

void LiveWorker::run() {
  float piece[kChunk];
  while (!stop_.load()) {
    const size_t n = in_.pop(piece, kChunk);
    if (n == 0) {
      std::this_thread::sleep_for(kNap);
      continue;
    }
    const float* in[1] = {piece};
    float* out[1] = {piece};
    session_.process(in, out, static_cast<int32_t>(n));
    out_.push(piece, n);
    done_.fetch_add(n, std::memory_order_release);
  }
}

}  // namespace ligero::cli
