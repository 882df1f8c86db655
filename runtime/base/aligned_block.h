// SPDX-License-Identifier: Apache-2.0
// Heap memory for sessions and runs. Not: what lies in it.
#ifndef LIGERO_RUNTIME_BASE_ALIGNED_BLOCK_H_
#define LIGERO_RUNTIME_BASE_ALIGNED_BLOCK_H_

#include <cstddef>
#include <memory>
#include <new>

#include "runtime/base/checked.h"

namespace ligero {

/// Heap memory that starts on a multiple of kAlignment, on large pages if it fills any and the
/// system has them: the first touch of a run's block then costs little. Its allocation can fail.
/// Movable.
class AlignedBlock {
 public:
  [[nodiscard]] bool allocate(size_t bytes);
  std::byte* data() const {
    return data_.get();
  }
  size_t size() const {
    return size_;
  }

 private:
  static constexpr size_t kLargePageBytes = size_t{2} << 20;
  struct Free {
    std::align_val_t alignment;
    void operator()(std::byte* p) const;
  };
  std::unique_ptr<std::byte[], Free> data_;
  size_t size_ = 0;
};

}  // namespace ligero

#endif  // LIGERO_RUNTIME_BASE_ALIGNED_BLOCK_H_
