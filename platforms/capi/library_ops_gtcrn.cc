// SPDX-License-Identifier: Apache-2.0
// LIGERO_OPS=gtcrn: what the folded GTCRN is made of. A model that takes another op is refused by its
// name.
#include "ops/table.h"
#include "platforms/capi/library_ops.h"

namespace ligero {

OpTable library_ops() {
  static constexpr const Op* kOps[] = {
      &kLinearOp,    &kConv2dOp,          &kConv2dTransposedOp,
      &kGruOp,       &kStftOp,            &kIstftOp,
      &kMagnitudeOp, &kComplexMultiplyOp, &kAddOp,
      &kMultiplyOp,  &kSquareOp,          &kLayerNormOp,
      &kConcatOp,    &kSliceOp,           &kReshapeOp,
      &kTransposeOp, &kChannelShuffleOp,  &kSumChunksOp,
  };
  return OpTable{kOps};
}

}  // namespace ligero
