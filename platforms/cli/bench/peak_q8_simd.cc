// SPDX-License-Identifier: Apache-2.0
// The int8 dot products that the kernels take, on registers, compiled once per instruction set.
#include "ops/kernels/gemm/gemm_q8_dot-inl.h"
#include "platforms/cli/bench/peak_loops-inl.h"

namespace ligero {
namespace LIGERO_ISA {
namespace {

constexpr int kPanelOutputs = 16;
constexpr int kGroup = 4;

void dot_products(int64_t rounds) noexcept {
  alignas(64) const int8_t ones[kPanelOutputs * kGroup] = {1};
  Dot::Weights weights[kPanels];
  Dot::Sums sums[kRows][kPanels];
  unroll<0, kPanels>([&](auto j) LIGERO_INLINE_LAMBDA {
    weights[decltype(j)::value] = Dot::load(ones);
    forget(weights[decltype(j)::value]);
    unroll<0, kRows>([&](auto i) LIGERO_INLINE_LAMBDA {
      sums[decltype(i)::value][decltype(j)::value] = Dot::zero();
      forget(sums[decltype(i)::value][decltype(j)::value]);
    });
  });
  Dot::Values values = Dot::splat(ones);
  for (int64_t n = 0; n < rounds; ++n) {
    unroll<0, kRows>([&](auto i) LIGERO_INLINE_LAMBDA {
      forget(values);
      unroll<0, kPanels>([&](auto j) LIGERO_INLINE_LAMBDA {
        Dot::add(sums[decltype(i)::value][decltype(j)::value], weights[decltype(j)::value], values);
      });
    });
  }
  unroll<0, kRows * kPanels>([&](auto i) LIGERO_INLINE_LAMBDA {
    forget(sums[decltype(i)::value / kPanels][decltype(i)::value % kPanels]);
  });
}

}  // namespace

extern const cli::PeakLoop kPeakQ8Loop;
const cli::PeakLoop kPeakQ8Loop = {double{kRows} * kPanels * kPanelOutputs * kGroup, dot_products};

}  // namespace LIGERO_ISA
}  // namespace ligero
