// SPDX-License-Identifier: Apache-2.0
// What the loops of an instruction set share. Not: the loops.
#ifndef LIGERO_PLATFORMS_CLI_BENCH_PEAK_LOOPS_INL_H_
#define LIGERO_PLATFORMS_CLI_BENCH_PEAK_LOOPS_INL_H_

#include <hwy/highway.h>

#include <type_traits>

#include "ops/kernels/unroll-inl.h"
#include "ops/kernels/variants.h"
#include "platforms/cli/bench/peak_loops.h"

namespace ligero {
namespace LIGERO_ISA {
namespace {

/// Makes the compiler forget what is in a register, that another one holds the same and that nobody
/// needs it, so that it leaves no work out. No instruction.
template <class V>
HWY_INLINE void forget(V& v) {
  if constexpr (requires { v.v; }) {
    forget(v.v);
  } else if constexpr (std::is_array_v<V>) {
    unroll<0, std::extent_v<V>>([&](auto i)
                                    LIGERO_INLINE_LAMBDA { forget(v[decltype(i)::value]); });
  } else {
#if HWY_ARCH_X86
    asm volatile("" : "+v"(v));
#else
    asm volatile("" : "+w"(v));
#endif
  }
}

}  // namespace
}  // namespace LIGERO_ISA
}  // namespace ligero

#endif  // LIGERO_PLATFORMS_CLI_BENCH_PEAK_LOOPS_INL_H_
