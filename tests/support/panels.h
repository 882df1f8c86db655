// SPDX-License-Identifier: Apache-2.0
// Packing of test weights into the panel layout (runtime/graph.h). Not: the converter's packing.
#ifndef LIGERO_TESTS_SUPPORT_PANELS_H_
#define LIGERO_TESTS_SUPPORT_PANELS_H_

#include <cmath>
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

/// Int8 weights in panels [ceil(inner / 4)][16][4] and the scales of their outputs.
struct Q8Panels {
  std::vector<int8_t> values;
  std::vector<float> scales;
};

inline Q8Panels to_q8(const std::vector<float>& matrix, int inner, int outputs) {
  constexpr int kGroup = 4;
  const int groups = (inner + kGroup - 1) / kGroup;
  const int panels = (outputs + kPanelWidth - 1) / kPanelWidth;
  Q8Panels q;
  q.values.resize(static_cast<size_t>(panels) * groups * kPanelWidth * kGroup, 0);
  for (int o = 0; o < outputs; ++o) {
    float largest = 1e-20f;
    for (int k = 0; k < inner; ++k) {
      largest = std::fmax(largest, std::fabs(matrix[static_cast<size_t>(k) * outputs + o]));
    }
    const float scale = largest / 127.0f;
    q.scales.push_back(scale);
    for (int k = 0; k < inner; ++k) {
      const int group = o / kPanelWidth * groups + k / kGroup;
      q.values[static_cast<size_t>((group * kPanelWidth + o % kPanelWidth) * kGroup + k % kGroup)] =
          static_cast<int8_t>(
              std::nearbyint(matrix[static_cast<size_t>(k) * outputs + o] / scale));
    }
  }
  return q;
}

/// Row-major `x` with every row of `row` values, or every column of it, rounded to int8 and back.
inline std::vector<float> rounded_rows_to_q8(std::vector<float> x, size_t row) {
  for (size_t first = 0; first < x.size(); first += row) {
    float largest = 0.0f;
    for (size_t i = first; i < first + row; ++i) {
      largest = std::fmax(largest, std::fabs(x[i]));
    }
    for (size_t i = first; largest > 0 && i < first + row; ++i) {
      x[i] = std::nearbyint(x[i] * (127.0f / largest)) * (largest / 127.0f);
    }
  }
  return x;
}

inline std::vector<float> rounded_columns_to_q8(std::vector<float> matrix, int inner, int outputs) {
  const Q8Panels q = to_q8(matrix, inner, outputs);
  for (int k = 0; k < inner; ++k) {
    for (int o = 0; o < outputs; ++o) {
      const float scale = q.scales[static_cast<size_t>(o)];
      float& v = matrix[static_cast<size_t>(k) * outputs + o];
      v = std::nearbyint(v / scale) * scale;
    }
  }
  return matrix;
}

}  // namespace ligero::testing

#endif  // LIGERO_TESTS_SUPPORT_PANELS_H_
