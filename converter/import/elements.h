// SPDX-License-Identifier: Apache-2.0
// Elements of tensors as checkpoints store them, little-endian, to float. Not: the files around
// them.
#ifndef LIGERO_CONVERTER_IMPORT_ELEMENTS_H_
#define LIGERO_CONVERTER_IMPORT_ELEMENTS_H_

#include <cstdint>
#include <cstring>

#include "runtime/base/target.h"

namespace ligero {

/// kU8 is a bool as well.
enum class ElementType { kF32, kF16, kBf16, kF64, kI64, kI32, kI16, kI8, kU8 };

uint64_t bytes_of(ElementType type);

/// The element that starts at `bytes`; NaN and infinities come back as such.
float element(ElementType type, const void* bytes);

/// A little-endian number that starts at `bytes`, aligned or not.
template <typename T>
T load_little(const void* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

}  // namespace ligero

#endif  // LIGERO_CONVERTER_IMPORT_ELEMENTS_H_
