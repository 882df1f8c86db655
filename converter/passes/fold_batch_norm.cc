// SPDX-License-Identifier: Apache-2.0
// fold_batch_norm: a batch norm goes into the weights of the product before it, after an activation
// into that product's post scale and shift, and otherwise into the linear layer behind it.
#include "converter/graph_edit.h"
#include "converter/passes/passes.h"
#include "model/systems/checkpoint.h"
#include "model/systems/shape.h"
#include "ops/batch_norm.h"

namespace ligero {
namespace {

struct Affines {
  std::vector<double> scale;
  std::vector<double> shift;
};

Affines affines_of(GraphEdit& edit, const NodeDraft& bn) {
  const auto values = [&](size_t k) -> const std::vector<float>& {
    return edit.tensor(GraphEdit::input(bn, k)).values;
  };
  const double epsilon = double{options_of(bn).as<NormOptions>().epsilon};
  Affines a;
  for (size_t c = 0; c < values(1).size(); ++c) {
    const Affine affine =
        batch_norm({values(1)[c], values(2)[c], values(3)[c], values(4)[c]}, epsilon);
    if (!affine.finite()) {
      throw SystemError(bn.name + ": the variance of channel " + std::to_string(c) + " is " +
                        std::to_string(values(2)[c]) + ", expected one of at least 0");
    }
    a.scale.push_back(affine.scale);
    a.shift.push_back(affine.shift);
  }
  return a;
}

std::vector<float> to_float(const std::vector<double>& values) {
  return {values.begin(), values.end()};
}

// The bias of a product, zeros where it has none.
std::vector<double> bias_of(GraphEdit& edit, const NodeDraft& product, size_t outputs) {
  const int bias = GraphEdit::input(product, kInputBias);
  if (bias < 0) {
    return std::vector<double>(outputs, 0.0);
  }
  const std::vector<float>& values = edit.tensor(bias).values;
  return {values.begin(), values.end()};
}

// The weights of a convolution in groups lie group by group, each with its own outputs.
void scale_columns(GraphEdit& edit, NodeDraft& product, const Affines& a) {
  TensorDraft& w = edit.tensor(GraphEdit::input(product, kInputWeights));
  const size_t outputs = a.scale.size();
  const auto columns = static_cast<size_t>(w.dims[1]);
  const size_t group = w.values.size() / (outputs / columns);
  for (size_t i = 0; i < w.values.size(); ++i) {
    w.values[i] = static_cast<float>(w.values[i] * a.scale[i / group * columns + i % columns]);
  }
  std::vector<double> bias = bias_of(edit, product, outputs);
  for (size_t o = 0; o < outputs; ++o) {
    bias[o] = bias[o] * a.scale[o] + a.shift[o];
  }
  const int folded = edit.add_vector(w.name + ".folded_bias", to_float(bias));
  GraphEdit::set_input(product, kInputBias, folded);
}

void scale_rows(GraphEdit& edit, NodeDraft& linear, const Affines& a) {
  TensorDraft& w = edit.tensor(GraphEdit::input(linear, kInputWeights));
  const size_t outputs = w.values.size() / a.scale.size();
  std::vector<double> bias = bias_of(edit, linear, outputs);
  for (size_t i = 0; i < w.values.size(); ++i) {
    bias[i % outputs] += w.values[i] * a.shift[i / outputs];
    w.values[i] = static_cast<float>(w.values[i] * a.scale[i / outputs]);
  }
  const int folded = edit.add_vector(w.name + ".folded_bias", to_float(bias));
  GraphEdit::set_input(linear, kInputBias, folded);
}

// Nobody else may read weights that change.
bool owns_weights(GraphEdit& edit, int node) {
  return edit.consumers(GraphEdit::input(edit.node(node), kInputWeights)).size() == 1;
}

bool fold_backward(GraphEdit& edit, int bn, const Affines& a) {
  const int x = GraphEdit::input(edit.node(bn), 0);
  const int p = edit.sole_consumer(x) == bn ? edit.producer(x) : -1;
  if (p < 0 || !is_product(edit.node(p).op) ||
      GraphEdit::input(edit.node(p), kInputPostScale) >= 0 ||
      GraphEdit::input(edit.node(p), kInputPostShift) >= 0) {
    return false;
  }
  NodeDraft& product = edit.node(p);
  const bool plain = GraphEdit::activation(product) == Activation::kNone;
  if (plain && owns_weights(edit, p) && GraphEdit::input(product, kInputBiasMap) < 0) {
    scale_columns(edit, product, a);
  } else {
    const std::string name = edit.node(bn).name;
    GraphEdit::set_input(
        product, kInputPostScale, edit.add_vector(name + ".scale", to_float(a.scale)));
    GraphEdit::set_input(
        product, kInputPostShift, edit.add_vector(name + ".shift", to_float(a.shift)));
  }
  edit.absorb(p, bn);
  return true;
}

bool fold_forward(GraphEdit& edit, int bn, const Affines& a) {
  const int y = edit.node(bn).outputs[0];
  const int next = edit.sole_consumer(y);
  if (next < 0 || edit.node(next).op != "linear" ||
      GraphEdit::input(edit.node(next), kInputX) != y || !owns_weights(edit, next)) {
    return false;
  }
  scale_rows(edit, edit.node(next), a);
  GraphEdit::set_input(edit.node(next), kInputX, GraphEdit::input(edit.node(bn), 0));
  edit.kill(bn);
  return true;
}

int fold_graph(GraphEdit edit) {
  int changes = 0;
  for (int i = 0; i < edit.num_nodes(); ++i) {
    if (edit.node(i).op != "batch_norm") {
      continue;
    }
    const Affines a = affines_of(edit, edit.node(i));
    changes += fold_backward(edit, i, a) || fold_forward(edit, i, a) ? 1 : 0;
  }
  edit.sweep();
  return changes;
}

}  // namespace

int fold_batch_norm(ModelDraft* model, const PassOptions&) {
  int changes = 0;
  for (GraphDraft& graph : model->graphs) {
    changes += fold_graph(GraphEdit(&graph));
  }
  return changes;
}

}  // namespace ligero
