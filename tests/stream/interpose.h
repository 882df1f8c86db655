// SPDX-License-Identifier: Apache-2.0
// Counts allocations and lock operations of this thread, by standing in front of the C library's
// own functions. Not: system calls (seccomp.h).
#ifndef LIGERO_TESTS_STREAM_INTERPOSE_H_
#define LIGERO_TESTS_STREAM_INTERPOSE_H_

#include <cstdint>

namespace ligero::testing {

/// False where the C library or a sanitizer leaves no room in front of it.
bool can_interpose();

struct Calls {
  int64_t allocations =
      0;              ///< malloc, calloc, realloc, free and their like; new and delete use them
  int64_t locks = 0;  ///< mutexes, read-write and spin locks, conditions, semaphores, once
};

/// From now on, calls of this thread count.
void start_counting();
/// Stops, and says how many there were.
Calls stop_counting();

}  // namespace ligero::testing

#endif  // LIGERO_TESTS_STREAM_INTERPOSE_H_
