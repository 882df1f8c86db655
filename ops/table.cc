// Every op of the build: one entry each; the declarations are in table.h.
#include "ops/table.h"

namespace ligero {

OpTable all_ops() {
  static const Op* const kOps[] = {
      // Products.
      &kLinearOp,
      &kConv2dOp,
      &kConv2dTransposedOp,
      &kConv2dMapOp,
      &kLstmOp,
      &kGruOp,
      &kAttentionOp,
      // Signal.
      &kStftOp,
      &kIstftOp,
      &kFbankOp,
      &kFloorDbOp,
      &kRmsOp,
      &kInputLevelOp,
      &kDeepFilterOp,
      &kMagnitudeOp,
      &kCompressOp,
      &kComplexMultiplyOp,
      // Elementwise, shapes, statistics.
      &kAddOp,
      &kSubtractOp,
      &kMultiplyOp,
      &kDivideOp,
      &kReluOp,
      &kSigmoidOp,
      &kTanhOp,
      &kGeluOp,
      &kEluOp,
      &kSquareOp,
      &kSqrtOp,
      &kPowerOp,
      &kPreluOp,
      &kBatchNormOp,
      &kLayerNormOp,
      &kCumulativeNormOp,
      &kSoftmaxOp,
      &kConcatOp,
      &kSliceOp,
      &kReshapeOp,
      &kTransposeOp,
      &kSumChunksOp,
      &kTimeMeanOp,
      &kTimeStdOp,
      nullptr,
  };
  return OpTable{std::span<const Op* const>(kOps, sizeof(kOps) / sizeof(kOps[0]) - 1)};
}

}  // namespace ligero
