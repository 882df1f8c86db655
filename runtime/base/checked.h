// SPDX-License-Identifier: Apache-2.0
// Overflow-safe size arithmetic, and alignment. Not: allocation.
#ifndef LIGERO_RUNTIME_BASE_CHECKED_H_
#define LIGERO_RUNTIME_BASE_CHECKED_H_

#include <cstddef>
#include <cstdint>

namespace ligero {

/// Every buffer, weight and state block starts on such a boundary: a cache line, and the widest
/// vector register there is.
inline constexpr size_t kAlignment = 64;

/// `n` rounded up to a multiple of `unit` (a power of two).
constexpr size_t align_up(size_t n, size_t unit = kAlignment) {
  return (n + unit - 1) & ~(unit - 1);
}

/// Multiplies or adds; false (and *out untouched) where the result does not fit int64.
inline bool checked_mul(int64_t a, int64_t b, int64_t* out) {
  int64_t r = 0;
  if (__builtin_mul_overflow(a, b, &r)) {
    return false;
  }
  *out = r;
  return true;
}
inline bool checked_add(int64_t a, int64_t b, int64_t* out) {
  int64_t r = 0;
  if (__builtin_add_overflow(a, b, &r)) {
    return false;
  }
  *out = r;
  return true;
}

/// Sizes that a file can ask for may be more than an address has bits, above all of 32: they are
/// multiplied and added with these, which stay here instead of wrapping. Half of the addresses;
/// nothing so large can be had.
inline constexpr size_t kTooManyBytes = SIZE_MAX / 2 + 1;

/// `count` (not negative) times `each` bytes, or kTooManyBytes.
constexpr size_t bytes_of(int64_t count, size_t each) {
  const bool fits = each == 0 || static_cast<uint64_t>(count) <= (kTooManyBytes - 1) / each;
  return fits ? static_cast<size_t>(count) * each : kTooManyBytes;
}
/// a + b, or kTooManyBytes.
constexpr size_t add_bytes(size_t a, size_t b) {
  return b < kTooManyBytes && a < kTooManyBytes - b ? a + b : kTooManyBytes;
}

constexpr int64_t ceil_div(int64_t a, int64_t b) {
  return (a + b - 1) / b;
}

}  // namespace ligero

#endif  // LIGERO_RUNTIME_BASE_CHECKED_H_
