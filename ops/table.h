// SPDX-License-Identifier: Apache-2.0
// The list of ops, written out by hand. Applications may hand the runtime a shorter one.
#ifndef LIGERO_OPS_TABLE_H_
#define LIGERO_OPS_TABLE_H_

#include "runtime/op.h"

/// A row for each op.
// clang-format off
#define LIGERO_EVERY_OP(X) \
  /* Products */ \
  X(kLinearOp) \
  X(kBandLinearOp) \
  X(kConv2dOp) \
  X(kConv2dTransposedOp) \
  X(kConv2dMapOp) \
  X(kLstmOp) \
  X(kGruOp) \
  X(kAttentionOp) \
  /* Signal */ \
  X(kStftOp) \
  X(kIstftOp) \
  X(kFbankOp) \
  X(kFloorDbOp) \
  X(kRmsOp) \
  X(kInputLevelOp) \
  X(kDeepFilterOp) \
  X(kMagnitudeOp) \
  X(kCompressOp) \
  X(kComplexMultiplyOp) \
  /* Elementwise, shapes, statistics */ \
  X(kAddOp) \
  X(kSubtractOp) \
  X(kMultiplyOp) \
  X(kDivideOp) \
  X(kReluOp) \
  X(kSigmoidOp) \
  X(kTanhOp) \
  X(kGeluOp) \
  X(kEluOp) \
  X(kSquareOp) \
  X(kSqrtOp) \
  X(kPowerOp) \
  X(kPreluOp) \
  X(kLeakyReluOp) \
  X(kBatchNormOp) \
  X(kLayerNormOp) \
  X(kCumulativeNormOp) \
  X(kSoftmaxOp) \
  X(kConcatOp) \
  X(kSliceOp) \
  X(kReshapeOp) \
  X(kTransposeOp) \
  X(kChannelShuffleOp) \
  X(kSumChunksOp) \
  X(kTimeMeanOp) \
  X(kTimeStdOp)
// clang-format on

namespace ligero {

/// Every op of this build.
OpTable all_ops();

#define LIGERO_DECLARE(op) extern const Op op;
LIGERO_EVERY_OP(LIGERO_DECLARE)
#undef LIGERO_DECLARE

}  // namespace ligero

#endif  // LIGERO_OPS_TABLE_H_
