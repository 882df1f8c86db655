// SPDX-License-Identifier: Apache-2.0
// The heap of the shared library, for take_bytes() (runtime/base/arena.h): the C library's, so that a device
// needs no libstdc++. ligero.map hides it from programs. Not for the static libraries, which take the
// program's.
#include <cstdlib>
#include <new>

namespace std {
const nothrow_t nothrow = nothrow_t();  // libstdc++'s lies in the library that is done without
}

void* operator new[](size_t bytes, const std::nothrow_t&) noexcept {
  return std::malloc(bytes);
}
void* operator new[](size_t bytes, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  void* block = nullptr;
  return posix_memalign(&block, static_cast<size_t>(alignment), bytes) == 0 ? block : nullptr;
}
void operator delete[](void* block) noexcept {
  std::free(block);
}
void operator delete[](void* block, size_t) noexcept {  // compilers want it beside the first
  std::free(block);
}
void operator delete[](void* block, std::align_val_t) noexcept {
  std::free(block);
}
