// SPDX-License-Identifier: Apache-2.0
// Where the library's memory comes from: the heap, or one block of the caller's. Not: large blocks
// (aligned_block.h), what lies in memory (array.h).
#ifndef LIGERO_RUNTIME_BASE_ARENA_H_
#define LIGERO_RUNTIME_BASE_ARENA_H_

#include <cstddef>
#include <new>

namespace ligero {

/// A stack of allocations in a block of the caller's. Memory that is given back is free again once
/// all that was taken after it is given back too. One thread at a time.
class Arena {
 public:
  Arena() = default;
  /// `block` outlives all that is taken.
  Arena(void* block, size_t bytes)
      : start_(static_cast<std::byte*>(block)), top_(start_), end_(start_ + bytes), highest_(start_) {}

  /// nullptr: no room.
  void* take(size_t bytes, size_t alignment) noexcept;
  void give_back(void* data) noexcept;
  bool contains(const void* data) const noexcept {
    return data >= start_ && data < end_;
  }
  bool is_set() const noexcept {
    return start_ != nullptr;
  }
  /// The most bytes that were ever taken at once, from the block's start.
  size_t most_bytes() const noexcept {
    return static_cast<size_t>(highest_ - start_);
  }

 private:
  struct Taken;
  std::byte* start_ = nullptr;
  std::byte* top_ = nullptr;
  std::byte* end_ = nullptr;
  std::byte* highest_ = nullptr;
  Taken* last_ = nullptr;
};

/// While it lives, this thread takes from `arena`, and gives back to it what lies in it. nullptr: the
/// heap. What was taken from an arena is given back under the same arena.
class UseArena {
 public:
  explicit UseArena(Arena* arena) noexcept;
  ~UseArena();
  UseArena(const UseArena&) = delete;
  UseArena& operator=(const UseArena&) = delete;

 private:
  Arena* before_;
};

/// Whether this thread takes from an arena now.
bool uses_arena() noexcept;

inline constexpr size_t kNewAlignment = alignof(std::max_align_t);

/// From the arena in use, else from operator new; a build without an operating system has the arena
/// alone. nullptr: no memory.
void* take_bytes(size_t bytes, size_t alignment = kNewAlignment) noexcept;
/// nullptr is allowed. `alignment` as it was taken.
void give_back(void* data, size_t alignment = kNewAlignment) noexcept;

/// Base of classes whose objects `new (std::nothrow)` takes from take_bytes().
struct Allocated {
  static void* operator new(size_t bytes, const std::nothrow_t&) noexcept {
    return take_bytes(bytes);
  }
  static void* operator new[](size_t bytes, const std::nothrow_t&) noexcept {
    return take_bytes(bytes);
  }
  static void operator delete(void* data) noexcept {
    give_back(data);
  }
  static void operator delete[](void* data) noexcept {
    give_back(data);
  }
};

}  // namespace ligero

#endif  // LIGERO_RUNTIME_BASE_ARENA_H_
