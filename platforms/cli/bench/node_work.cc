// SPDX-License-Identifier: Apache-2.0
// Counts what nodes compute and move.
#include "platforms/cli/bench/node_work.h"

#include <algorithm>
#include <cmath>

#include "model/format/loader.h"
#include "platforms/cli/refusal.h"

namespace ligero::cli {

namespace {

const Tensor* tensor_of(const Graph& graph, int32_t t) {
  return t >= 0 ? &graph.tensors[static_cast<size_t>(t)] : nullptr;
}

/// The type of a node's matrices.
Type type_of(const Graph& graph, const Node& node) {
  for (int32_t t : node.inputs) {
    const Tensor* tensor = tensor_of(graph, t);
    if (tensor != nullptr && tensor->kind == Kind::kWeight && tensor->layout == Layout::kPanels) {
      return tensor->type;
    }
  }
  return Type::kF32;
}

/// The steps of a recurrence over `frames` frames.
Work steps_of(const Tensor& weight, const Recurrence& recurrence, double frames, int64_t set) {
  const double steps = recurrence.steps * std::ceil(frames / recurrence.together);
  const int64_t bytes = stored_bytes(weight);
  Work work;
  work.operations = 2.0 * static_cast<double>(weight.elements()) * recurrence.steps * frames;
  work.int8 = weight.type == Type::kQ8;
  work.bytes = static_cast<double>(bytes) * steps;
  work.set_bytes = steps > 1.0 ? bytes : set;
  return work;
}

}  // namespace

double NodeWork::operations() const {
  double sum = 0.0;
  for (const Work& part : parts) {
    sum += part.operations;
  }
  return sum;
}

double NodeWork::bytes() const {
  double sum = 0.0;
  for (const Work& part : parts) {
    sum += part.bytes;
  }
  return sum;
}

GraphWork::GraphWork(const Graph& graph) : graph_(graph) {
  if (const Status status = infer_graph(graph, &facts_); !status.ok()) {
    refuse_status(text("graph '", graph.name, "'"), status);
  }
}

NodeWork GraphWork::of(size_t n, double frames, int64_t working_set_bytes) const {
  const Node& node = graph_.nodes[n];
  const NodeFacts& facts = facts_[n];
  NodeWork work;
  work.type = type_of(graph_, node);
  if (frames <= 0.0) {
    return work;
  }
  Work once;
  once.int8 = work.type == Type::kQ8;
  once.set_bytes = working_set_bytes;
  once.operations =
      2.0 * frames *
      (static_cast<double>(facts.macs) + static_cast<double>(facts.macs_by_signal) * frames);
  const auto add = [&](int32_t t) {
    const Tensor* tensor = tensor_of(graph_, t);
    if (tensor == nullptr) {
      return;
    }
    if (tensor->kind == Kind::kWeight) {
      once.bytes += static_cast<double>(stored_bytes(*tensor));
    } else {
      work.values += static_cast<double>(tensor->elements()) *
                     (tensor->kind == Kind::kSequence ? frames : 1.0);
    }
  };
  std::for_each(node.inputs.begin(), node.inputs.end(), add);
  const double inputs = work.values;
  std::for_each(node.outputs.begin(), node.outputs.end(), add);
  work.outputs = work.values - inputs;
  once.bytes += sizeof(float) * work.values;
  if (facts.recurrence.weight >= 0) {
    const Tensor& weight =
        *tensor_of(graph_, node.inputs[static_cast<size_t>(facts.recurrence.weight)]);
    const Work steps = steps_of(weight, facts.recurrence, frames, working_set_bytes);
    once.operations -= steps.operations;
    once.bytes -= static_cast<double>(stored_bytes(weight));
    work.parts.push_back(steps);
  }
  work.parts.insert(work.parts.begin(), once);
  return work;
}

}  // namespace ligero::cli
