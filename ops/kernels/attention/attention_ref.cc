// SPDX-License-Identifier: Apache-2.0
// Scores and softmax, one number at a time: the specification.
#include <cmath>

#include "ops/kernels/attention/attention.h"
#include "ops/kernels/reduce/reduce.h"

namespace ligero::ref {
namespace {

void scores_f32(const AttentionRows& queries,
                const AttentionRows& keys,
                int32_t size,
                float scale,
                float* s,
                int64_t s_stride) noexcept {
  const auto count = static_cast<size_t>(size);
  for (int32_t i = 0; i < queries.count; ++i) {
    const float* q = queries.data + i * queries.stride;
    for (int32_t j = 0; j < keys.count; ++j) {
      s[i * s_stride + j] = scale * dot_f32(q, keys.data + j * keys.stride, count);
    }
  }
}

void softmax_f32(int32_t n, float* x) noexcept {
  const auto count = static_cast<size_t>(n);
  const float largest = max_f32(x, count);
  for (int32_t i = 0; i < n; ++i) {
    x[i] = std::exp(x[i] - largest);
  }
  const float sum = sum_f32(x, count);
  for (int32_t i = 0; i < n; ++i) {
    x[i] /= sum;
  }
}

}  // namespace

extern const AttentionKernels kAttention;
const AttentionKernels kAttention = {"ref", scores_f32, softmax_f32};

}  // namespace ligero::ref

LIGERO_VARIANTS(LIGERO_FOR_EACH_ISA, AttentionKernels, kAttention)
