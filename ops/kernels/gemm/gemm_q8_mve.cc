// SPDX-License-Identifier: Apache-2.0
// The int8 product for Cortex-M with MVE (M55, M85). Not: the epilogue (gemm_scalar.h).
#include <arm_mve.h>

#include <cstring>

#include "ops/kernels/gemm/gemm_scalar.h"

namespace ligero::mve {
namespace {

constexpr int32_t kColumns =
    4;  ///< outputs at a time: as many sums as fit the even registers, and a spare
constexpr int32_t kStep = 4 * kGemmQ8Group;  ///< values at a time: a vector
constexpr int32_t kGroupBytes = kGemmPanel * kGemmQ8Group;

/// Where a vector's groups of each of kColumns outputs lie: a panel's groups are kGroupBytes apart.
struct Places {
  uint32x4_t at[kColumns];
  Places() {
    const uint32x4_t group = vmulq_n_u32(vidupq_n_u32(0, 1), kGroupBytes);
    for (uint32_t c = 0; c < kColumns; ++c) {
      at[c] = vaddq_n_u32(group, c * kGemmQ8Group);
    }
  }
};

/// Adds q[0 .. n) times the weights of kColumns outputs, whose groups lie from `w` on, to `s`; n
/// is a multiple of 4. The instruction multiplies 16 pairs of bytes and adds the products to one
/// sum, so an output's four groups are gathered from its panel.
inline void add_dots(
    const Places& places, const int8_t* q, const int8_t* w, int32_t n, int32_t (&s)[kColumns]) {
  for (; n >= kStep; n -= kStep, q += kStep, w += kStep / kGemmQ8Group * kGroupBytes) {
    const int8x16_t x = vldrbq_s8(q);
    const auto* words = reinterpret_cast<const int32_t*>(w);
    for (int c = 0; c < kColumns; ++c) {
      const int32x4_t weights = vldrwq_gather_offset_s32(words, places.at[c]);
      s[c] = vmladavaq_s8(s[c], x, vreinterpretq_s8_s32(weights));
    }
  }
  if (n > 0) {
    const mve_pred16_t some = vctp8q(static_cast<uint32_t>(n));
    const int8x16_t x = vldrbq_z_s8(q, some);
    const auto* words = reinterpret_cast<const int32_t*>(w);
    for (int c = 0; c < kColumns; ++c) {
      const int32x4_t weights = vldrwq_gather_offset_z_s32(words, places.at[c], some);
      s[c] = vmladavaq_s8(s[c], x, vreinterpretq_s8_s32(weights));
    }
  }
}

/// The int32 sums of one tap of a row, of the kColumns outputs whose weights begin at `weight`.
inline int32x4_t tap_sums(const Places& places,
                          const GemmTile& t,
                          const int8_t* weight,
                          int32_t segments,
                          int32_t tap,
                          int32_t row) {
  int32_t sums[kColumns] = {};
  weight += static_cast<ptrdiff_t>(tap * segments) * t.length * kGemmPanel;
  for (int32_t s = tap * segments; s < (tap + 1) * segments; ++s) {
    add_dots(places, t.q[s * kGemmMaxRows + row], weight, t.length, sums);
    weight += static_cast<ptrdiff_t>(t.length) * kGemmPanel;
  }
  return int32x4_t{sums[0], sums[1], sums[2], sums[3]};
}

/// Whether a row's epilogue is the bias and at most one add row.
inline bool plain(const GemmTile& t, const GemmEpilogue& e, int32_t row) {
  return e.activation == Activation::kNone && e.post_scale == nullptr && e.post_shift == nullptr &&
         (t.add == nullptr || t.add_count[row] == 1);
}

/// As ref::finish(), of kColumns outputs from `o` on.
inline void finish_plain(float32x4_t y,
                         const GemmTile& t,
                         const GemmWeights& w,
                         const GemmEpilogue& e,
                         int32_t row,
                         int32_t o) {
  y = vmulq_f32(y, vldrwq_f32(w.scale + o));
  if (e.bias != nullptr) {
    y = vaddq_f32(y, vldrwq_f32(e.bias + o));
  }
  if (t.add != nullptr) {
    y = vaddq_f32(y, vldrwq_f32(t.add[row] + o));
  }
  vstrwq_f32(t.out[row] + o, y);
}

/// Outputs [o, o + count) of every row; `o` is a multiple of kColumns, `count` at most that.
void columns(const Places& places,
             const GemmTile& t,
             const GemmWeights& w,
             const GemmEpilogue& e,
             int32_t o,
             int32_t count) {
  const int8_t* weight = static_cast<const int8_t*>(w.data) + (o / kGemmPanel) * w.panel_stride +
                         (o % kGemmPanel) * kGemmQ8Group;
  const int32_t segments = t.segments / t.taps;
  for (int32_t row = 0; row < t.rows; ++row) {
    float32x4_t y = vdupq_n_f32(0.0f);
    for (int32_t tap = 0; tap < t.taps; ++tap) {
      const int32x4_t sums = tap_sums(places, t, weight, segments, tap, row);
      y = vaddq_f32(y, vmulq_n_f32(vcvtq_f32_s32(sums), t.q_scales[tap * kGemmMaxRows + row]));
    }
    if (count == kColumns && plain(t, e, row)) {
      finish_plain(y, t, w, e, row, o);
      continue;
    }
    for (int c = 0; c < count; ++c) {
      t.out[row][o + c] = ref::finish(y[c] * w.scale[o + c], t, e, row, o + c);
    }
  }
}

void gemm_q8_tile(const GemmTile& t,
                  const GemmWeights& w,
                  const GemmEpilogue& e,
                  int32_t panel_begin,
                  int32_t panel_end) noexcept {
  const Places places;
  const int32_t begin = panel_begin * kGemmPanel;
  const int32_t end = panel_end * kGemmPanel < w.outputs ? panel_end * kGemmPanel : w.outputs;
  for (int32_t o = begin; o < end; o += kColumns) {
    columns(places, t, w, e, o, end - o < kColumns ? end - o : kColumns);
  }
}

}  // namespace

extern const GemmQ8Kernels kGemmQ8;
const GemmQ8Kernels kGemmQ8 = {"mve", {4, 1, 1}, gemm_q8_tile, nullptr};

}  // namespace ligero::mve
