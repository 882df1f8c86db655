// SPDX-License-Identifier: Apache-2.0
// Options and output shapes of a draft's nodes. Not: the rules themselves (ops/).
#include "model/systems/shape.h"

#include "model/systems/checkpoint.h"
#include "ops/table.h"
#include "runtime/op.h"

namespace ligero {
namespace {

Tensor tensor_of(const TensorDraft& draft) {
  Tensor t;
  t.name = draft.name;
  t.kind = draft.kind;
  t.type = draft.type;
  t.layout = draft.layout;
  t.rank = static_cast<int32_t>(draft.dims.size());
  for (size_t i = 0; i < draft.dims.size() && i < size_t{kMaxRank}; ++i) {
    t.dim[i] = draft.dims[i];
  }
  t.data = draft.values.empty() ? nullptr : draft.values.data();
  return t;
}

const Op& op_of(const NodeDraft& node) {
  const Op* op = all_ops().find(node.op);
  if (!op) {
    throw SystemError(node.name + ": this build has no op " + node.op);
  }
  return *op;
}

void check(const NodeDraft& node, const Status& status) {
  if (!status.ok()) {
    const std::string where =
        status.where != 0 ? " (it is " + std::to_string(status.where) + ")" : "";
    throw SystemError(node.name + " (" + node.op + "): " + status.message + where);
  }
}

}  // namespace

OpOptions options_of(const NodeDraft& node) {
  std::vector<Attribute> attributes;
  for (const auto& [name, values] : node.ints) {
    attributes.push_back({name, values, {}});
  }
  for (const auto& [name, values] : node.floats) {
    attributes.push_back({name, {}, values});
  }
  OpOptions options;
  check(node, parse_options({node.name, &op_of(node), {}, {}, attributes}, &options));
  return options;
}

void infer_shapes(GraphDraft* graph, const NodeDraft& node) {
  std::vector<Tensor> tensors;
  std::vector<int32_t> inputs;
  std::vector<int32_t> outputs;
  bool any_sequence = false;
  for (int index : node.inputs) {
    inputs.push_back(index < 0 ? -1 : static_cast<int32_t>(tensors.size()));
    if (index >= 0) {
      tensors.push_back(tensor_of(graph->tensors[static_cast<size_t>(index)]));
      any_sequence = any_sequence || tensors.back().kind == Kind::kSequence;
    }
  }
  for (int index : node.outputs) {
    outputs.push_back(static_cast<int32_t>(tensors.size()));
    tensors.push_back(tensor_of(graph->tensors[static_cast<size_t>(index)]));
  }
  const Node view{node.name, &op_of(node), inputs, outputs, {}};
  const OpOptions options = options_of(node);
  Inference found;
  for (Inference::Output& output : found.outputs) {
    output.kind = any_sequence ? Kind::kSequence : Kind::kConstant;
  }
  check(node, view.op->infer(OpContext{view, tensors, options}, &found));
  for (size_t k = 0; k < node.outputs.size(); ++k) {
    TensorDraft& t = graph->tensors[static_cast<size_t>(node.outputs[k])];
    t.kind = found.outputs[k].kind;
    t.dims.assign(found.outputs[k].dim, found.outputs[k].dim + found.outputs[k].rank);
  }
}

}  // namespace ligero
