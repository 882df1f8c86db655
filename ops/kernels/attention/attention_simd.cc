// Scores and softmax in vectors: a block of queries times a block of keys, one vector of partial
// sums each. Not: how blocks of keys are walked (ops/attention.cc).
#include <string.h>

#include "ops/kernels/attention/attention.h"
#include "ops/kernels/unroll-inl.h"
#include "ops/kernels/variants.h"
#include "ops/kernels/vec/vec_math-inl.h"

namespace ligero {
namespace LIGERO_ISA {
namespace {

using D = hn::CappedTag<float, 16>;
using V = hn::Vec<D>;
constexpr int kLanes = static_cast<int>(hn::MaxLanes(D()));

// kQueries * kKeys sums, kKeys keys and a query in registers.
#if HWY_TARGET == HWY_AVX3 || (HWY_TARGET == HWY_NEON && HWY_ARCH_ARM_A64)
constexpr int kQueries = 4;
constexpr int kKeys = 4;
#else
constexpr int kQueries = 2;
constexpr int kKeys = 4;
#endif

/// `count` < kLanes floats, zeros behind them.
HWY_INLINE V load_part(const float* p, int count) {
  alignas(64) float part[kLanes] = {};
  memcpy(part, p, static_cast<size_t>(count) * sizeof(float));
  return hn::Load(D(), part);
}

template <int kQ, int kK>
HWY_NOINLINE void block(const AttentionRows& queries,
                        const AttentionRows& keys,
                        int32_t first_query,
                        int32_t first_key,
                        int32_t size,
                        float scale,
                        float* s,
                        int64_t s_stride) {
  const D d;
  const float* q[kQ];
  const float* k[kK];
  V sums[kQ][kK];
  unroll<0, kQ>([&](auto i) LIGERO_INLINE_LAMBDA {
    constexpr int r = decltype(i)::value;
    q[r] = queries.data + (first_query + r) * queries.stride;
  });
  unroll<0, kK>([&](auto j) LIGERO_INLINE_LAMBDA {
    constexpr int c = decltype(j)::value;
    k[c] = keys.data + (first_key + c) * keys.stride;
  });
  unroll<0, kQ * kK>([&](auto i) LIGERO_INLINE_LAMBDA {
    constexpr int n = decltype(i)::value;
    sums[n / kK][n % kK] = hn::Zero(d);
  });
  const auto step = [&](const auto& load) LIGERO_INLINE_LAMBDA {
    V b[kK];
    unroll<0, kK>([&](auto j) LIGERO_INLINE_LAMBDA {
      constexpr int c = decltype(j)::value;
      b[c] = load(k[c]);
    });
    unroll<0, kQ>([&](auto i) LIGERO_INLINE_LAMBDA {
      constexpr int r = decltype(i)::value;
      const V a = load(q[r]);
      unroll<0, kK>([&](auto j) LIGERO_INLINE_LAMBDA {
        constexpr int c = decltype(j)::value;
        sums[r][c] = hn::MulAdd(a, b[c], sums[r][c]);
      });
    });
  };
  int32_t n = 0;
  for (; n + kLanes <= size; n += kLanes) {
    step([&](const float* p) LIGERO_INLINE_LAMBDA { return hn::LoadU(d, p + n); });
  }
  if (n < size) {
    step([&](const float* p) LIGERO_INLINE_LAMBDA { return load_part(p + n, size - n); });
  }
  unroll<0, kQ * kK>([&](auto i) LIGERO_INLINE_LAMBDA {
    constexpr int m = decltype(i)::value;
    const float sum = hn::GetLane(hn::SumOfLanes(d, sums[m / kK][m % kK]));
    s[(first_query + m / kK) * s_stride + first_key + m % kK] = scale * sum;
  });
}

/// All queries against keys [first_key, first_key + kK).
template <int kK>
void column(const AttentionRows& queries,
            const AttentionRows& keys,
            int32_t first_key,
            int32_t size,
            float scale,
            float* s,
            int64_t s_stride) {
  int32_t i = 0;
  for (; i + kQueries <= queries.count; i += kQueries) {
    block<kQueries, kK>(queries, keys, i, first_key, size, scale, s, s_stride);
  }
  for (; i < queries.count; ++i) {
    block<1, kK>(queries, keys, i, first_key, size, scale, s, s_stride);
  }
}

void scores_f32(const AttentionRows& queries,
                const AttentionRows& keys,
                int32_t size,
                float scale,
                float* s,
                int64_t s_stride) noexcept {
  int32_t j = 0;
  for (; j + kKeys <= keys.count; j += kKeys) {
    column<kKeys>(queries, keys, j, size, scale, s, s_stride);
  }
  for (; j < keys.count; ++j) {
    column<1>(queries, keys, j, size, scale, s, s_stride);
  }
}

void softmax_f32(int32_t n, float* x) noexcept {
  const D d;
  V most = hn::Set(d, x[0]);
  int32_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    most = hn::Max(most, hn::LoadU(d, x + i));
  }
  float largest = hn::GetLane(hn::MaxOfLanes(d, most));
  for (int32_t j = i; j < n; ++j) {
    largest = x[j] > largest ? x[j] : largest;
  }
  const V shift = hn::Set(d, largest);
  V sums = hn::Zero(d);
  for (i = 0; i + kLanes <= n; i += kLanes) {
    const V e = exp_v(d, hn::Sub(hn::LoadU(d, x + i), shift));
    hn::StoreU(e, d, x + i);
    sums = hn::Add(sums, e);
  }
  const size_t rest_bytes = static_cast<size_t>(n - i) * sizeof(float);
  if (i < n) {
    alignas(64) float rest[kLanes] = {};
    memcpy(rest, x + i, rest_bytes);
    hn::Store(exp_v(d, hn::Sub(hn::Load(d, rest), shift)), d, rest);
    memcpy(x + i, rest, rest_bytes);
    sums = hn::Add(sums, load_part(x + i, n - i));
  }
  const float total = hn::GetLane(hn::SumOfLanes(d, sums));
  const V inverse = hn::Set(d, 1.0f / total);
  for (i = 0; i + kLanes <= n; i += kLanes) {
    hn::StoreU(hn::Mul(hn::LoadU(d, x + i), inverse), d, x + i);
  }
  for (; i < n; ++i) {
    x[i] *= 1.0f / total;
  }
}

}  // namespace

extern const AttentionKernels kAttention;
const AttentionKernels kAttention = {LIGERO_ISA_NAME, scores_f32, softmax_f32};

}  // namespace LIGERO_ISA
}  // namespace ligero
