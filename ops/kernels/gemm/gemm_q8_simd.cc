// SPDX-License-Identifier: Apache-2.0
// Tiles of the int8 product in vectors: int32 sums of one tap in registers, joined in float when the
// tap ends. Not: the dot products (gemm_q8_dot-inl.h), which tiles there are to compute
// (conv.cc).
#include "ops/kernels/gemm/gemm_finish-inl.h"
#include "ops/kernels/gemm/gemm_q8_dot-inl.h"

namespace ligero {
namespace LIGERO_ISA {
namespace {

constexpr int kGroupBytes = kGemmPanel * kGemmQ8Group;
constexpr int kPairLength = 2 * kGemmQ8Group;

/// Where the rows of a segment lie.
template <int kR>
HWY_INLINE void find_rows(const GemmTile& t, int row, int32_t segment, const int8_t* (&q)[kR]) {
  unroll<0, kR>([&](auto i) LIGERO_INLINE_LAMBDA {
    constexpr int r = decltype(i)::value;
    q[r] = t.q[segment * kGemmMaxRows + row + r];
  });
}

/// To the next rows of a pair of groups.
template <int kR>
HWY_INLINE void skip_pair(const int8_t* (&q)[kR], const int8_t** weight) {
  unroll<0, kR>([&](auto i) LIGERO_INLINE_LAMBDA { q[decltype(i)::value] += kPairLength; });
  *weight += 2 * kGroupBytes;
}

/// The int32 sums of the segments [begin, end) of kR rows and kP panels. `weight` moves on behind them.
template <int kR, int kP>
HWY_INLINE void sum_segments(const GemmTile& t,
                             int row,
                             int32_t begin,
                             int32_t end,
                             int64_t stride,
                             const int8_t** weight,
                             Dot::Sums (&sums)[kR][kP]) {
  const int8_t* at = *weight;
  const int8_t* q[kR];
  bool started = kPairs && begin < end && t.length >= kPairLength;
  if (!started) {
    unroll<0, kR * kP>([&](auto i) LIGERO_INLINE_LAMBDA {
      constexpr int n = decltype(i)::value;
      sums[n / kP][n % kP] = Dot::zero();
    });
  }
  for (int32_t s = begin; s < end; ++s) {
    find_rows(t, row, s, q);
    int32_t left = t.length;
    if constexpr (kPairs) {
      if (started) {
        add_pair<kR, kP, true>(sums, at, stride, q);
        skip_pair(q, &at);
        left -= kPairLength;
        started = false;
      }
      for (; left >= kPairLength; left -= kPairLength) {
        add_pair<kR, kP, false>(sums, at, stride, q);
        skip_pair(q, &at);
      }
    }
    for (int32_t i = 0; i < left; i += kGemmQ8Group) {
      Dot::Weights b[kP];
      unroll<0, kP>([&](auto p) LIGERO_INLINE_LAMBDA {
        b[decltype(p)::value] = Dot::load(at + decltype(p)::value * stride);
      });
      unroll<0, kR>([&](auto j) LIGERO_INLINE_LAMBDA {
        constexpr int r = decltype(j)::value;
        const Dot::Values x = Dot::splat(q[r] + i);
        unroll<0, kP>([&](auto p) LIGERO_INLINE_LAMBDA {
          Dot::add(sums[r][decltype(p)::value], b[decltype(p)::value], x);
        });
      });
      at += kGroupBytes;
    }
  }
  *weight = at;
}

HWY_INLINE const int8_t* panel_weights(const GemmWeights& w, int32_t panel) {
  return static_cast<const int8_t*>(w.data) + panel * w.panel_stride;
}

/// kR rows times kP panels from `panel` on.
template <int kR, int kP>
HWY_NOINLINE void tile(const GemmTile& t,
                       const GemmWeights& w,
                       const GemmEpilogue& e,
                       int row,
                       int32_t panel) {
  const int8_t* weight = panel_weights(w, panel);
  alignas(64) float y[kR][kP * kGemmPanel];
  const int32_t segments = t.segments / t.taps;
  for (int32_t tap = 0; tap < t.taps; ++tap) {
    Dot::Sums sums[kR][kP];
    sum_segments(t, row, tap * segments, (tap + 1) * segments, w.panel_stride, &weight, sums);
    unroll<0, kR * kP>([&](auto i) LIGERO_INLINE_LAMBDA {
      constexpr int r = decltype(i)::value / kP;
      constexpr int p = decltype(i)::value % kP;
      const int32_t at = tap * kGemmMaxRows + row + r;
      float* out = &y[r][p * kGemmPanel];
      Dot::join(sums[r][p], t.q_sums[at], t.q_scales[at], tap > 0 ? out : nullptr, out);
    });
  }
  finish_tile<kR, kP>(y, t, e, w, row, panel);
}

/// tile() of one tap and a plain end: the sums go from registers to the output.
template <int kR, int kP>
HWY_INLINE void plain_tile(const GemmTile& t,
                           const GemmWeights& w,
                           const GemmEpilogue& e,
                           int row,
                           int32_t panel) {
  const int8_t* weight = panel_weights(w, panel);
  Dot::Sums sums[kR][kP];
  sum_segments(t, row, 0, t.segments, w.panel_stride, &weight, sums);
  const Finish f = {t, e, w.scale, panel * kGemmPanel, row, kR};
  write_plain<kR, kP>(f, [&](auto i, auto& to) LIGERO_INLINE_LAMBDA {
    scale_sums(i, sums, t.q_scales + row, to);
  });
}

/// As many panels as plain_tile() may compute for the rows [row, row_end), from `panel` on, kP at a
/// time. Returns the first that is left.
template <int kR, int kP>
HWY_NOINLINE int32_t plain_panels(const GemmTile& t,
                                  const GemmWeights& w,
                                  const GemmEpilogue& e,
                                  int row,
                                  int row_end,
                                  int32_t panel,
                                  int32_t end) {
  if (t.taps != 1 || (e.bias != nullptr && t.add != nullptr) || !is_plain(e)) {
    return panel;
  }
  for (int r = row; r < row_end; ++r) {
    if (!has_one_add(t, r)) {
      return panel;
    }
  }
  for (; panel + kP <= end && (panel + kP) * kGemmPanel <= w.outputs; panel += kP) {
    for (int r = row; r < row_end; r += kR) {
      plain_tile<kR, kP>(t, w, e, r, panel);
    }
  }
  return panel;
}

/// The rows [row, row_end), kR at a time, times all panels of [begin, end), kP at a time, then by
/// halves.
template <int kR, int kP>
void panels(const GemmTile& t,
            const GemmWeights& w,
            const GemmEpilogue& e,
            int row,
            int row_end,
            int32_t begin,
            int32_t end) {
  int32_t panel = begin;
  if constexpr (kInRegisters) {
    panel = plain_panels<kR, kP>(t, w, e, row, row_end, panel, end);
  }
  for (; panel + kP <= end; panel += kP) {
    tile<kR, kP>(t, w, e, row, panel);
    for (int r = row + kR; kMaxRows > kRows && r < row_end; r += kR) {
      tile<kR, kP>(t, w, e, r, panel);
    }
  }
  if constexpr (kP > 1) {
    panels<kR, kP / 2>(t, w, e, row, row_end, panel, end);
  }
}

/// The rows from `row` on, kR at a time, and then fewer.
template <int kR>
void rows(const GemmTile& t,
          const GemmWeights& w,
          const GemmEpilogue& e,
          int row,
          int32_t begin,
          int32_t end) {
  const int left = t.rows - row;
  const int rest = kMaxRows > kRows ? left % kR : left < kR ? left : 0;
  if (rest < left) {
    panels<kR, kR == 1 ? kVecPanels : kPanels>(t, w, e, row, t.rows - rest, begin, end);
  }
  if constexpr (kR > 1) {
    if (rest > 0) {
      rows<kR - 1>(t, w, e, t.rows - rest, begin, end);
    }
  }
}

void gemm_q8_tile(const GemmTile& t,
                  const GemmWeights& w,
                  const GemmEpilogue& e,
                  int32_t panel_begin,
                  int32_t panel_end) noexcept {
  rows<kRows>(t, w, e, 0, panel_begin, panel_end);
}

}  // namespace

extern const GemmQ8Kernels kGemmQ8;
const GemmQ8Kernels kGemmQ8 = {
    LIGERO_ISA_NAME,
    {kMaxRows, kPanels, kVecPanels},
    gemm_q8_tile,
    kSums,
};

}  // namespace LIGERO_ISA
}  // namespace ligero
