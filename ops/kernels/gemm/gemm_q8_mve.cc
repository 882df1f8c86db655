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

/// Adds q[0 .. n) times the weights of kColumns outputs, whose groups lie from `w` on, to `sums`; n
/// is a multiple of 4. The instruction multiplies 16 pairs of bytes and adds the products to one
/// sum, so an output's four groups are gathered from its panel.
inline void add_dots(const int8_t* q, const int8_t* w, int32_t n, int32_t* sums) {
  const uint32x4_t group = vidupq_n_u32(0, 1);
  const uint32x4_t at[kColumns] = {
      vmulq_n_u32(group, kGroupBytes),
      vaddq_n_u32(vmulq_n_u32(group, kGroupBytes), 4),
      vaddq_n_u32(vmulq_n_u32(group, kGroupBytes), 8),
      vaddq_n_u32(vmulq_n_u32(group, kGroupBytes), 12),
  };
  int32_t s[kColumns] = {sums[0], sums[1], sums[2], sums[3]};
  for (; n >= kStep; n -= kStep, q += kStep, w += kStep / kGemmQ8Group * kGroupBytes) {
    const int8x16_t x = vldrbq_s8(q);
    const auto* words = reinterpret_cast<const int32_t*>(w);
    for (int c = 0; c < kColumns; ++c) {
      s[c] = vmladavaq_s8(s[c], x, vreinterpretq_s8_s32(vldrwq_gather_offset_s32(words, at[c])));
    }
  }
  if (n > 0) {
    const mve_pred16_t some = vctp8q(static_cast<uint32_t>(n));
    const int8x16_t x = vldrbq_z_s8(q, some);
    const auto* words = reinterpret_cast<const int32_t*>(w);
    for (int c = 0; c < kColumns; ++c) {
      const int32x4_t weights = vldrwq_gather_offset_z_s32(words, at[c], some);
      s[c] = vmladavaq_s8(s[c], x, vreinterpretq_s8_s32(weights));
    }
  }
  std::memcpy(sums, s, sizeof(s));
}

/// Outputs [o, o + count) of a row; `o` is a multiple of kColumns, `count` at most that.
void columns(const GemmTile& t,
             const GemmWeights& w,
             const GemmEpilogue& e,
             int32_t row,
             int32_t o,
             int32_t count) {
  const int8_t* weight = static_cast<const int8_t*>(w.data) + (o / kGemmPanel) * w.panel_stride +
                         (o % kGemmPanel) * kGemmQ8Group;
  const int32_t segments = t.segments / t.taps;
  float y[kColumns] = {};
  for (int32_t tap = 0; tap < t.taps; ++tap) {
    int32_t sums[kColumns] = {};
    for (int32_t s = tap * segments; s < (tap + 1) * segments; ++s) {
      add_dots(t.q[s * kGemmMaxRows + row], weight, t.length, sums);
      weight += static_cast<ptrdiff_t>(t.length) * kGemmPanel;
    }
    const float scale = t.q_scales[tap * kGemmMaxRows + row];
    for (int c = 0; c < kColumns; ++c) {
      y[c] += static_cast<float>(sums[c]) * scale;
    }
  }
  for (int c = 0; c < count; ++c) {
    t.out[row][o + c] = ref::finish(y[c] * w.scale[o + c], t, e, row, o + c);
  }
}

void gemm_q8_tile(const GemmTile& t,
                     const GemmWeights& w,
                     const GemmEpilogue& e,
                     int32_t panel_begin,
                     int32_t panel_end) noexcept {
  const int32_t begin = panel_begin * kGemmPanel;
  const int32_t end = panel_end * kGemmPanel < w.outputs ? panel_end * kGemmPanel : w.outputs;
  for (int32_t o = begin; o < end; o += kColumns) {
    for (int32_t row = 0; row < t.rows; ++row) {
      columns(t, w, e, row, o, end - o < kColumns ? end - o : kColumns);
    }
  }
}

}  // namespace

extern const GemmQ8Kernels kGemmQ8;
const GemmQ8Kernels kGemmQ8 = {"mve", {4, 1, 1}, gemm_q8_tile, nullptr};

}  // namespace ligero::mve
