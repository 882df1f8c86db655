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

inline TestBlock test_block(size_t bytes) {
  return TestBlock(std::aligned_alloc(kAlignment, align_up(bytes == 0 ? 1 : bytes)));
}

}  // namespace ligero

#endif  // LIGERO_TESTS_SUPPORT_ALIGNED_H_
