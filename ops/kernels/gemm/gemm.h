// SPDX-License-Identifier: Apache-2.0
// GEMM: a tile of a few rows, gathered through pointers, times weights in panels, plus an epilogue.
// Linear layers, convolutions of every form and recurrent steps are made of these tiles. Not: which
// tiles there are and where their rows lie (kernels/conv), int8 rows (kernels/quantize).
//
//   y[r][o] = post(act(bias[o] + sum_k a_r[k] w[k][o] + sum_m add_r[m][o]))
//
// a_r is made of `segments` pieces of `length` contiguous floats, k running through them in order.
// Accumulation: float32, one sum for each output, k ascending from 0, then bias, then add rows in
// order; in vectors with fused multiply-add where the set has it. An output does not depend on the
// rows or panels computed with it, so a frame alone equals the same frame in a block, bit for bit.
// Against exact arithmetic the error is at most (inner + 4) * 2^-24 * sum |a w|, and that of the
// activation (vec.h).
//
// With int8 weights the rows are int8 too (quantize.h), with one scale s for each tap in time. The
// products of a tap are summed in int32, exactly and alike on every instruction set, and the taps are
// joined in float32, in order: sum_k a_r[k] w[k][o] is (sum_tap s_tap * sum_int32) * scale[o].
#ifndef LIGERO_OPS_KERNELS_GEMM_GEMM_H_
#define LIGERO_OPS_KERNELS_GEMM_GEMM_H_

#include <cstddef>
#include <cstdint>

#include "ops/kernels/variants.h"
#include "ops/kernels/vec/vec.h"

namespace ligero {

/// Outputs in a panel, as in the file's layout.
inline constexpr int kGemmPanel = 16;
/// Inner rows of int8 weights that lie side by side for each output.
inline constexpr int kGemmQ8Group = 4;
/// Most int8 products of one sum: 127 * 127 of each stay below 2^31.
inline constexpr int64_t kGemmQ8MaxInner = 1 << 17;
/// Most rows of a tile in any variant.
inline constexpr int kGemmMaxRows = 8;
/// Most segments of a row: taps of a convolution.
inline constexpr int kGemmMaxSegments = 128;

/// Weights [inner][outputs] in panels [inner][16] (int8: [inner / 4][16][4]), the last filled up
/// with zeros. `data` is float, half precision or int8, 64-byte aligned at the first panel's start;
/// it may point into a panel, so that a range of inner rows is used. No panel is read past its
/// inner rows. A row-major matrix is read as panels with panel_stride 16 and its own row stride;
/// its vector kernels read whole panels, so the last one, where it is partial, is the reference's.
struct GemmWeights {
  const void* data = nullptr;
  int64_t panel_stride = 0;  ///< elements from a panel to the next
  int32_t outputs = 0;
  int64_t row_stride = kGemmPanel;  ///< elements from an inner row to the next; not int8
  const float* scale = nullptr;     ///< int8 only: one for each output
};

/// Each pointer: one float for each output, any alignment, or nullptr. slopes: kPrelu only,
/// required.
struct GemmEpilogue {
  const float* bias = nullptr;
  const float* slopes = nullptr;
  const float* post_scale = nullptr;  ///< 1 where absent
  const float* post_shift = nullptr;  ///< 0 where absent
  Activation activation = Activation::kNone;

  /// To the values of the outputs from number `outputs` on.
  void advance(int32_t outputs) {
    const float** const all[] = {&bias, &slopes, &post_scale, &post_shift};
    for (const float** values : all) {
      *values = *values != nullptr ? *values + outputs : nullptr;
    }
  }
};

/// A few rows, all pointers resolved; of the kGemmMaxRows places only those of rows are read.
/// Outputs must not overlap anything that is read, except that add rows may be the output rows
/// themselves.
struct GemmTile {
  int32_t rows;              ///< 1 .. GemmTileShape::max_rows, or narrow_rows
  int32_t segments;          ///< may be 0: the sum is empty
  int32_t length;            ///< floats of a segment
  const float* const* a;     ///< [segments][kGemmMaxRows], any alignment; a segment whose first
                             ///< is nullptr is left out; int8 rows: nullptr
  float* const* out;         ///< [rows]: where output 0 goes; `outputs` floats are written
  const float* const* add;   ///< [rows]: add row 0, output 0; or nullptr: none
  const int32_t* add_count;  ///< [rows]: how many add rows
  int64_t add_stride;        ///< floats from an add row to the next
  // Rows of int8 only, where `length` is a multiple of 4:
  int32_t taps = 1;                  ///< pieces of equal numbers of segments, each with its scale
  const int8_t* const* q = nullptr;  ///< as `a`, none left out; values in [-127, 127]
  const float* q_scales = nullptr;   ///< [taps][kGemmMaxRows]
  const int32_t* q_sums = nullptr;   ///< as q_scales: the sum of a tap's values, for variants
                                     ///< that ask for it
};

/// Computes the panels [panel_begin, panel_end) of a tile.
using GemmTileFn = void (*)(const GemmTile& tile,
                            const GemmWeights& weights,
                            const GemmEpilogue& epilogue,
                            int32_t panel_begin,
                            int32_t panel_end) noexcept;

/// What a variant computes at once.
struct GemmTileShape {
  int32_t max_rows = 1;       ///< rows of a full tile
  int32_t panels = 1;         ///< panels of a full tile
  int32_t vec_panels = 1;     ///< panels of a tile of one row
  int32_t narrow_panels = 0;  ///< of a product so narrow that its full tile has
  int32_t narrow_rows = 0;    ///< so many rows
};

struct GemmKernels {
  const char* name;  ///< of the instruction set
  GemmTileShape shape;
  GemmTileFn f32;  ///< weights are float
  GemmTileFn f16;  ///< weights are IEEE half precision, finite, widened as they are loaded
};

/// The int8 product of an instruction set.
struct GemmQ8Kernels {
  const char* name;
  GemmTileShape shape;
  GemmTileFn tile;
  /// out[b]: the sum of the n values from q + b * n on, 0 <= b < bins; nullptr where the tile does
  /// not read q_sums.
  void (*sums)(const int8_t* q, int32_t bins, int32_t n, int32_t* out) noexcept;
};

extern const Variants<GemmKernels> kGemmVariants;
extern const Variants<GemmQ8Kernels> kGemmQ8Variants;

}  // namespace ligero

#endif  // LIGERO_OPS_KERNELS_GEMM_GEMM_H_
