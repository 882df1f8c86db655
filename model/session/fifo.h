// SPDX-License-Identifier: Apache-2.0
// A queue of samples in the caller's memory. Not: threads (one at a time).
#ifndef LIGERO_MODEL_SESSION_FIFO_H_
#define LIGERO_MODEL_SESSION_FIFO_H_

#include <algorithm>
#include <cstdint>

namespace ligero {

/// First in, first out. Pushing beyond the capacity or popping beyond size() is the caller's mistake;
/// Signal sizes its queues so that neither happens. Real-time safe.
class Fifo {
 public:
  void set_memory(float* memory, int32_t capacity) noexcept {
    memory_ = memory;
    capacity_ = capacity;
    clear(0);
  }
  /// Empties the queue, then fills it with `zeros` zeros.
  void clear(int32_t zeros) noexcept {
    head_ = 0;
    size_ = zeros;
    std::fill(memory_, memory_ + zeros, 0.0f);
  }
  int32_t size() const noexcept {
    return size_;
  }
  void push(const float* x, int32_t n) noexcept {
    const int32_t tail = (head_ + size_) % capacity_;
    const int32_t first = std::min(n, capacity_ - tail);
    std::copy(x, x + first, memory_ + tail);
    std::copy(x + first, x + n, memory_);
    size_ += n;
  }
  void pop(float* y, int32_t n) noexcept {
    const int32_t first = std::min(n, capacity_ - head_);
    std::copy(memory_ + head_, memory_ + head_ + first, y);
    std::copy(memory_, memory_ + (n - first), y + first);
    head_ = (head_ + n) % capacity_;
    size_ -= n;
  }

 private:
  float* memory_ = nullptr;
  int32_t capacity_ = 1;
  int32_t head_ = 0;
  int32_t size_ = 0;
};

}  // namespace ligero

#endif  // LIGERO_MODEL_SESSION_FIFO_H_
