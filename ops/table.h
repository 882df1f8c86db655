// The list of ops, written out by hand. Applications may hand the runtime a shorter one.
#ifndef LIGERO_OPS_TABLE_H_
#define LIGERO_OPS_TABLE_H_

#include "runtime/op.h"

namespace ligero {

/// Every op of this build.
OpTable all_ops();

// Products.
extern const Op kLinearOp;
extern const Op kConv2dOp;
extern const Op kConv2dTransposedOp;
extern const Op kConv2dMapOp;
extern const Op kLstmOp;
extern const Op kGruOp;
extern const Op kAttentionOp;

// Signal.
extern const Op kStftOp;
extern const Op kIstftOp;
extern const Op kFbankOp;
extern const Op kFloorDbOp;
extern const Op kRmsOp;
extern const Op kInputLevelOp;
extern const Op kDeepFilterOp;
extern const Op kMagnitudeOp;
extern const Op kCompressOp;
extern const Op kComplexMultiplyOp;

// Elementwise, shapes, statistics.
extern const Op kAddOp;
extern const Op kSubtractOp;
extern const Op kMultiplyOp;
extern const Op kDivideOp;
extern const Op kReluOp;
extern const Op kSigmoidOp;
extern const Op kTanhOp;
extern const Op kGeluOp;
extern const Op kEluOp;
extern const Op kSquareOp;
extern const Op kSqrtOp;
extern const Op kPowerOp;
extern const Op kPreluOp;
extern const Op kBatchNormOp;
extern const Op kLayerNormOp;
extern const Op kCumulativeNormOp;
extern const Op kSoftmaxOp;
extern const Op kConcatOp;
extern const Op kSliceOp;
extern const Op kReshapeOp;
extern const Op kTransposeOp;
extern const Op kSumChunksOp;
extern const Op kTimeMeanOp;
extern const Op kTimeStdOp;

}  // namespace ligero

#endif  // LIGERO_OPS_TABLE_H_
