// SPDX-License-Identifier: Apache-2.0
// A stack of allocations in a block, and which one a thread uses.
#include "runtime/base/arena.h"

#include <cstdint>

#include "runtime/base/checked.h"
#include "runtime/base/target.h"

namespace ligero {
namespace {

LIGERO_THREAD_LOCAL Arena* in_use = nullptr;

}  // namespace

/// Lies before what it describes.
struct alignas(8) Arena::Taken {
  std::byte* from;  ///< where the block's free part began before
  Taken* before;
  bool given_back;
};

void* Arena::take(size_t bytes, size_t alignment) noexcept {
  const auto at = reinterpret_cast<uintptr_t>(top_);
  const uintptr_t data = align_up(at + sizeof(Taken), alignment);
  if (bytes >= kTooManyBytes || data > reinterpret_cast<uintptr_t>(end_) ||
      bytes > reinterpret_cast<uintptr_t>(end_) - data) {
    return nullptr;
  }
  auto* taken = reinterpret_cast<Taken*>(data) - 1;
  *taken = {top_, last_, false};
  last_ = taken;
  top_ += data - at + bytes;
  highest_ = top_ > highest_ ? top_ : highest_;
  return taken + 1;
}

void Arena::give_back(void* data) noexcept {
  (static_cast<Taken*>(data) - 1)->given_back = true;
  while (last_ != nullptr && last_->given_back) {
    top_ = last_->from;
    last_ = last_->before;
  }
}

UseArena::UseArena(Arena* arena) noexcept : before_(in_use) {
  in_use = arena;
}

UseArena::~UseArena() {
  in_use = before_;
}

bool uses_arena() noexcept {
  return in_use != nullptr;
}

void* take_bytes(size_t bytes, size_t alignment) noexcept {
  if (in_use != nullptr) {
    return in_use->take(bytes, alignment);
  }
#if defined(LIGERO_BARE)
  return nullptr;
#else
  return alignment <= kNewAlignment
             ? ::operator new[](bytes, std::nothrow)
             : ::operator new[](bytes, std::align_val_t{alignment}, std::nothrow);
#endif
}

void give_back(void* data, size_t alignment) noexcept {
  if (in_use != nullptr && in_use->contains(data)) {
    in_use->give_back(data);
    return;
  }
#if defined(LIGERO_BARE)
  static_cast<void>(alignment);
#else
  if (alignment <= kNewAlignment) {
    ::operator delete[](data);
  } else {
    ::operator delete[](data, std::align_val_t{alignment});
  }
#endif
}

}  // namespace ligero
