// SPDX-License-Identifier: Apache-2.0
// settle_layout: PyTorch flattens channel by channel, the frame graph bin by bin. Where a
// flattening feeds a layer norm and then products, their weights are permuted and the transpose
// goes. Tensors in the new order (the reshape, a modulation by the speaker, the layer norm) are
// renamed "<name>.by_bin".
#include <algorithm>

#include "converter/graph_edit.h"
#include "converter/passes/passes.h"
#include "model/systems/shape.h"

namespace ligero {
namespace {

constexpr const char* kSuffix = ".by_bin";

// What lies between a transpose and the products, and what has to be permuted.
struct Flattening {
  int transpose = -1;
  int reshape = -1;
  std::vector<int> chain;     // the nodes in between, the layer norm last
  std::vector<int> products;  // lstm or linear, by node
  std::vector<int> speaker;   // graph inputs that are multiplied in
  std::vector<size_t> order;  // new index -> old index
};

// Whether nobody else reads the vector or matrix.
bool own_weight(const GraphEdit& edit, int tensor) {
  return edit.is_weight(tensor) && edit.consumers(tensor).size() == 1;
}

// The linear layer of `enroll` that gives the speaker's vector, or -1.
int speaker_layer(GraphDraft* enroll, const std::string& name) {
  if (!enroll) {
    return -1;
  }
  GraphEdit other(enroll);
  const int tensor = other.find_tensor(name);
  const int p = tensor < 0 || !other.is_output(tensor) ? -1 : other.producer(tensor);
  const bool plain = p >= 0 && other.node(p).op == "linear" && other.consumers(tensor).empty() &&
                     own_weight(other, other.node(p).inputs[kInputWeights]);
  return plain ? p : -1;
}

bool add_factor(GraphDraft* enroll, GraphEdit& edit, int factor, Flattening* f) {
  if (own_weight(edit, factor)) {
    return edit.tensor(factor).values.size() == f->order.size();
  }
  const std::vector<int>& inputs = edit.graph().inputs;
  const bool is_input = std::find(inputs.begin(), inputs.end(), factor) != inputs.end();
  if (!is_input || edit.consumers(factor).size() != 1 ||
      speaker_layer(enroll, edit.tensor(factor).name) < 0) {
    return false;
  }
  f->speaker.push_back(factor);
  return true;
}

// Follows the chain from the reshape to the products.
bool follow(GraphDraft* enroll, GraphEdit& edit, Flattening* f) {
  int y = edit.node(f->reshape).outputs[0];
  while (true) {
    const int next = edit.sole_consumer(y);
    if (next < 0) {
      return false;
    }
    const NodeDraft& n = edit.node(next);
    f->chain.push_back(next);
    y = n.outputs[0];
    if (n.op == "layer_norm") {
      break;
    }
    if (n.op != "multiply" || !add_factor(enroll, edit, n.inputs[1], f)) {
      return false;
    }
  }
  const NodeDraft& norm = edit.node(f->chain.back());
  f->products = edit.consumers(y);
  return own_weight(edit, norm.inputs[1]) && own_weight(edit, norm.inputs[2]) &&
         !f->products.empty() && !edit.is_output(y) &&
         std::all_of(f->products.begin(), f->products.end(), [&](int p) {
           const NodeDraft& n = edit.node(p);
           return (n.op == "lstm" || n.op == "linear") && n.inputs[0] == y &&
                  own_weight(edit, n.inputs[1]);
         });
}

bool find_flattening(GraphDraft* enroll, GraphEdit& edit, int transpose, Flattening* f) {
  const int y = edit.node(transpose).outputs[0];
  f->transpose = transpose;
  f->reshape = edit.sole_consumer(y);
  if (f->reshape < 0 || edit.node(f->reshape).op != "reshape" ||
      options_of(edit.node(f->reshape)).as<ReshapeOptions>().bins != 1) {
    return false;
  }
  const auto channels = static_cast<size_t>(edit.tensor(y).dims[0]);
  const auto bins = static_cast<size_t>(edit.tensor(y).dims[1]);
  for (size_t bin = 0; bin < bins; ++bin) {
    for (size_t c = 0; c < channels; ++c) {
      f->order.push_back(c * bins + bin);
    }
  }
  return follow(enroll, edit, f);
}

void permute_rows(TensorDraft& t, const std::vector<size_t>& order) {
  const size_t columns = t.values.size() / order.size();
  std::vector<float> values;
  values.reserve(t.values.size());
  for (size_t row : order) {
    const auto first = t.values.begin() + static_cast<std::ptrdiff_t>(row * columns);
    values.insert(values.end(), first, first + static_cast<std::ptrdiff_t>(columns));
  }
  t.values = std::move(values);
}

void permute_columns(TensorDraft& t, const std::vector<size_t>& order) {
  std::vector<float> values(t.values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] = t.values[i - i % order.size() + order[i % order.size()]];
  }
  t.values = std::move(values);
}

void rename(GraphEdit& edit, int node) {
  edit.node(node).name += kSuffix;
  edit.tensor(edit.node(node).outputs[0]).name = edit.node(node).name;
}

void settle(GraphDraft* enroll, GraphEdit& edit, const Flattening& f) {
  edit.node(f.reshape).inputs[0] = edit.node(f.transpose).inputs[0];
  edit.kill(f.transpose);
  rename(edit, f.reshape);
  for (int i : f.chain) {
    rename(edit, i);
    for (size_t k = 1; k < edit.node(i).inputs.size(); ++k) {
      if (edit.is_weight(edit.node(i).inputs[k])) {
        permute_columns(edit.tensor(edit.node(i).inputs[k]), f.order);
      }
    }
  }
  for (int p : f.products) {
    permute_rows(edit.tensor(edit.node(p).inputs[1]), f.order);
  }
  for (int constant : f.speaker) {
    GraphEdit other(enroll);
    const int layer = speaker_layer(enroll, edit.tensor(constant).name);
    const std::vector<int> inputs = other.node(layer).inputs;
    for (size_t k = kInputWeights; k < inputs.size(); ++k) {
      if (inputs[k] >= 0) {
        permute_columns(other.tensor(inputs[k]), f.order);
      }
    }
    rename(other, layer);
    edit.tensor(constant).name += kSuffix;
  }
}

}  // namespace

int settle_layout(ModelDraft* model, const PassOptions&) {
  GraphDraft* enroll = find_graph(model, "enroll");
  int changes = 0;
  for (GraphDraft& graph : model->graphs) {
    GraphEdit edit(&graph);
    for (int i = 0; i < edit.num_nodes(); ++i) {
      Flattening f;
      if (edit.node(i).op == "transpose" &&
          find_flattening(enroll == &graph ? nullptr : enroll, edit, i, &f)) {
        settle(enroll, edit, f);
        ++changes;
      }
    }
    edit.sweep();
  }
  return changes;
}

}  // namespace ligero
