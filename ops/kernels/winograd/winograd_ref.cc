// SPDX-License-Identifier: Apache-2.0
// The transforms as matrices: the specification.
#include "ops/kernels/winograd/winograd.h"

namespace ligero::ref {
namespace {

/// B^T: row i holds the coefficients of the product of (x - p) over all points p but the row's own
/// and infinity.
constexpr float kInput[kWinogradPoints][kWinogradPoints] = {
    {1, 0, -5.25f, 0, 5.25f, 0, -1, 0},
    {0, 1, 1, -4.25f, -4.25f, 1, 1, 0},
    {0, -1, 1, 4.25f, -4.25f, -1, 1, 0},
    {0, 0.5f, 0.25f, -2.5f, -1.25f, 2, 1, 0},
    {0, -0.5f, 0.25f, 2.5f, -1.25f, -2, 1, 0},
    {0, 2, 4, -2.5f, -5, 0.5f, 1, 0},
    {0, -2, 4, 2.5f, -5, -0.5f, 1, 0},
    {0, -1, 0, 5.25f, 0, -5.25f, 0, 1},
};

/// A: the powers of a point; of infinity, the highest.
constexpr float kPoint[] = {0, 1, -1, 2, -2, 0.5f, -0.5f};

void input(const WinogradFrame& f, const float* x, float* points, int64_t point_stride) {
  for (int32_t g = 0; g < f.groups(); ++g) {
    for (int32_t i = 0; i < kWinogradPoints; ++i) {
      for (int32_t c = 0; c < f.channels; ++c) {
        float sum = 0.0f;
        for (int32_t k = 0; k < kWinogradPoints; ++k) {
          const int32_t bin = g * f.group() - f.pad + k;
          sum += bin >= 0 && bin < f.bins ? kInput[i][k] * x[int64_t{bin} * f.channels + c] : 0.0f;
        }
        points[i * point_stride + int64_t{g} * f.channels + c] = sum;
      }
    }
  }
}

void output(const WinogradFrame& f,
            const float* points,
            int64_t point_stride,
            float* y,
            int64_t bin_stride) {
  for (int32_t b = 0; b < f.out_bins; ++b) {
    const int32_t power = b % f.group();
    const float* group = points + int64_t{b / f.group()} * f.outputs;
    for (int32_t o = 0; o < f.outputs; ++o) {
      const float last = group[(kWinogradPoints - 1) * point_stride + o];
      float sum = power == f.group() - 1 ? last : 0.0f;
      for (int32_t i = 0; i < kWinogradPoints - 1; ++i) {
        float factor = 1.0f;
        for (int32_t k = 0; k < power; ++k) {
          factor *= kPoint[i];
        }
        sum += factor * group[i * point_stride + o];
      }
      y[b * bin_stride + o] = sum;
    }
  }
}

}  // namespace

extern const WinogradKernels kWinograd;
const WinogradKernels kWinograd = {"ref", input, output};

}  // namespace ligero::ref

LIGERO_VARIANTS(LIGERO_FOR_EACH_ISA, WinogradKernels, kWinograd)
