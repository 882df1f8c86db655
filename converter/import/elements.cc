// SPDX-License-Identifier: Apache-2.0
// Elements of tensors to float. Not: the files around them.
#include "converter/import/elements.h"

#include <bit>

#include "model/format/half.h"

namespace ligero {
uint64_t bytes_of(ElementType type) {
  switch (type) {
    case ElementType::kI8:
    case ElementType::kU8:
      return 1;
    case ElementType::kF16:
    case ElementType::kBf16:
    case ElementType::kI16:
      return 2;
    case ElementType::kF32:
    case ElementType::kI32:
      return 4;
    case ElementType::kF64:
    case ElementType::kI64:
      return 8;
  }
  return 0;
}

float element(ElementType type, const void* bytes) {
  switch (type) {
    case ElementType::kF32:
      return load_little<float>(bytes);
    case ElementType::kF16:
      return float_from_half(load_little<uint16_t>(bytes));
    case ElementType::kBf16:
      return std::bit_cast<float>(uint32_t{load_little<uint16_t>(bytes)} << 16);
    case ElementType::kF64:
      return static_cast<float>(load_little<double>(bytes));
    case ElementType::kI64:
      return static_cast<float>(load_little<int64_t>(bytes));
    case ElementType::kI32:
      return static_cast<float>(load_little<int32_t>(bytes));
    case ElementType::kI16:
      return load_little<int16_t>(bytes);
    case ElementType::kI8:
      return load_little<int8_t>(bytes);
    case ElementType::kU8:
      return load_little<uint8_t>(bytes);
  }
  return 0.0f;
}

}  // namespace ligero
