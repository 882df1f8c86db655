// The product, one multiplication at a time: the specification.
#include <cstring>

#include "ops/kernels/gemm/gemm_scalar.h"

namespace ligero::ref {
namespace {

float load(const float* p) {
  return *p;
}

/// Half to single precision, subnormals included; exact.
float load(const uint16_t* p) {
  const uint32_t h = *p;
  const uint32_t sign = (h & 0x8000u) << 16;
  const uint32_t exponent = (h >> 10) & 0x1Fu;
  const uint32_t mantissa = h & 0x3FFu;
  if (exponent == 0) {
    const float magnitude = static_cast<float>(mantissa) * 0x1p-24f;
    return sign != 0 ? -magnitude : magnitude;
  }
  const uint32_t wide_exponent = exponent == 31 ? 255u : exponent + 112u;
  const uint32_t bits = sign | (wide_exponent << 23) | (mantissa << 13);
  float x = 0.0f;
  std::memcpy(&x, &bits, sizeof(x));
  return x;
}

template <typename T>
void gemm_tile(const GemmTile& t,
               const GemmWeights& w,
               const GemmEpilogue& e,
               int32_t panel_begin,
               int32_t panel_end) noexcept {
  const T* data = static_cast<const T*>(w.data);
  const int32_t begin = panel_begin * kGemmPanel;
  const int32_t end = panel_end * kGemmPanel < w.outputs ? panel_end * kGemmPanel : w.outputs;
  for (int32_t row = 0; row < t.rows; ++row) {
    for (int32_t o = begin; o < end; ++o) {
      const T* weight = data + (o / kGemmPanel) * w.panel_stride + o % kGemmPanel;
      float sum = 0.0f;
      for (int32_t s = 0; s < t.segments; ++s) {
        if (t.a[s * kGemmMaxRows] == nullptr) {
          weight += t.length * w.row_stride;
          continue;
        }
        const float* a = t.a[s * kGemmMaxRows + row];
        for (int32_t k = 0; k < t.length; ++k, weight += w.row_stride) {
          sum += a[k] * load(weight);
        }
      }
      t.out[row][o] = finish(sum, t, e, row, o);
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
