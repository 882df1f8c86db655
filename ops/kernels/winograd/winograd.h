// SPDX-License-Identifier: Apache-2.0
// Convolution along bins with fewer multiplications: Winograd's minimal filtering in one dimension
// (Lavin and Gray, "Fast algorithms for convolutional neural networks", sections 3 and 4). Not: the
// products it is made of, or which ops ask for it.
//
// A group of m = 9 - taps_f neighbouring outputs takes 8 bins d. As polynomials, known from their
// values at the points 0, 1, -1, 2, -2, 1/2, -1/2 and infinity,
//
//   y = A^T [(G w) . (B^T d)]
//
// costs 8 multiplications and not m * taps_f. Summed over channels and taps in time, a point's are
// a matrix product (gemm.h) whose rows are the groups of a frame; between B^T and A^T stand eight
// of them. Frames with a dilation are taken in their own order, some at a time, so that a frame is
// transformed once for all of its taps but where one lot ends and the next begins.
//
// Accumulation: float32, in an order that depends on an output's place in its frame and on nothing
// else, so that a frame alone equals the same frame in a block, bit for bit; add rows come before
// the bias. Against exact arithmetic the error is at most 40 * (taps_t * channels + 16) * 2^-24 *
// sum |a| |w|, where `a` is the largest value that the channel has among the group's 8 bins; it is
// usually about three times that of the plain sum. A value that is no number spoils its whole
// group.
#ifndef LIGERO_OPS_KERNELS_WINOGRAD_WINOGRAD_H_
#define LIGERO_OPS_KERNELS_WINOGRAD_WINOGRAD_H_

#include <cstddef>
#include <cstdint>

#include "ops/kernels/conv/conv.h"
#include "ops/kernels/variants.h"

namespace ligero {

/// Points, and bins that a group of outputs takes.
inline constexpr int kWinogradPoints = 8;
/// Channels and outputs are multiples of this.
inline constexpr int kWinogradLanes = 16;

/// Groups of a frame's bins. Outputs of a group: 9 - taps.
struct WinogradFrame {
  int32_t taps = 0;  ///< along bins, 3 .. 7
  int32_t pad = 0;   ///< bins before bin 0
  int32_t bins = 0;
  int32_t channels = 0;
  int32_t out_bins = 0;
  int32_t outputs = 0;
  const float* zeros = nullptr;  ///< `channels` zeros: a bin outside

  int32_t group() const {
    return kWinogradPoints + 1 - taps;
  }
  int32_t groups() const {
    return (out_bins + group() - 1) / group();
  }
};

struct WinogradKernels {
  const char* name;  ///< of the instruction set
  /// B^T d: x [bins][channels] to points [8][groups][channels], a point point_stride floats after
  /// the last.
  void (*input)(const WinogradFrame& frame, const float* x, float* points, int64_t point_stride);
  /// A^T of points [8][groups][outputs] to y [out_bins][outputs], a bin bin_stride floats after the
  /// last.
  void (*output)(const WinogradFrame& frame,
                 const float* points,
                 int64_t point_stride,
                 float* y,
                 int64_t bin_stride);
};

/// What such a convolution has beside its own tile and weights.
struct Winograd {
  const WinogradKernels* kernels = nullptr;
  GemmTileFn tile = nullptr;       ///< of float weights
  const float* weights = nullptr;  ///< G w: panels [8][taps_t * channels][outputs]
};

extern const Variants<WinogradKernels> kWinogradVariants;

/// Whether a convolution is one of these, and faster so: float weights, 3 to 7 neighbouring taps,
/// enough channels that the transforms, in vectors, are little beside the products, and enough bins
/// that a frame alone, in a stream, is worth more weights to read.
inline bool winograd_serves(const ConvProblem& p) {
  constexpr int32_t kFewest = 2 * kWinogradLanes;
  constexpr int32_t kFewestBins = 64;
  const ConvRows& r = p.rows;
  return kVectorIsas > 0 && p.q8 == nullptr && r.stride_f == 1 && r.dilation_f == 1 &&
         r.mirror_frames == 0 && r.taps_f >= 3 && r.taps_f <= 7 && r.channels >= kFewest &&
         r.channels % kWinogradLanes == 0 && p.weights.outputs >= kFewest &&
         p.weights.outputs % kWinogradLanes == 0 && r.out_bins >= kFewestBins;
}

/// Bytes of what make_winograd() makes of a problem that winograd_serves().
size_t winograd_data_bytes(const ConvProblem& problem);

/// Makes a Winograd for such a processor in `data`, 64-byte aligned. Load time.
Winograd* make_winograd(const ConvProblem& problem, uint32_t cpu, void* data);

/// Bytes of `scratch` for at most `frames` frames at a time.
size_t winograd_scratch_bytes(const ConvProblem& problem, int32_t frames);

/// convolve() of the problem that `winograd` was made of, on such scratch.
void winograd(const Winograd& winograd,
              const ConvProblem& problem,
              int32_t frames,
              Parallel* pool) noexcept;

}  // namespace ligero

#endif  // LIGERO_OPS_KERNELS_WINOGRAD_WINOGRAD_H_
