// SPDX-License-Identifier: Apache-2.0
// Shapes, time behaviour and cost of every node, checked. Not: delays (timing.h), memory (memory.h).
#include <algorithm>

#include "runtime/plan/plan.h"

namespace ligero {
namespace {

Status check_indices(const Graph& graph, const Node& node, int32_t index, Array<bool>& produced) {
  const int32_t count = static_cast<int32_t>(graph.tensors.size());
  LIGERO_CHECK(node.op != nullptr, Code::kUnsupportedModel, "node without an op", index);
  LIGERO_CHECK(node.inputs.size() <= kMaxInputs, Code::kBadModel, "node has too many inputs", index);
  LIGERO_CHECK(!node.outputs.empty() && node.outputs.size() <= kMaxOutputs,
               Code::kBadModel,
               "node has no output or too many",
               index);
  for (int32_t t : node.inputs) {
    LIGERO_CHECK(t >= -1 && t < count, Code::kBadModel, "node input is no tensor", index, t);
    if (t >= 0) {
      LIGERO_CHECK(produced[static_cast<size_t>(t)],
                   Code::kBadModel,
                   "node reads a tensor that no earlier node produces",
                   index,
                   t);
    }
  }
  for (int32_t t : node.outputs) {
    LIGERO_CHECK(t >= 0 && t < count, Code::kBadModel, "node output is no tensor", index, t);
    LIGERO_CHECK(!produced[static_cast<size_t>(t)],
                 Code::kBadModel,
                 "tensor is produced twice",
                 index,
                 t);
  }
  return {};
}

Status check_shape(const Tensor& stored, const Inference::Output& found, int32_t index) {
  bool same = stored.kind == found.kind && stored.rank == found.rank && stored.type == Type::kF32;
  for (int32_t d = 0; same && d < found.rank; ++d) {
    same = stored.dim[d] == found.dim[d];
  }
  LIGERO_CHECK(same,
               Code::kBadModel,
               "the stored shape of a node's output is not what its op gives",
               index,
               found.dim[0]);
  return {};
}

Status infer_node(const Graph& graph, int32_t index, NodeFacts* facts) {
  const Node& node = graph.nodes[static_cast<size_t>(index)];
  Inference inference;
  bool any_sequence = false;
  for (int32_t t : node.inputs) {
    any_sequence |= t >= 0 && graph.tensors[static_cast<size_t>(t)].is_sequence();
  }
  for (Inference::Output& o : inference.outputs) {
    o.kind = any_sequence ? Kind::kSequence : Kind::kConstant;
  }
  Status status = parse_options(node, &facts->options);
  if (status.ok()) {
    status = node.op->infer(OpContext{node, graph.tensors, facts->options}, &inference);
  }
  if (!status.ok()) {
    status.index = index;
    return status;
  }
  for (size_t k = 0; k < node.outputs.size(); ++k) {
    const Tensor& stored = graph.tensors[static_cast<size_t>(node.outputs[k])];
    LIGERO_RETURN_IF_ERROR(check_shape(stored, inference.outputs[k], index));
    LIGERO_CHECK(any_sequence || !stored.is_sequence(),
                 Code::kBadModel,
                 "a sequence out of constants",
                 index);
  }
  for (size_t k = 0; k < kMaxInputs; ++k) {
    const TimeBehaviour& time = inference.time[k];
    LIGERO_CHECK(time.past >= 0 && time.past <= INT16_MAX && time.future >= 0 &&
                     time.future <= INT16_MAX,
                 Code::kUnsupportedModel,
                 "an op reaches further than 32767 frames",
                 index,
                 std::max(time.past, time.future));
    facts->time[k] = {
        time.use, static_cast<int16_t>(time.past), static_cast<int16_t>(time.future)};
  }
  facts->macs = inference.macs;
  facts->macs_by_signal = inference.macs_by_signal;
  facts->recurrence = inference.recurrence;
  facts->output_lag = inference.output_lag;
  facts->constant = !any_sequence;
  return {};
}

}  // namespace

Status infer_graph(const Graph& graph, Array<NodeFacts>* facts) {
  Array<bool> produced;
  const size_t count = graph.tensors.size();
  LIGERO_CHECK(produced.allocate(count) && facts->allocate(graph.nodes.size()),
               Code::kTooLittleMemory,
               "no memory to check a graph");
  for (size_t t = 0; t < count; ++t) {
    produced[t] = graph.tensors[t].kind == Kind::kWeight;
  }
  for (int32_t t : graph.inputs) {
    LIGERO_CHECK(t >= 0 && static_cast<size_t>(t) < count && !produced[static_cast<size_t>(t)],
                 Code::kBadModel,
                 "a graph input is no tensor, a weight or named twice",
                 -1,
                 t);
    LIGERO_CHECK(graph.tensors[static_cast<size_t>(t)].type == Type::kF32,
                 Code::kBadModel,
                 "a graph input is not float",
                 -1,
                 t);
    produced[static_cast<size_t>(t)] = true;
  }
  for (size_t n = 0; n < graph.nodes.size(); ++n) {
    const int32_t index = static_cast<int32_t>(n);
    LIGERO_RETURN_IF_ERROR(check_indices(graph, graph.nodes[n], index, produced));
    LIGERO_RETURN_IF_ERROR(infer_node(graph, index, &(*facts)[n]));
    for (int32_t t : graph.nodes[n].outputs) {
      produced[static_cast<size_t>(t)] = true;
    }
  }
  for (int32_t t : graph.outputs) {
    LIGERO_CHECK(t >= 0 && static_cast<size_t>(t) < count && produced[static_cast<size_t>(t)] &&
                     graph.tensors[static_cast<size_t>(t)].kind != Kind::kWeight,
                 Code::kBadModel,
                 "a graph output is no tensor that a node produces",
                 -1,
                 t);
  }
  return {};
}

}  // namespace ligero
