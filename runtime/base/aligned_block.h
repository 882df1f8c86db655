// SPDX-License-Identifier: Apache-2.0
// Memory for sessions and runs. Not: what lies in it.
#ifndef LIGERO_RUNTIME_BASE_ALIGNED_BLOCK_H_
#define LIGERO_RUNTIME_BASE_ALIGNED_BLOCK_H_

#include <cstddef>
#include <memory>

#include "runtime/base/checked.h"

namespace ligero {

/// Memory that starts on a multiple of kAlignment. On the heap it has large pages if it fills any and
/// the system has them: the first touch of a run's block then costs little. Its allocation can fail.
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
  struct GiveBack {
    size_t alignment;
    void operator()(std::byte* data) const;
  };
  std::unique_ptr<std::byte[], GiveBack> data_;
  size_t size_ = 0;
};

}  // namespace ligero

#endif  // LIGERO_RUNTIME_BASE_ALIGNED_BLOCK_H_
