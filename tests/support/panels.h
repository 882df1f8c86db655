// Packing of test weights into the panel layout (runtime/graph.h). Not: the converter's packing.
#ifndef LIGERO_TESTS_SUPPORT_PANELS_H_
#define LIGERO_TESTS_SUPPORT_PANELS_H_

#include <cstdint>
#include <cstring>
#include <vector>

#include "runtime/graph.h"

namespace ligero::testing {

/// The nearest half-precision number (ties to even) of a value in the half's normal or zero range;
/// smaller ones become zero.
inline uint16_t to_half(float x) {
  uint32_t u = 0;
  std::memcpy(&u, &x, 4);
  const uint32_t sign = (u >> 16) & 0x8000u;
  const int32_t exponent = static_cast<int32_t>((u >> 23) & 0xFF) - 127 + 15;
  if (exponent <= 0) {
    return static_cast<uint16_t>(sign);
  }
  uint32_t h = (static_cast<uint32_t>(exponent) << 10) | ((u >> 13) & 0x3FFu);
  const uint32_t rest = u & 0x1FFFu;
  h += (rest > 0x1000u || (rest == 0x1000u && (h & 1u))) ? 1u : 0u;
  return static_cast<uint16_t>(sign | h);
}

inline float from_half(uint16_t h) {
  const uint32_t sign = static_cast<uint32_t>(h & 0x8000u) << 16;
  const uint32_t exponent = (h >> 10) & 0x1Fu;
  const uint32_t u =
      exponent == 0 ? sign
                    : sign | ((exponent + 112u) << 23) | (static_cast<uint32_t>(h & 0x3FFu) << 13);
  float x = 0.0f;
  std::memcpy(&x, &u, 4);
  return x;
}

/// `matrix` [inner][outputs] as panels of f32.
inline std::vector<float> pack_panels(const std::vector<float>& matrix, int inner, int outputs) {
  const int panels = (outputs + kPanelWidth - 1) / kPanelWidth;
  std::vector<float> packed(static_cast<size_t>(panels) * inner * kPanelWidth, 0.0f);
  for (int k = 0; k < inner; ++k) {
    for (int o = 0; o < outputs; ++o) {
      packed[(static_cast<size_t>(o / kPanelWidth) * inner + k) * kPanelWidth + o % kPanelWidth] =
          matrix[static_cast<size_t>(k) * outputs + o];
    }
  }
  return packed;
}

inline std::vector<uint16_t> to_halves(const std::vector<float>& x) {
  std::vector<uint16_t> h(x.size());
  for (size_t i = 0; i < x.size(); ++i) {
    h[i] = to_half(x[i]);
  }
  return h;
}

/// `x` rounded to half precision and back.
inline std::vector<float> rounded_to_half(std::vector<float> x) {
  for (float& v : x) {
    v = from_half(to_half(v));
  }
  return x;
}

}  // namespace ligero::testing

#endif  // LIGERO_TESTS_SUPPORT_PANELS_H_
