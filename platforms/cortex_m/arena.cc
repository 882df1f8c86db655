// SPDX-License-Identifier: Apache-2.0
// A stack of allocations in the caller's block, and what else libstdc++ would bring.
#include "platforms/cortex_m/arena.h"

#include <cstdint>
#include <new>

#include "runtime/base/checked.h"

namespace ligero::board {
namespace {

/// Lies before what it describes.
struct alignas(8) Taken {
  std::byte* from;  ///< where the block's free part began before
  Taken* before;
  bool deleted;
};

std::byte* start = nullptr;
std::byte* top = nullptr;
std::byte* end = nullptr;
std::byte* highest = nullptr;
Taken* last = nullptr;

void* take(size_t bytes, size_t alignment) {
  const auto at = reinterpret_cast<uintptr_t>(top);
  const uintptr_t data = align_up(at + sizeof(Taken), alignment);
  if (bytes >= kTooManyBytes || data > reinterpret_cast<uintptr_t>(end) ||
      bytes > reinterpret_cast<uintptr_t>(end) - data) {
    return nullptr;
  }
  auto* taken = reinterpret_cast<Taken*>(data) - 1;
  *taken = {top, last, false};
  last = taken;
  top += data - at + bytes;
  highest = top > highest ? top : highest;
  return taken + 1;
}

void give_back(void* data) {
  if (data == nullptr) {
    return;
  }
  (static_cast<Taken*>(data) - 1)->deleted = true;
  while (last != nullptr && last->deleted) {
    top = last->from;
    last = last->before;
  }
}

}  // namespace

void use_block(void* block, size_t bytes) {
  start = top = highest = static_cast<std::byte*>(block);
  end = start + bytes;
  last = nullptr;
}

size_t bytes_taken() {
  return static_cast<size_t>(top - start);
}

size_t most_bytes_taken() {
  return static_cast<size_t>(highest - start);
}

}  // namespace ligero::board

using ligero::board::give_back;
using ligero::board::take;

namespace std {
const nothrow_t nothrow = nothrow_t();
}

void* operator new(size_t bytes, const std::nothrow_t&) noexcept {
  return take(bytes, alignof(std::max_align_t));
}
void* operator new[](size_t bytes, const std::nothrow_t&) noexcept {
  return take(bytes, alignof(std::max_align_t));
}
void* operator new[](size_t bytes, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return take(bytes, static_cast<size_t>(alignment));
}
void operator delete(void* data) noexcept {
  give_back(data);
}
void operator delete(void* data, size_t) noexcept {
  give_back(data);
}
void operator delete[](void* data) noexcept {
  give_back(data);
}
void operator delete[](void* data, size_t) noexcept {
  give_back(data);
}
void operator delete[](void* data, std::align_val_t) noexcept {
  give_back(data);
}
