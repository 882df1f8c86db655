// SPDX-License-Identifier: Apache-2.0
// Walks over the rows of a product: which frames and bins a row takes, which tiles (gemm.h) there
// are, in which order and on which threads. A linear layer is a convolution of one tap. Not:
// arithmetic, nor the convolutions that are several smaller products (winograd.h).
//
// Rows of int8 are made on the way, some frames at a time (quantize.h). A frame's values and scale
// depend on nothing but the frame, so streaming equals offline here as well.
#ifndef LIGERO_OPS_KERNELS_CONV_CONV_H_
#define LIGERO_OPS_KERNELS_CONV_CONV_H_

#include <cstddef>
#include <cstdint>

#include "ops/kernels/gemm/gemm.h"
#include "ops/kernels/quantize/quantize.h"
#include "runtime/base/parallel.h"

namespace ligero {

/// Below this many multiply-adds waking a thread costs more than it saves.
inline constexpr int64_t kConvMinMacsPerThread = 200 * 1000;

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
    return pad_f <= 0 && dilation_f == 1 &&
           static_cast<int64_t>(out_bins - 1) * stride_f + taps_f - pad_f <= bins;
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
  int32_t taps = 1;
  int64_t frame_stride = 0;
  int64_t bin_stride = 0;
  int64_t tap_stride = 0;
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
  const QuantizeKernels* quantize = nullptr;
  /// 64-byte aligned; int8 only: conv_q8_scratch_bytes().
  void* scratch = nullptr;
  /// Every output reads its own channel alone (depthwise.h): of no consequence but to the threads.
  bool single_channels = false;
  /// The order of the panels, of no consequence to the result. A product that is taken again and
  /// again with weights larger than a cache finds the last of them there if it turns around.
  bool last_panels_first = false;
  /// Products of rows that lie `bank_stride` input bins apart, each with weights of its own. The
  /// panels and scales of a bank, and the `outputs` values of its bias, slopes, post_scale and
  /// post_shift, follow those of the bank before; so do its `outputs` floats of output.
  int32_t banks = 1;
  int32_t bank_stride = 0;
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

/// Computes `frames` * out_bins rows of each bank of each of `count` problems, on the pool's threads where the
/// work is worth it. The problems differ only in weights, epilogue, output, out_bins, zeros and the
/// taps along bins: int8 rows are made once for all. Real-time safe. Uses about 16 KB of stack.
void convolve(const ConvProblem* problems, int32_t count, int32_t frames, Parallel* pool) noexcept;

inline void convolve(const ConvProblem& problem, int32_t frames, Parallel* pool) noexcept {
  convolve(&problem, 1, frames, pool);
}

}  // namespace ligero

#endif  // LIGERO_OPS_KERNELS_CONV_CONV_H_
