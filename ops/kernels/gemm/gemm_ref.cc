// SPDX-License-Identifier: Apache-2.0
// The product, one multiplication at a time: the specification.
#include <type_traits>

#include "ops/kernels/gemm/gemm_scalar.h"

namespace ligero::ref {
namespace {

float load(const float* p) {
  return *p;
}

/// Half to single precision, subnormals included; exact. Both kinds are worked out, so that there is no
/// branch in a vector's way.
float load(const uint16_t* p) {
  const int32_t h = *p;
  const int32_t exponent = (h >> 10) & 0x1F;
  const int32_t mantissa = h & 0x3FF;
  const auto small = __builtin_bit_cast(int32_t, static_cast<float>(mantissa) * 0x1p-24f);
  const int32_t large = ((exponent == 31 ? 255 : exponent + 112) << 23) | (mantissa << 13);
  const int32_t magnitude = exponent == 0 ? small : large;
  return __builtin_bit_cast(float, magnitude | ((h & 0x8000) << 16));
}

/// sums[o]: of the `count` outputs from the start of the panel at `weight` on. An inner row at a time,
/// in which a compiler finds its vectors; where `count` is a constant, it keeps the sums in registers.
template <typename T, typename Count>
void sum_panel(
    const GemmTile& t, int32_t row, const T* weight, int64_t stride, Count count, float* to) {
  float sums[kGemmPanel] = {};
  for (int32_t s = 0; s < t.segments; ++s) {
    if (t.a[s * kGemmMaxRows] == nullptr) {
      weight += t.length * stride;
      continue;
    }
    const float* a = t.a[s * kGemmMaxRows + row];
    for (int32_t k = 0; k < t.length; ++k, weight += stride) {
      for (int32_t o = 0; o < count; ++o) {
        sums[o] += a[k] * load(weight + o);
      }
    }
  }
  for (int32_t o = 0; o < count; ++o) {
    to[o] = sums[o];
  }
}

constexpr std::integral_constant<int32_t, kGemmPanel> kFullPanel;

template <typename T>
void gemm_tile(const GemmTile& t,
               const GemmWeights& w,
               const GemmEpilogue& e,
               int32_t panel_begin,
               int32_t panel_end) noexcept {
  float sums[kGemmPanel];
  for (int32_t panel = panel_begin; panel < panel_end; ++panel) {
    const T* weight = static_cast<const T*>(w.data) + panel * w.panel_stride;
    const int32_t first = panel * kGemmPanel;
    const int32_t count = w.outputs - first < kGemmPanel ? w.outputs - first : kGemmPanel;
    for (int32_t row = 0; row < t.rows; ++row) {
      if (count == kGemmPanel) {
        sum_panel(t, row, weight, w.row_stride, kFullPanel, sums);
      } else {
        sum_panel(t, row, weight, w.row_stride, count, sums);
      }
      for (int32_t o = 0; o < count; ++o) {
        t.out[row][first + o] = finish(sums[o], t, e, row, first + o);
      }
    }
  }
}

void gemm_q8_tile(const GemmTile& t,
                  const GemmWeights& w,
                  const GemmEpilogue& e,
                  int32_t panel_begin,
                  int32_t panel_end) noexcept {
  const auto* data = static_cast<const int8_t*>(w.data);
  const int32_t begin = panel_begin * kGemmPanel;
  const int32_t end = panel_end * kGemmPanel < w.outputs ? panel_end * kGemmPanel : w.outputs;
  const int32_t segments = t.segments / t.taps;
  for (int32_t row = 0; row < t.rows; ++row) {
    for (int32_t o = begin; o < end; ++o) {
      const int8_t* panel = data + (o / kGemmPanel) * w.panel_stride;
      const int32_t column = o % kGemmPanel;
      float y = 0.0f;
      int64_t k = 0;
      for (int32_t tap = 0; tap < t.taps; ++tap) {
        int32_t sum = 0;
        for (int32_t s = tap * segments; s < (tap + 1) * segments; ++s) {
          const int8_t* q = t.q[s * kGemmMaxRows + row];
          for (int32_t i = 0; i < t.length; ++i, ++k) {
            const int64_t group = k / kGemmQ8Group * kGemmPanel + column;
            sum += q[i] * panel[group * kGemmQ8Group + k % kGemmQ8Group];
          }
        }
        y += static_cast<float>(sum) * t.q_scales[tap * kGemmMaxRows + row];
      }
      t.out[row][o] = finish(y * w.scale[o], t, e, row, o);
    }
  }
}

}  // namespace

extern const GemmKernels kGemm;
const GemmKernels kGemm = {
    "ref",
    {4, 1, 1},
    gemm_tile<float>,
    gemm_tile<uint16_t>,
};

extern const GemmQ8Kernels kGemmQ8;
const GemmQ8Kernels kGemmQ8 = {"ref", {4, 1, 1}, gemm_q8_tile, nullptr};

}  // namespace ligero::ref

LIGERO_VARIANTS(LIGERO_FOR_EACH_ISA, GemmKernels, kGemm)
LIGERO_VARIANTS(LIGERO_FOR_EACH_Q8_ISA, GemmQ8Kernels, kGemmQ8)
