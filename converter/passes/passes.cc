// SPDX-License-Identifier: Apache-2.0
// The list of passes, in order. Not: what they do.
#include "converter/passes/passes.h"

namespace ligero {
namespace {

// Rounding only: sums are taken in another order.
constexpr double kExact = 1e-5;
// One rounding of every weight to 11 bits.
constexpr double kHalfWeights = 1e-2;
// One of every weight, and of every input, to 8 bits.
constexpr double kInt8 = 0.5;

constexpr Pass kPasses[] = {
    {"fuse_activation",
     "an activation that alone reads a product or a sum becomes its attribute",
     kExact,
     fuse_activation},
    {"fold_batch_norm",
     "a batch norm goes into the product before it or the linear layer behind it",
     kExact,
     fold_batch_norm},
    {"fuse_activation", "the same, for activations that followed a batch norm", kExact, fuse_activation},
    {"fold_gates", "attention reads one sequence as key and value; gates are folded", kExact, fold_gates},
    {"fold_constants_over_time",
     "what a product makes of constants becomes a bias map, computed once",
     kExact,
     fold_constants_over_time},
    {"remove_identity", "reshapes that change nothing go", kExact, remove_identity},
    {"settle_layout",
     "flattened sequences go bin by bin; names in the new order end in .by_bin",
     kExact,
     settle_layout},
    {"choose_weight_types", "matrices get the type asked for", 0.0, choose_weight_types},
};

}  // namespace

double weight_tolerance(Type type) {
  return type == Type::kF32 ? kExact : type == Type::kF16 ? kHalfWeights : kInt8;
}

std::span<const Pass> all_passes() {
  return kPasses;
}

}  // namespace ligero
