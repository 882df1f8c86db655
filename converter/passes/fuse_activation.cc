// SPDX-License-Identifier: Apache-2.0
// fuse_activation: an activation that alone reads a product or a sum becomes that node's attribute.
#include <string_view>
#include <utility>

#include "converter/graph_edit.h"
#include "converter/passes/passes.h"

namespace ligero {
namespace {

constexpr std::pair<std::string_view, Activation> kActivations[] = {
    {"relu", Activation::kRelu},
    {"prelu", Activation::kPrelu},
    {"tanh", Activation::kTanh},
    {"sigmoid", Activation::kSigmoid},
    {"gelu", Activation::kGelu},
    {"elu", Activation::kElu},
};

Activation activation_of(const std::string& op) {
  for (const auto& [name, activation] : kActivations) {
    if (op == name) {
      return activation;
    }
  }
  return Activation::kNone;
}

// Whether nothing comes after the sum of `n` yet.
bool takes(const NodeDraft& n, Activation activation) {
  if (GraphEdit::activation(n) != Activation::kNone) {
    return false;
  }
  if (is_binary(n.op)) {
    return activation != Activation::kPrelu;
  }
  return is_product(n.op) && GraphEdit::input(n, kInputPostScale) < 0 &&
         GraphEdit::input(n, kInputPostShift) < 0;
}

// The products want one slope per output.
int slopes_per_output(GraphEdit& edit, int slopes, int outputs) {
  const TensorDraft& t = edit.tensor(slopes);
  if (static_cast<int>(t.values.size()) == outputs) {
    return slopes;
  }
  return edit.add_vector(t.name + ".each",
                         std::vector<float>(static_cast<size_t>(outputs), t.values.at(0)));
}

int fuse_graph(GraphEdit edit) {
  int changes = 0;
  for (int i = 0; i < edit.num_nodes(); ++i) {
    const Activation activation = activation_of(edit.node(i).op);
    const int x = activation != Activation::kNone ? GraphEdit::input(edit.node(i), 0) : -1;
    const int p = x >= 0 && edit.sole_consumer(x) == i ? edit.producer(x) : -1;
    if (p < 0 || !takes(edit.node(p), activation)) {
      continue;
    }
    if (activation == Activation::kPrelu) {
      const int slopes = GraphEdit::input(edit.node(i), 1);
      const int each = slopes_per_output(edit, slopes, edit.tensor(x).dims.back());
      GraphEdit::set_input(edit.node(p), kInputSlopes, each);
    }
    edit.node(p).ints["activation"] = {static_cast<int32_t>(activation)};
    edit.absorb(p, i);
    ++changes;
  }
  edit.sweep();
  return changes;
}

}  // namespace

int fuse_activation(ModelDraft* model, const PassOptions&) {
  int changes = 0;
  for (GraphDraft& graph : model->graphs) {
    changes += fuse_graph(GraphEdit(&graph));
  }
  return changes;
}

}  // namespace ligero
