// SPDX-License-Identifier: Apache-2.0
// Multiply-adds in float on registers, and reading, compiled once per instruction set.
#include "platforms/cli/bench/peak_loops-inl.h"

namespace ligero {
namespace LIGERO_ISA {
namespace {

namespace hn = hwy::HWY_NAMESPACE;
using D = hn::CappedTag<float, 16>;
using V = hn::Vec<D>;
constexpr size_t kLanes = hn::MaxLanes(D());
/// Enough independent sums for two pipes of six cycles each.
constexpr int kSums = 12;
constexpr int kReads = 8;

void multiply_add(int64_t rounds) noexcept {
  const D d;
  V sum[kSums];
  unroll<0, kSums>([&](auto i) LIGERO_INLINE_LAMBDA {
    sum[decltype(i)::value] = hn::Zero(d);
    forget(sum[decltype(i)::value].raw);
  });
  V a = hn::Set(d, 0.5f);
  V b = hn::Set(d, 0.25f);
  for (int64_t n = 0; n < rounds; ++n) {
    forget(a.raw);
    forget(b.raw);
    unroll<0, kSums>([&](auto i) LIGERO_INLINE_LAMBDA {
      sum[decltype(i)::value] = hn::MulAdd(a, b, sum[decltype(i)::value]);
    });
  }
  unroll<0, kSums>([&](auto i) LIGERO_INLINE_LAMBDA { forget(sum[decltype(i)::value].raw); });
}

void read(const float* x, size_t n) noexcept {
  const D d;
  V sum[kReads];
  unroll<0, kReads>([&](auto i) LIGERO_INLINE_LAMBDA {
    sum[decltype(i)::value] = hn::Zero(d);
    forget(sum[decltype(i)::value].raw);
  });
  for (size_t at = 0; at < n; at += kReads * kLanes) {
    unroll<0, kReads>([&](auto i) LIGERO_INLINE_LAMBDA {
      constexpr int k = decltype(i)::value;
      sum[k] = hn::Add(sum[k], hn::Load(d, x + at + k * kLanes));
    });
  }
  unroll<0, kReads>([&](auto i) LIGERO_INLINE_LAMBDA { forget(sum[decltype(i)::value].raw); });
}

}  // namespace

extern const cli::PeakLoops kPeakLoops;
const cli::PeakLoops kPeakLoops = {{double{kSums} * kLanes, multiply_add}, read};

}  // namespace LIGERO_ISA
}  // namespace ligero
