// The one matrix product: rows gathered through pointers, times weights in panels, plus an
// epilogue. Linear layers, convolutions of every form and LSTM steps are this kernel. Not: the
// tiles of an instruction set (gemm_simd.cc, gemm_q8_simd.cc), how an op describes its rows
// (the ops), or the convolutions that are several smaller products (winograd.h).
//
//   y[r][o] = post(act(bias[o] + sum_k a_r[k] w[k][o] + sum_m add_r[m][o]))
//
// a_r is made of `segments` pieces of `length` contiguous floats, k running through them in order.
// Accumulation: float32, one sum for each output, k ascending from 0, then bias, then add rows in
// order (but winograd.h); in vectors with fused multiply-add where the set has it. An output does
// not depend on the rows or panels computed with it, so a frame alone equals the same frame in a
// block, bit for bit. Against exact arithmetic the error is at most (inner + 4) * 2^-24 * sum |a
// w|, and that of the activation (vec.h).
//
// With int8 weights the rows are int8 too: q = round(a / s) in [-127, 127], with one scale s for
// each frame of the input, its largest magnitude over 127. The products of one tap in time share a
// scale: they are summed in int32, exactly and alike on every instruction set, and the taps are
// joined in float32, in order: sum_k a_r[k] w[k][o] is (sum_tap s_tap * sum_int32) * scale[o]. A
// frame's q and s depend on nothing but the frame, so streaming equals offline here as well.
#ifndef LIGERO_OPS_KERNELS_GEMM_GEMM_H_
#define LIGERO_OPS_KERNELS_GEMM_GEMM_H_

#include <cstddef>
#include <cstdint>

#include "ops/kernels/variants.h"
#include "ops/kernels/vec/vec.h"
#include "runtime/base/parallel.h"

namespace ligero {

/// Outputs in a panel, as in the file's layout.
inline constexpr int kGemmPanel = 16;
/// Inner rows of int8 weights that lie side by side for each output.
inline constexpr int kGemmQ8Group = 4;
/// Largest magnitude of an int8 value, and the magnitude below which a frame counts as zero.
inline constexpr float kQ8Max = 127.0f;
inline constexpr float kQ8Smallest = 0x1p-119f;
/// Most int8 products of one sum: 127 * 127 of each stay below 2^31.
inline constexpr int64_t kGemmQ8MaxInner = 1 << 17;
/// Most rows of a tile in any variant.
inline constexpr int kGemmMaxRows = 8;
/// Below this many multiply-adds waking a thread costs more than it saves.
inline constexpr int64_t kConvMinMacsPerThread = 200 * 1000;
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
  GemmTileFn f16;  ///< weights are IEEE half precision, widened as they are loaded
};

/// The int8 product of an instruction set.
struct GemmQ8Kernels {
  const char* name;
  GemmTileShape shape;
  GemmTileFn tile;
  /// q[i] = round(x[i] * (127 / max |x|)), ties to even, for 0 <= i < n; returns s = max |x| / 127.
  /// All q and s are 0 where max |x| is below kQ8Smallest, whose inverse is still finite.
  /// With a value that is not finite all q are 0 and s is NaN, so that what follows is no number.
  float (*quantize)(const float* x, int64_t n, int8_t* q) noexcept;
  /// out[b]: the sum of the n values from q + b * n on, 0 <= b < bins; nullptr where the tile does
  /// not read q_sums.
  void (*sums)(const int8_t* q, int32_t bins, int32_t n, int32_t* out) noexcept;
};

struct Winograd;

extern const Variants<GemmKernels> kGemmVariants;
extern const Variants<GemmQ8Kernels> kGemmQ8Variants;

/// Rows of A: row (t, b), t a frame and b < out_bins, takes from frame t + i * dilation_t - past, 0
/// <= i < taps_t, the bins b * stride_f + j * dilation_f - pad_f, 0 <= j < taps_f; inner order (i,
/// j, channel). Bins outside [0, bins) are zero.
struct ConvRows {
  const float* x = nullptr;  ///< frame 0, bin 0, channel 0
  int64_t frame_stride = 0;  ///< floats; a bin is `channels` floats
  int32_t bins = 1;
  int32_t channels = 0;
  int32_t out_bins = 1;
  int32_t stride_f = 1;
  int32_t taps_t = 1;
  int32_t dilation_t = 1;
  int32_t past = 0;
  int32_t taps_f = 1;
  int32_t dilation_f = 1;
  int32_t pad_f = 0;
  /// `channels` zeros, where a bin can fall outside; or nullptr where a tap is outside in every row
  /// or in none, and not int8: such taps are left out.
  const float* zeros = nullptr;
  int32_t mirror_frames = 0;  ///< 0, or F: frames outside [0, F) are mirrored at 0 and F - 1

  /// Every row's taps of a frame are one piece of memory.
  bool merged() const {
    return pad_f == 0 && dilation_f == 1 &&
           static_cast<int64_t>(out_bins - 1) * stride_f + taps_f <= bins;
  }
};

/// Where row (t, b) goes: y + t * frame_stride + b * bin_stride.
struct ConvOutput {
  float* y = nullptr;
  int64_t frame_stride = 0;
  int64_t bin_stride = 0;
};

/// What is added to row (t, b): the `taps` rows data + t * frame_stride + b * bin_stride + m *
/// tap_stride; with total_frames >= 0 only those m whose frame first_frame + t + m * dilation -
/// past lies in [0, total_frames).
struct ConvAdd {
  const float* data = nullptr;  ///< nullptr: nothing
  int64_t frame_stride = 0;
  int64_t bin_stride = 0;
  int64_t tap_stride = 0;
  int32_t taps = 1;
  int32_t dilation = 1;
  int32_t past = 0;
  int64_t first_frame = 0;
  int64_t total_frames = -1;
};

struct ConvProblem {
  GemmTileFn tile = nullptr;
  GemmTileShape shape;
  int32_t weight_bytes = 4;  ///< of one weight
  /// int8 only: else nullptr. rows.channels is then a multiple of 4.
  const GemmQ8Kernels* q8 = nullptr;
  const Winograd* winograd = nullptr;  ///< a convolution with fewer multiplications: winograd.h
  /// 64-byte aligned; conv_q8_scratch_bytes() or winograd_scratch_bytes(), else none.
  void* scratch = nullptr;
  /// The order of the panels, of no consequence to the result. A product that is taken again and
  /// again with weights larger than a cache finds the last of them there if it turns around.
  bool last_panels_first = false;
  GemmWeights weights;
  GemmEpilogue epilogue;
  ConvRows rows;
  ConvOutput output;
  ConvAdd add;
};

/// Bytes of `scratch` for int8 products of these rows, of at most `frames` frames at a time: some
/// frames of the input as int8, their scales and the sums of their bins.
size_t conv_q8_scratch_bytes(const ConvRows& rows, int32_t frames);

/// The add rows of row (t, b): the first one, and their number.
const float* conv_add_rows(const ConvAdd& add, int32_t t, int32_t b, int32_t* count);

/// Computes `frames` * out_bins rows of each of `count` problems, on the pool's threads where the
/// work is worth it. The problems differ only in weights, epilogue, output, out_bins, zeros and the
/// taps along bins: int8 rows are made once for all. Real-time safe. Uses about 16 KB of stack.
void convolve(const ConvProblem* problems, int32_t count, int32_t frames, Parallel* pool) noexcept;

inline void convolve(const ConvProblem& problem, int32_t frames, Parallel* pool) noexcept {
  convolve(&problem, 1, frames, pool);
}

}  // namespace ligero

#endif  // LIGERO_OPS_KERNELS_GEMM_GEMM_H_
