// Scores and softmax, one number at a time: the specification.
#include <cmath>

#include "ops/kernels/attention/attention.h"

namespace ligero::ref {
namespace {

void scores_f32(const AttentionRows& queries,
                const AttentionRows& keys,
                int32_t size,
                float scale,
                float* s,
                int64_t s_stride) noexcept {
  for (int32_t i = 0; i < queries.count; ++i) {
    const float* q = queries.data + i * queries.stride;
    for (int32_t j = 0; j < keys.count; ++j) {
      const float* k = keys.data + j * keys.stride;
      float sum = 0.0f;
      for (int32_t n = 0; n < size; ++n) {
        sum += q[n] * k[n];
      }
      s[i * s_stride + j] = scale * sum;
    }
  }
}

void softmax_f32(int32_t n, float* x) noexcept {
  float largest = x[0];
  for (int32_t i = 1; i < n; ++i) {
    largest = x[i] > largest ? x[i] : largest;
  }
  float sum = 0.0f;
  for (int32_t i = 0; i < n; ++i) {
    x[i] = std::exp(x[i] - largest);
    sum += x[i];
  }
  for (int32_t i = 0; i < n; ++i) {
    x[i] /= sum;
  }
}

}  // namespace

extern const AttentionKernels kAttention;
const AttentionKernels kAttention = {"ref", scores_f32, softmax_f32};

}  // namespace ligero::ref
