// SPDX-License-Identifier: Apache-2.0
// The newest target, handed from the control thread to the audio thread without a lock. Not: what
// the audio thread does with it (seat.h).
#ifndef LIGERO_MODEL_SESSION_MAILBOX_H_
#define LIGERO_MODEL_SESSION_MAILBOX_H_

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace ligero {

/// Three slots of floats: one being written, one being read, one in between, whose number the
/// threads exchange. Neither thread ever waits. All functions are real-time safe.
class Mailbox {
 public:
  static constexpr int kSlots = 3;

  void set_memory(float* memory, size_t floats) noexcept {
    for (float*& slot : slot_) {
      slot = memory;
      memory += floats;
    }
  }

  // Control thread: fill writing(), then publish.
  float* writing() noexcept {
    return slot_[writing_];
  }
  void publish(bool has_target) noexcept {
    has_target_[writing_] = has_target;
    writing_ = between_.exchange(writing_ | kFresh, std::memory_order_acq_rel) & kNumber;
  }

  // Audio thread: take() what is fresh, then read it.
  bool fresh() const noexcept {
    return (between_.load(std::memory_order_relaxed) & kFresh) != 0;
  }
  void take() noexcept {
    reading_ = between_.exchange(reading_, std::memory_order_acq_rel) & kNumber;
  }
  const float* reading() const noexcept {
    return slot_[reading_];
  }
  bool has_target() const noexcept {
    return has_target_[reading_];
  }

 private:
  static constexpr uint32_t kNumber = 3;
  static constexpr uint32_t kFresh = 4;
  float* slot_[kSlots] = {};
  bool has_target_[kSlots] = {};
  std::atomic<uint32_t> between_{1};
  uint32_t writing_ = 0;
  uint32_t reading_ = 2;
};

}  // namespace ligero

#endif  // LIGERO_MODEL_SESSION_MAILBOX_H_
