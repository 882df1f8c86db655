// SPDX-License-Identifier: Apache-2.0
// Attention scores of a few queries against many keys, and their softmax. Not: the weighted sum of
// the values, which is a product (gemm.h), or which keys a query may see (ops/attention.cc).
#ifndef LIGERO_OPS_KERNELS_ATTENTION_ATTENTION_H_
#define LIGERO_OPS_KERNELS_ATTENTION_ATTENTION_H_

#include <cstddef>
#include <cstdint>

#include "ops/kernels/variants.h"

namespace ligero {

/// Row i of queries or keys is at data + i * stride, `size` floats long; any alignment.
struct AttentionRows {
  const float* data = nullptr;
  int64_t stride = 0;
  int32_t count = 0;
};

/// Sums have the partial sums and the order of reduce.h, so that every instruction set with a fused
/// multiply-add gives the same bits.
inline constexpr int kAttentionPartials = 16;

/// s[i * s_stride + j] = scale * sum_n q_i[n] k_j[n]. float32; a score does not depend on the
/// queries and keys computed with it. `s` must not overlap the rows.
using AttentionScoresFn = void (*)(const AttentionRows& queries,
                                   const AttentionRows& keys,
                                   int32_t size,
                                   float scale,
                                   float* s,
                                   int64_t s_stride) noexcept;

/// x[i] = exp(x[i] - max x) / sum of those, 0 <= i < n, in place, n >= 1; any alignment. Relative
/// error 1e-6 + 1e-7 (max x - x[i]), the second from the subtraction; what is below 1e-37 may be 0.
using AttentionSoftmaxFn = void (*)(int32_t n, float* x) noexcept;

struct AttentionKernels {
  const char* name;
  AttentionScoresFn scores_f32;
  AttentionSoftmaxFn softmax_f32;
};

extern const Variants<AttentionKernels> kAttentionVariants;

}  // namespace ligero

#endif  // LIGERO_OPS_KERNELS_ATTENTION_ATTENTION_H_
