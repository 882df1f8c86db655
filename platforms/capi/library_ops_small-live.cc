// SPDX-License-Identifier: Apache-2.0
// LIGERO_OPS=small-live: what lgr-tse-small-live is made of, both of its graphs. A model that takes
// another op is refused by its name.
#include "ops/table.h"
#include "platforms/capi/library_ops.h"

namespace ligero {

OpTable library_ops() {
  static constexpr const Op* kOps[] = {
      &kLinearOp,     &kConv2dOp,    &kConv2dTransposedOp,
      &kConv2dMapOp,  &kLstmOp,      &kAttentionOp,
      &kStftOp,       &kIstftOp,     &kFbankOp,
      &kFloorDbOp,    &kRmsOp,       &kInputLevelOp,
      &kDeepFilterOp, &kMagnitudeOp, &kCompressOp,
      &kAddOp,        &kSubtractOp,  &kMultiplyOp,
      &kTanhOp,       &kLayerNormOp, &kSoftmaxOp,
      &kConcatOp,     &kSliceOp,     &kReshapeOp,
      &kTransposeOp,  &kSumChunksOp, &kTimeMeanOp,
      &kTimeStdOp,
  };
  return OpTable{kOps};
}

}  // namespace ligero
