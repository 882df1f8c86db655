// SPDX-License-Identifier: Apache-2.0
// The transforms in vectors of channels: sums and differences of what points of opposite sign share.
#include "ops/kernels/winograd/winograd.h"
#include "ops/kernels/vec/vec_math-inl.h"

namespace ligero {
namespace LIGERO_ISA {
namespace {

using D = hn::CappedTag<float, kWinogradLanes>;
using V = hn::Vec<D>;
constexpr int32_t kLanes = static_cast<int32_t>(hn::MaxLanes(D()));

HWY_INLINE V times(float factor, V x, V sum) {
  return hn::MulAdd(hn::Set(D(), factor), x, sum);
}

/// even + odd and even - odd, to points i and i + 1.
HWY_INLINE void store_pair(V even, V odd, float* point, int64_t point_stride) {
  hn::StoreU(hn::Add(even, odd), D(), point);
  hn::StoreU(hn::Sub(even, odd), D(), point + point_stride);
}

/// A group of 8 bins, kLanes channels.
HWY_INLINE void input_lanes(const float* const* bin, int32_t c, float* p, int64_t stride) {
  const D d;
  V x[kWinogradPoints];
  for (int i = 0; i < kWinogradPoints; ++i) {
    x[i] = hn::LoadU(d, bin[i] + c);
  }
  hn::StoreU(times(5.25f, hn::Sub(x[4], x[2]), hn::Sub(x[0], x[6])), d, p);
  store_pair(times(-4.25f, x[4], hn::Add(x[2], x[6])),
             times(-4.25f, x[3], hn::Add(x[1], x[5])),
             p + stride,
             stride);
  store_pair(times(0.25f, x[2], times(-1.25f, x[4], x[6])),
             times(0.5f, x[1], times(-2.5f, x[3], hn::Add(x[5], x[5]))),
             p + 3 * stride,
             stride);
  store_pair(times(4.0f, x[2], times(-5.0f, x[4], x[6])),
             times(0.5f, x[5], times(-2.5f, x[3], hn::Add(x[1], x[1]))),
             p + 5 * stride,
             stride);
  hn::StoreU(times(5.25f, hn::Sub(x[3], x[5]), hn::Sub(x[7], x[1])), d, p + 7 * stride);
}

void input(const WinogradFrame& f, const float* x, float* points, int64_t point_stride) {
  int32_t first = -f.pad;
  for (int32_t g = f.groups(); g > 0; --g, first += f.group(), points += f.channels) {
    const float* bin[kWinogradPoints];
    for (int32_t i = 0; i < kWinogradPoints; ++i) {
      const int32_t b = first + i;
      bin[i] = b >= 0 && b < f.bins ? x + int64_t{b} * f.channels : f.zeros;
    }
    for (int32_t c = 0; c < f.channels; c += kLanes) {
      input_lanes(bin, c, points + c, point_stride);
    }
  }
}

/// The first `count` outputs of a group of `group`, kLanes of them.
HWY_INLINE void output_lanes(
    const float* p, int64_t stride, int32_t group, int32_t count, float* y, int64_t bin_stride) {
  const D d;
  V at[kWinogradPoints];
  for (int i = 0; i < kWinogradPoints; ++i) {
    at[i] = hn::LoadU(d, p + i * stride);
  }
  // Of 1 and -1, of 2 and -2, of 1/2 and -1/2: what this power takes, and what the next one does.
  V one = hn::Add(at[1], at[2]);
  V two = hn::Add(at[3], at[4]);
  V half = hn::Add(at[5], at[6]);
  V next_one = hn::Sub(at[1], at[2]);
  V next_two = hn::Sub(at[3], at[4]);
  V next_half = hn::Sub(at[5], at[6]);
  V more = at[0];
  float power = 1.0f;
  float inverse = 1.0f;
  for (int32_t k = 0; k < count; ++k, power *= 2.0f, inverse *= 0.5f, y += bin_stride) {
    more = k + 1 == group ? at[7] : more;
    const V sum = times(power, two, hn::Add(one, more));
    hn::StoreU(times(inverse, half, sum), d, y);
    const V was[] = {one, two, half};
    one = next_one;
    two = next_two;
    half = next_half;
    next_one = was[0];
    next_two = was[1];
    next_half = was[2];
    more = hn::Zero(d);
  }
}

void output(const WinogradFrame& f,
            const float* points,
            int64_t point_stride,
            float* y,
            int64_t bin_stride) {
  const int32_t group = f.group();
  for (int32_t b = 0; b < f.out_bins; b += group, points += f.outputs, y += group * bin_stride) {
    const int32_t count = f.out_bins - b < group ? f.out_bins - b : group;
    for (int32_t o = 0; o < f.outputs; o += kLanes) {
      output_lanes(points + o, point_stride, group, count, y + o, bin_stride);
    }
  }
}

}  // namespace

extern const WinogradKernels kWinograd;
const WinogradKernels kWinograd = {LIGERO_ISA_NAME, input, output};

}  // namespace LIGERO_ISA
}  // namespace ligero
