// SPDX-License-Identifier: Apache-2.0
// choose_weight_types: the matrices of products get the type that was asked for; biases, norms,
// gates and everything else stay f32. Of f32, a matrix that half precision holds without loss (its
// checkpoint was half precision, and no pass has folded into it) becomes f16: the results are the
// same, bit for bit.
#include <algorithm>

#include "converter/graph_edit.h"
#include "converter/passes/passes.h"
#include "model/format/half.h"
#include "model/systems/shape.h"
#include "ops/kernels/gemm/gemm.h"

namespace ligero {
namespace {

/// Whether the op of `node` reads its matrix `tensor` as int8 (ops/product_op.h: check_panels).
bool takes_int8(const NodeDraft& node, const TensorDraft& tensor) {
  int32_t taps_t = 1;
  int32_t taps_f = 1;
  int32_t groups = 1;
  if (node.op == "conv2d_map") {
    return false;
  }
  if (node.op == "conv2d") {
    const auto options = options_of(node).as<ConvOptions>();
    taps_t = options.kernel_t;
    taps_f = options.kernel_f;
    groups = options.groups;
  } else if (node.op == "conv2d_transposed") {
    const auto options = options_of(node).as<TransposedConvOptions>();
    taps_t = options.kernel_t;
    taps_f = options.kernel_f;
    groups = options.groups;
  } else if (node.op == "band_linear") {
    const auto options = options_of(node).as<BandLinearOptions>();
    taps_t = options.kernel_t;
    taps_f = options.width;
  }
  const int32_t inner = tensor.dims[0] / taps_t;
  return inner / taps_f / groups % kGemmQ8Group == 0 && inner <= kGemmQ8MaxInner;
}

/// Whether half precision holds every value as it is.
bool exact_as_half(const TensorDraft& tensor) {
  return std::all_of(tensor.values.begin(), tensor.values.end(), [](float value) {
    return float_from_half(half_from_float(value)) == value;
  });
}

/// Whether `node` may go through its matrix for one row alone: then reading it is what takes time,
/// and half the bytes are half the time. A convolution's many rows would widen it again and again.
bool may_take_one_row(const NodeDraft& node) {
  return node.op == "linear" || node.op == "band_linear" || node.op == "lstm";
}

}  // namespace

Type possible_type(GraphEdit& edit, int tensor, Type wanted) {
  const auto readers = edit.consumers(tensor);
  if (wanted == Type::kF32) {
    const bool one_row = std::all_of(readers.begin(), readers.end(), [&](int node) {
      return may_take_one_row(edit.node(node));
    });
    return one_row && exact_as_half(edit.tensor(tensor)) ? Type::kF16 : Type::kF32;
  }
  if (wanted != Type::kQ8) {
    return wanted;
  }
  const bool all = std::all_of(readers.begin(), readers.end(), [&](int node) {
    return takes_int8(edit.node(node), edit.tensor(tensor));
  });
  return all ? Type::kQ8 : Type::kF16;
}

int choose_weight_types(ModelDraft* model, const PassOptions& options) {
  int changes = 0;
  for (GraphDraft& graph : model->graphs) {
    GraphEdit edit(&graph);
    for (size_t i = 0; i < graph.tensors.size(); ++i) {
      TensorDraft& t = graph.tensors[i];
      if (t.kind != Kind::kWeight || t.layout != Layout::kPanels) {
        continue;
      }
      const Type type = possible_type(edit, static_cast<int>(i), options.weights);
      changes += t.type != type ? 1 : 0;
      t.type = type;
    }
  }
  return changes;
}

}  // namespace ligero
