// SPDX-License-Identifier: Apache-2.0
// The walk over the rows of a convolution, for floats (conv.cc) and for int8 that is made some
// frames at a time (conv_q8.cc). Not: what others call (conv.h).
#ifndef LIGERO_OPS_KERNELS_CONV_WALK_H_
#define LIGERO_OPS_KERNELS_CONV_WALK_H_

#include "ops/kernels/conv/conv.h"

namespace ligero {

/// An input from frame `first` on: its bin 0, channel 0, and zeros for a bin outside.
template <typename T>
struct ConvSource {
  const T* x = nullptr;
  const T* zeros = nullptr;
  int64_t frame_stride = 0;
  int32_t first = 0;
};

/// The input of a product: floats, or int8, the scales of its frames and, for variants that ask for
/// them, the sums of its bins.
struct ConvInput {
  ConvSource<float> f32;
  ConvSource<int8_t> q8;
  const float* scales = nullptr;
  const int32_t* sums = nullptr;  ///< [frames][bins]
};

/// Computes the rows [begin, end) of every bank of a problem, over the pool's threads where the
/// work is worth it.
void walk_rows(const ConvProblem& problem,
               const ConvInput& input,
               int32_t begin,
               int32_t end,
               Parallel* pool) noexcept;

/// Whether a problem of `frames` frames is one row whose taps are one piece of one frame, with
/// weights that fit in the second-level cache and are too few to wake a thread for: a step of a
/// recurrence, a small layer of a hop.
bool is_small_row(const ConvProblem& problem, int32_t frames) noexcept;

/// convolve() of a small row: what walk_rows() comes to, without the walk, which would take as long
/// as the product.
void convolve_small_row(const ConvProblem& problem) noexcept;

/// convolve() of problems with int8 weights.
void convolve_q8(const ConvProblem* problems,
                 int32_t count,
                 int32_t frames,
                 Parallel* pool) noexcept;

}  // namespace ligero

#endif  // LIGERO_OPS_KERNELS_CONV_WALK_H_
