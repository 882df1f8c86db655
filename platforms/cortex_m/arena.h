// SPDX-License-Identifier: Apache-2.0
// The one block of memory of a program without a heap: operator new takes from it. Not: who asks.
#ifndef LIGERO_PLATFORMS_CORTEX_M_ARENA_H_
#define LIGERO_PLATFORMS_CORTEX_M_ARENA_H_

#include <cstddef>

namespace ligero::board {

/// From now on operator new takes from `block`, in order; what is deleted is given back once all
/// that was taken after it is deleted too. Where the block has no room left, operator new
/// (std::nothrow) returns nullptr, which ligero reports as kTooLittleMemory. Before anything is
/// taken; one thread.
void use_block(void* block, size_t bytes);

/// Bytes taken now, and the most that ever were at once, from the block's start.
size_t bytes_taken();
size_t most_bytes_taken();

}  // namespace ligero::board

#endif  // LIGERO_PLATFORMS_CORTEX_M_ARENA_H_
