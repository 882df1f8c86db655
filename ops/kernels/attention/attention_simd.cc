// SPDX-License-Identifier: Apache-2.0
// Scores and softmax in vectors: a block of queries times a block of keys, as many partial sums at
// a time as a vector has lanes. Not: how blocks of keys are walked (ops/attention.cc).
#include <string.h>

#include "ops/kernels/attention/attention.h"
#include "ops/kernels/unroll-inl.h"
#include "ops/kernels/variants.h"
#include "ops/kernels/vec/vec_math-inl.h"

namespace ligero {
namespace LIGERO_ISA {
namespace {

using D = hn::CappedTag<float, kAttentionPartials>;
using V = hn::Vec<D>;
using D4 = hn::CappedTag<float, 4>;
using V4 = hn::Vec<D4>;
constexpr int kLanes = static_cast<int>(hn::MaxLanes(D()));
constexpr int kRegs = kAttentionPartials / kLanes;  // vectors of partial sums

// Sums in registers: kQueries * kKeys, or for one query kKeys times kParts vectors of partial sums;
// beside them kKeys keys and a query.
#if HWY_TARGET == HWY_AVX3
constexpr int kQueries = 4;
constexpr int kParts = 1;
#elif HWY_TARGET == HWY_NEON && HWY_ARCH_ARM_A64
constexpr int kQueries = 4;
constexpr int kParts = 4;
#else
constexpr int kQueries = 2;
constexpr int kParts = 2;
#endif
constexpr int kKeys = 4;
static_assert(kRegs % kParts == 0);

/// `count` <= kLanes floats, zeros behind them.
HWY_INLINE V load_part(const float* p, int count) {
  alignas(64) float part[kLanes] = {};
  memcpy(part, p, static_cast<size_t>(count) * sizeof(float));
  return hn::Load(D(), part);
}

/// Lane k and lane k + half of the lanes, until there are four.
template <class Vec>
HWY_INLINE V4 fold(Vec v) {
  using DV = hn::DFromV<Vec>;
  if constexpr (hn::MaxLanes(DV()) == 4) {
    return v;
  } else {
    const hn::Half<DV> half;
    return fold(hn::Add(hn::LowerHalf(half, v), hn::UpperHalf(half, v)));
  }
}

/// The 16 partial sums, vector i of them part(i), joined down to four.
template <class F>
HWY_INLINE V4 fold_parts(const F& part) {
  if constexpr (kRegs == 1) {
    return fold(part(0));
  } else if constexpr (kRegs == 2) {
    return fold(hn::Add(part(0), part(1)));
  } else {
    return hn::Add(hn::Add(part(0), part(2)), hn::Add(part(1), part(3)));
  }
}

/// (v0 + v2) + (v1 + v3).
HWY_INLINE float sum_of_four(V4 v) {
  const V4 pairs = hn::Add(v, hn::Shuffle1032(v));
  return hn::GetLane(hn::Add(pairs, hn::Shuffle2301(pairs)));
}

/// sum_of_four() of each of four vectors.
HWY_INLINE V4 sums_of_four(V4 a, V4 b, V4 c, V4 d) {
  const D4 d4;
  const V4 ab = hn::Add(hn::InterleaveLower(d4, a, b), hn::InterleaveUpper(d4, a, b));
  const V4 cd = hn::Add(hn::InterleaveLower(d4, c, d), hn::InterleaveUpper(d4, c, d));
  return hn::Add(hn::ConcatLowerLower(d4, cd, ab), hn::ConcatUpperUpper(d4, cd, ab));
}

/// The rows of a block.
template <int kQ, int kK>
struct Rows {
  const float* q[kQ];
  const float* k[kK];
};

/// sums[p]: the partial sums [first + p * kLanes, ... + kLanes) of every pair of a block's rows, p
/// < kP.
template <int kQ, int kK, int kP>
HWY_INLINE void part_sums(const Rows<kQ, kK>& rows, int32_t size, int first, V (*sums)[kQ * kK]) {
  const D d;
  unroll<0, kP * kQ * kK>([&](auto i) LIGERO_INLINE_LAMBDA {
    constexpr int n = decltype(i)::value;
    sums[n / (kQ * kK)][n % (kQ * kK)] = hn::Zero(d);
  });
  const auto step = [&](auto part, const auto& load) LIGERO_INLINE_LAMBDA {
    constexpr int p = decltype(part)::value;
    V b[kK];
    unroll<0, kK>([&](auto j) LIGERO_INLINE_LAMBDA {
      constexpr int c = decltype(j)::value;
      b[c] = load(rows.k[c]);
    });
    unroll<0, kQ>([&](auto i) LIGERO_INLINE_LAMBDA {
      constexpr int r = decltype(i)::value;
      const V a = load(rows.q[r]);
      unroll<0, kK>([&](auto j) LIGERO_INLINE_LAMBDA {
        constexpr int c = decltype(j)::value;
        sums[p][r * kK + c] = hn::MulAdd(a, b[c], sums[p][r * kK + c]);
      });
    });
  };
  int32_t n = first;
  for (; n + kP * kLanes <= size; n += kAttentionPartials) {
    unroll<0, kP>([&](auto part) LIGERO_INLINE_LAMBDA {
      const int32_t at = n + decltype(part)::value * kLanes;
      step(part, [&](const float* x) LIGERO_INLINE_LAMBDA { return hn::LoadU(d, x + at); });
    });
  }
  unroll<0, kP>([&](auto part) LIGERO_INLINE_LAMBDA {
    const int32_t at = n + decltype(part)::value * kLanes;
    if (at < size) {
      const int count = size - at < kLanes ? size - at : kLanes;
      step(part, [&](const float* x) LIGERO_INLINE_LAMBDA { return load_part(x + at, count); });
    }
  });
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
  Rows<kQ, kK> rows;
  unroll<0, kQ>([&](auto i) LIGERO_INLINE_LAMBDA {
    constexpr int r = decltype(i)::value;
    rows.q[r] = queries.data + (first_query + r) * queries.stride;
  });
  unroll<0, kK>([&](auto j) LIGERO_INLINE_LAMBDA {
    constexpr int c = decltype(j)::value;
    rows.k[c] = keys.data + (first_key + c) * keys.stride;
  });
  V sums[kRegs][kQ * kK];
  constexpr int kP = kQ == 1 ? kParts : 1;
  unroll<0, kRegs / kP>([&](auto i) LIGERO_INLINE_LAMBDA {
    constexpr int p = decltype(i)::value * kP;
    part_sums<kQ, kK, kP>(rows, size, p * kLanes, sums + p);
  });
  unroll<0, kQ>([&](auto i) LIGERO_INLINE_LAMBDA {
    constexpr int r = decltype(i)::value;
    V4 four[kK];
    unroll<0, kK>([&](auto j) LIGERO_INLINE_LAMBDA {
      constexpr int c = decltype(j)::value;
      four[c] = fold_parts([&](int part) LIGERO_INLINE_LAMBDA { return sums[part][r * kK + c]; });
    });
    float* out = s + (first_query + r) * s_stride + first_key;
    if constexpr (kK == 4) {
      const D4 d4;
      const V4 all = sums_of_four(four[0], four[1], four[2], four[3]);
      hn::StoreU(hn::Mul(all, hn::Set(d4, scale)), d4, out);
    } else {
      static_assert(kK == 1);
      *out = scale * sum_of_four(four[0]);
    }
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
  V sums[kRegs];
  unroll<0, kRegs>([&](auto part)
                       LIGERO_INLINE_LAMBDA { sums[decltype(part)::value] = hn::Zero(d); });
  for (i = 0; i + kAttentionPartials <= n; i += kAttentionPartials) {
    unroll<0, kRegs>([&](auto part) LIGERO_INLINE_LAMBDA {
      constexpr int p = decltype(part)::value;
      float* at = x + i + p * kLanes;
      const V e = exp_falling_v(d, hn::Sub(hn::LoadU(d, at), shift));
      hn::StoreU(e, d, at);
      sums[p] = hn::Add(sums[p], e);
    });
  }
  if (i < n) {
    alignas(64) float rest[kAttentionPartials] = {};
    const size_t rest_bytes = static_cast<size_t>(n - i) * sizeof(float);
    memcpy(rest, x + i, rest_bytes);
    unroll<0, kRegs>([&](auto part) LIGERO_INLINE_LAMBDA {
      float* at = rest + decltype(part)::value * kLanes;
      hn::Store(exp_falling_v(d, hn::Sub(hn::Load(d, at), shift)), d, at);
    });
    memcpy(x + i, rest, rest_bytes);
    memset(rest + (n - i), 0, sizeof(rest) - rest_bytes);
    unroll<0, kRegs>([&](auto part) LIGERO_INLINE_LAMBDA {
      constexpr int p = decltype(part)::value;
      sums[p] = hn::Add(sums[p], hn::Load(d, rest + p * kLanes));
    });
  }
  const float total =
      sum_of_four(fold_parts([&](int part) LIGERO_INLINE_LAMBDA { return sums[part]; }));
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
