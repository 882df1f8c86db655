// SPDX-License-Identifier: Apache-2.0
// fold_gates: an ARN's query takes over its gates and the scale, keys and values become one
// sequence, and the value gate acts on the result of the attention (spec 1.5).
#include "converter/graph_edit.h"
#include "converter/passes/passes.h"
#include "model/systems/shape.h"

namespace ligero {
namespace {

// A node that multiplies a sequence by a vector of the model.
struct Gate {
  int node = -1;
  int x = -1;
  int vector = -1;
};

Gate gate_before(GraphEdit& edit, int tensor) {
  Gate gate;
  const int p = edit.producer(tensor);
  if (p < 0 || edit.node(p).op != "multiply" || !edit.is_weight(edit.node(p).inputs[1]) ||
      GraphEdit::activation(edit.node(p)) != Activation::kNone || edit.sole_consumer(tensor) < 0) {
    return gate;
  }
  gate.node = p;
  gate.x = edit.node(p).inputs[0];
  gate.vector = edit.node(p).inputs[1];
  return gate;
}

void scale_vector(TensorDraft& t, const std::vector<double>& scale) {
  for (size_t i = 0; i < t.values.size(); ++i) {
    t.values[i] = static_cast<float>(t.values[i] * scale[i % scale.size()]);
  }
}

// Whether the outputs of node `q` can take a scale: a plain linear layer or a layer norm.
bool can_scale(GraphEdit& edit, int q) {
  if (q < 0) {
    return false;
  }
  const NodeDraft& n = edit.node(q);
  const bool plain = n.op == "linear" && GraphEdit::activation(n) == Activation::kNone &&
                     GraphEdit::input(n, kInputPostScale) < 0;
  if (!plain && n.op != "layer_norm") {
    return false;
  }
  for (size_t k = 1; k < n.inputs.size(); ++k) {
    if (n.inputs[k] >= 0 && edit.consumers(n.inputs[k]).size() != 1) {
      return false;
    }
  }
  return true;
}

bool fold_one(GraphEdit& edit, int attention) {
  const NodeDraft before = edit.node(attention);
  const Gate q = gate_before(edit, before.inputs[0]);
  const Gate k = gate_before(edit, before.inputs[1]);
  const Gate v = gate_before(edit, before.inputs[2]);
  const auto options = options_of(before).as<AttentionOptions>();
  if (q.node < 0 || k.node < 0 || v.node < 0 || k.x != v.x || options.heads != 1) {
    return false;
  }
  const int source = edit.sole_consumer(q.x) == q.node ? edit.producer(q.x) : -1;
  if (!can_scale(edit, source)) {
    return false;
  }
  std::vector<double> scale;
  for (size_t i = 0; i < edit.tensor(q.vector).values.size(); ++i) {
    scale.push_back(double{edit.tensor(q.vector).values[i]} * edit.tensor(k.vector).values[i] *
                    options.scale);
  }
  // Rows of panels are [inner, outputs], so that weights, bias, gain and shift all scale alike.
  for (size_t i = 1; i < edit.node(source).inputs.size(); ++i) {
    if (edit.node(source).inputs[i] >= 0) {
      scale_vector(edit.tensor(edit.node(source).inputs[i]), scale);
    }
  }
  std::string prefix = before.name;
  prefix = prefix.substr(0, prefix.rfind('.') + 1);
  edit.absorb(source, q.node);
  const int query = edit.node(source).outputs[0];
  edit.node(source).name = edit.tensor(query).name = prefix + "query_folded";

  NodeDraft context = before;
  context.name = prefix + "context";
  context.inputs = {query, k.x, k.x};
  context.floats["scale"] = {1.0f};
  NodeDraft& gated = edit.node(attention);
  gated.op = "multiply";
  gated.ints.clear();
  gated.floats.clear();
  const int y = edit.insert(attention, context);
  edit.node(attention + 1).inputs = {y, v.vector};
  return true;
}

int fold_graph(GraphEdit edit) {
  int changes = 0;
  for (int i = 0; i < edit.num_nodes(); ++i) {
    if (edit.node(i).op == "attention" && fold_one(edit, i)) {
      ++changes;
      ++i;
    }
  }
  edit.sweep();
  return changes;
}

}  // namespace

int fold_gates(ModelDraft* model, const PassOptions&) {
  int changes = 0;
  for (GraphDraft& graph : model->graphs) {
    changes += fold_graph(GraphEdit(&graph));
  }
  return changes;
}

}  // namespace ligero
