// SPDX-License-Identifier: Apache-2.0
// Loops unrolled at compile time, for files compiled once per instruction set. Not: what is in them.
#ifndef LIGERO_OPS_KERNELS_UNROLL_INL_H_
#define LIGERO_OPS_KERNELS_UNROLL_INL_H_

#include <hwy/highway.h>

/// Of a lambda that unroll() is given.
#define LIGERO_INLINE_LAMBDA __attribute__((always_inline))

namespace ligero {
namespace LIGERO_ISA {
namespace {

template <int I>
struct Index {
  static constexpr int value = I;
};

/// f(Index<0>) ... f(Index<N - 1>), so that arrays of sums are named registers and not memory.
template <int I, int N, class F>
HWY_INLINE void unroll(const F& f) {
  if constexpr (I < N) {
    f(Index<I>());
    unroll<I + 1, N>(f);
  }
}

}  // namespace
}  // namespace LIGERO_ISA
}  // namespace ligero

#endif  // LIGERO_OPS_KERNELS_UNROLL_INL_H_
