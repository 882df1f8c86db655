// SPDX-License-Identifier: Apache-2.0
// The product of a convolution whose every channel has a kernel of its own. Not: which rows there are
// (kernels/conv), nor groups of several channels, each of which is a matrix product (gemm.h).
#ifndef LIGERO_OPS_KERNELS_DEPTHWISE_DEPTHWISE_H_
#define LIGERO_OPS_KERNELS_DEPTHWISE_DEPTHWISE_H_

#include <cstdint>

#include "ops/kernels/gemm/gemm.h"
#include "ops/kernels/variants.h"

namespace ligero {

/// A tile as the matrix product's (gemm.h), with another sum:
///
///   y[r][o] = post(act(bias[o] + sum_k a_r[k][o] w[k][o] + sum_m add_r[m][o]))
///
/// A tap k is as many floats as there are outputs; a segment of `length` floats is one tap or several.
/// Weights are float, in panels of taps [taps][16]. Sums, order, bounds and what a row may depend on are
/// as there, and nothing past a tap's last float is read.
struct DepthwiseKernels {
  const char* name;  ///< of the instruction set
  GemmTileShape shape;
  GemmTileFn f32;
};

extern const Variants<DepthwiseKernels> kDepthwiseVariants;

}  // namespace ligero

#endif  // LIGERO_OPS_KERNELS_DEPTHWISE_DEPTHWISE_H_
