// SPDX-License-Identifier: Apache-2.0
// Memory aligned as the runtime asks for, for tests.
#ifndef LIGERO_TESTS_SUPPORT_ALIGNED_H_
#define LIGERO_TESTS_SUPPORT_ALIGNED_H_

#include <cstdlib>
#include <memory>

#include "runtime/base/checked.h"

namespace ligero {

struct Free {
  void operator()(void* p) const {
    std::free(p);
  }
};
using TestBlock = std::unique_ptr<void, Free>;

/// Of exactly that size, so that a sanitizer sees any access behind it.
inline TestBlock test_block(size_t bytes) {
  void* block = nullptr;
  return TestBlock(posix_memalign(&block, kAlignment, bytes) == 0 ? block : nullptr);
}

}  // namespace ligero

#endif  // LIGERO_TESTS_SUPPORT_ALIGNED_H_
