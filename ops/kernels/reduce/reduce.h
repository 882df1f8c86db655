// SPDX-License-Identifier: Apache-2.0
// Sums and maxima of arrays. Not: what is done with them.
#ifndef LIGERO_OPS_KERNELS_REDUCE_REDUCE_H_
#define LIGERO_OPS_KERNELS_REDUCE_REDUCE_H_

#include <cstddef>

namespace ligero {

/// All work in float32 in 16 interleaved partial results, element i in partial i mod 16, that are
/// joined pairwise at the end, k with k + 8, then k + 4, k + 2, k + 1: the compiler vectorises
/// them, and the rounding error of a sum of n grows with n / 16, not n. n of at least 1; any
/// alignment.

/// sum x[i]
float sum_f32(const float* x, size_t n) noexcept;

/// sum a[i] b[i]
float dot_f32(const float* a, const float* b, size_t n) noexcept;

/// sum (x[i] - centre)^2
float sum_squares_f32(const float* x, size_t n, float centre) noexcept;

/// max x[i]
float max_f32(const float* x, size_t n) noexcept;

}  // namespace ligero

#endif  // LIGERO_OPS_KERNELS_REDUCE_REDUCE_H_
