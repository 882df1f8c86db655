// SPDX-License-Identifier: Apache-2.0
// AlignedBlock: the heap, and a word to the kernel about its pages.
#include "runtime/base/aligned_block.h"

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace ligero {

void AlignedBlock::Free::operator()(std::byte* p) const {
  ::operator delete[](p, alignment);
}

bool AlignedBlock::allocate(size_t bytes) {
  const bool large = bytes >= kLargePageBytes;
  const Free free{std::align_val_t{large ? kLargePageBytes : kAlignment}};
  data_ = {static_cast<std::byte*>(
               ::operator new[](bytes == 0 ? 1 : bytes, free.alignment, std::nothrow)),
           free};
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
