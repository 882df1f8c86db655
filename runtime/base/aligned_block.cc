// SPDX-License-Identifier: Apache-2.0
// AlignedBlock: its memory, and a word to the kernel about the pages.
#include "runtime/base/aligned_block.h"

#include "runtime/base/arena.h"

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace ligero {

void AlignedBlock::GiveBack::operator()(std::byte* data) const {
  give_back(data, alignment);
}

bool AlignedBlock::allocate(size_t bytes) {
  const bool large = bytes >= kLargePageBytes && !uses_arena();
  const size_t alignment = large ? kLargePageBytes : kAlignment;
  data_ = {static_cast<std::byte*>(take_bytes(bytes == 0 ? 1 : bytes, alignment)), {alignment}};
  size_ = data_ ? bytes : 0;
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  if (large && data_) {
    // The kernel refuses if it has no large pages: then nothing changes.
    (void)madvise(data_.get(), bytes, MADV_HUGEPAGE);
  }
#endif
  return data_ != nullptr;
}

}  // namespace ligero
