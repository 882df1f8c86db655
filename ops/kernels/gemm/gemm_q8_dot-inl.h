// SPDX-License-Identifier: Apache-2.0
// The int8 dot products of the instruction set that a file is compiled for: Highway has none. Not:
// tiles.
//
// Each set has kRows, kMaxRows, kPanels, kVecPanels, kSums (GemmQ8Kernels::sums) and, in struct Dot,
//   Weights: a group of 4 inner rows of a panel; load(w).
//   Values: the 4 values of a row, in every lane; splat(q).
//   Sums: of 16 outputs; zero(), add(sums, weights, values).
//   join(sums, row_sum, scale, before, y): y[o] = before[o] + scale * sums[o], without `before` where
//     that is null; row_sum is that of the tap's values.
// kRows rows are summed in registers; a tile has kMaxRows of them. With kPairs two groups are taken at
// once: add_pair(). With kInRegisters a plain tile of one tap ends without a way through memory:
// scale_sums().
#include <hwy/highway.h>

#if HWY_ARCH_ARM
#include "ops/kernels/gemm/gemm_q8_dot_arm-inl.h"
#elif HWY_ARCH_WASM
#include "ops/kernels/gemm/gemm_q8_dot_wasm-inl.h"
#else
#include "ops/kernels/gemm/gemm_q8_dot_x86-inl.h"
#endif
