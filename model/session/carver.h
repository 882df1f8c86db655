// SPDX-License-Identifier: Apache-2.0
// Parts of one block of memory, given out one after another. Not: the block's owner.
#ifndef LIGERO_MODEL_SESSION_CARVER_H_
#define LIGERO_MODEL_SESSION_CARVER_H_

#include <cstddef>

#include "runtime/base/checked.h"

namespace ligero {

/// With a null block it only counts.
class Carver {
 public:
  explicit Carver(std::byte* block) : block_(block) {}
  float* floats(size_t n) {
    const size_t at = used_;
    used_ = add_bytes(used_, align_up(bytes_of(static_cast<int64_t>(n), sizeof(float))));
    return block_ == nullptr ? nullptr : reinterpret_cast<float*>(block_ + at);
  }
  size_t used() const {
    return used_;
  }

 private:
  std::byte* block_;
  size_t used_ = 0;
};

}  // namespace ligero

#endif  // LIGERO_MODEL_SESSION_CARVER_H_
