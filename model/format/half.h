// SPDX-License-Identifier: Apache-2.0
// IEEE 754 half precision to and from single, bit by bit. Not: vectors of them (ops/kernels).
#ifndef LIGERO_MODEL_FORMAT_HALF_H_
#define LIGERO_MODEL_FORMAT_HALF_H_

#include <bit>
#include <cstdint>

namespace ligero {

/// Rounds to nearest, ties to even; too large becomes infinity, NaN stays a (quiet) NaN.
inline uint16_t half_from_float(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const uint32_t sign = (bits >> 16) & 0x8000u;
  const uint32_t magnitude = bits & 0x7FFFFFFFu;
  if (magnitude >= 0x47800000u) {  // 2^16 and above, infinity, NaN
    return static_cast<uint16_t>(sign | (magnitude > 0x7F800000u ? 0x7E00u : 0x7C00u));
  }
  if (magnitude < 0x38800000u) {  // below 2^-14: a multiple of 2^-24; the float unit rounds to even
    const float scaled = std::bit_cast<float>(magnitude) + 0.5f;  // unit in the last place: 2^-24
    return static_cast<uint16_t>(sign | (std::bit_cast<uint32_t>(scaled) - 0x3F000000u));
  }
  const uint32_t odd = (magnitude >> 13) & 1u;
  const uint32_t rounded = magnitude - 0x38000000u + 0x0FFFu + odd;  // may carry into infinity
  return static_cast<uint16_t>(sign | (rounded >> 13));
}

inline float float_from_half(uint16_t half) {
  const uint32_t sign = static_cast<uint32_t>(half & 0x8000u) << 16;
  const uint32_t magnitude = half & 0x7FFFu;
  if (magnitude >= 0x7C00u) {
    return std::bit_cast<float>(sign | 0x7F800000u | ((magnitude & 0x3FFu) << 13));
  }
  if (magnitude < 0x0400u) {
    const float value = static_cast<float>(magnitude) * 0x1p-24f;
    return std::bit_cast<float>(sign | std::bit_cast<uint32_t>(value));
  }
  return std::bit_cast<float>(sign | ((magnitude << 13) + 0x38000000u));
}

}  // namespace ligero

#endif  // LIGERO_MODEL_FORMAT_HALF_H_
