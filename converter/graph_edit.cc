// SPDX-License-Identifier: Apache-2.0
// Looking around in a draft and changing it. Not: any pass.
#include "converter/graph_edit.h"

#include <algorithm>
#include <utility>

#include "model/systems/shape.h"

namespace ligero {

int GraphEdit::input(const NodeDraft& node, size_t k) {
  return k < node.inputs.size() ? node.inputs[k] : -1;
}

void GraphEdit::set_input(NodeDraft& node, size_t k, int tensor) {
  if (node.inputs.size() <= k) {
    node.inputs.resize(k + 1, -1);
  }
  node.inputs[k] = tensor;
}

Activation GraphEdit::activation(const NodeDraft& node) {
  if (node.op == "conv2d") {
    return options_of(node).as<ConvOptions>().activation;
  }
  if (node.op == "conv2d_transposed") {
    return options_of(node).as<TransposedConvOptions>().activation;
  }
  return node.op == "linear" || is_binary(node.op)
             ? options_of(node).as<ActivationOptions>().activation
             : Activation::kNone;
}

int GraphEdit::producer(int tensor) const {
  for (size_t i = 0; i < graph_->nodes.size(); ++i) {
    const NodeDraft& n = graph_->nodes[i];
    if (!is_dead(n) && std::find(n.outputs.begin(), n.outputs.end(), tensor) != n.outputs.end()) {
      return static_cast<int>(i);
    }
  }
  return -1;
}

std::vector<int> GraphEdit::consumers(int tensor) const {
  std::vector<int> found;
  for (size_t i = 0; i < graph_->nodes.size(); ++i) {
    const NodeDraft& n = graph_->nodes[i];
    if (!is_dead(n) && std::find(n.inputs.begin(), n.inputs.end(), tensor) != n.inputs.end()) {
      found.push_back(static_cast<int>(i));
    }
  }
  return found;
}

int GraphEdit::sole_consumer(int tensor) const {
  const std::vector<int> found = consumers(tensor);
  return found.size() == 1 && !is_output(tensor) ? found[0] : -1;
}

bool GraphEdit::is_output(int tensor) const {
  return std::find(graph_->outputs.begin(), graph_->outputs.end(), tensor) != graph_->outputs.end();
}

int GraphEdit::find_tensor(const std::string& name) const {
  for (size_t i = 0; i < graph_->tensors.size(); ++i) {
    if (graph_->tensors[i].name == name) {
      return static_cast<int>(i);
    }
  }
  return -1;
}

void GraphEdit::replace_uses(int old_tensor, int new_tensor) {
  for (NodeDraft& n : graph_->nodes) {
    std::replace(n.inputs.begin(), n.inputs.end(), old_tensor, new_tensor);
  }
  std::replace(graph_->outputs.begin(), graph_->outputs.end(), old_tensor, new_tensor);
}

void GraphEdit::absorb(int first, int last) {
  node(first).outputs = node(last).outputs;
  node(first).name = node(last).name;
  node(last).outputs.clear();
  kill(last);
}

int GraphEdit::add_vector(const std::string& name, std::vector<float> values) {
  TensorDraft& t = graph_->tensors.emplace_back();
  t.name = name;
  t.kind = Kind::kWeight;
  t.dims = {static_cast<int32_t>(values.size())};
  t.values = std::move(values);
  return static_cast<int>(graph_->tensors.size()) - 1;
}

int GraphEdit::add_panels(const std::string& name,
                          int inner,
                          int outputs,
                          std::vector<float> values) {
  const int index = add_vector(name, std::move(values));
  tensor(index).layout = Layout::kPanels;
  tensor(index).dims = {inner, outputs};
  return index;
}

int GraphEdit::insert(int before, NodeDraft added) {
  TensorDraft& t = graph_->tensors.emplace_back();
  t.name = added.name;
  const int index = static_cast<int>(graph_->tensors.size()) - 1;
  added.outputs = {index};
  infer_shapes(graph_, added);
  graph_->nodes.insert(graph_->nodes.begin() + before, std::move(added));
  return index;
}

int GraphEdit::add_constant_input(const std::string& name, std::vector<int32_t> dims) {
  TensorDraft& t = graph_->tensors.emplace_back();
  t.name = name;
  t.kind = Kind::kConstant;
  t.dims = std::move(dims);
  graph_->inputs.push_back(static_cast<int>(graph_->tensors.size()) - 1);
  return graph_->inputs.back();
}

void GraphEdit::sweep() {
  // Backwards from the outputs: producers come before their readers.
  std::vector<bool> needed(graph_->tensors.size(), false);
  for (int t : graph_->outputs) {
    needed[static_cast<size_t>(t)] = true;
  }
  for (auto n = graph_->nodes.rbegin(); n != graph_->nodes.rend(); ++n) {
    const bool used = !is_dead(*n) && std::any_of(n->outputs.begin(), n->outputs.end(), [&](int t) {
      return needed[static_cast<size_t>(t)];
    });
    if (!used) {
      n->op.clear();
      continue;
    }
    for (const std::vector<int>* list : {&n->inputs, &n->outputs}) {
      for (int t : *list) {
        if (t >= 0) {
          needed[static_cast<size_t>(t)] = true;
        }
      }
    }
  }
  for (int t : graph_->inputs) {
    needed[static_cast<size_t>(t)] = true;
  }
  std::erase_if(graph_->nodes, is_dead);
  std::vector<int> moved(graph_->tensors.size(), -1);
  std::vector<TensorDraft> kept;
  for (size_t i = 0; i < needed.size(); ++i) {
    if (needed[i]) {
      moved[i] = static_cast<int>(kept.size());
      kept.push_back(std::move(graph_->tensors[i]));
    }
  }
  graph_->tensors = std::move(kept);
  const auto move_all = [&](std::vector<int>& list) {
    for (int& t : list) {
      t = t < 0 ? -1 : moved[static_cast<size_t>(t)];
    }
  };
  for (NodeDraft& n : graph_->nodes) {
    move_all(n.inputs);
    move_all(n.outputs);
  }
  move_all(graph_->inputs);
  move_all(graph_->outputs);
}

bool is_product(const std::string& op) {
  return op == "linear" || op == "conv2d" || op == "conv2d_transposed";
}

bool is_binary(const std::string& op) {
  return op == "add" || op == "subtract" || op == "multiply" || op == "divide";
}

GraphDraft* find_graph(ModelDraft* model, const std::string& name) {
  for (GraphDraft& graph : model->graphs) {
    if (graph.name == name) {
      return &graph;
    }
  }
  return nullptr;
}

}  // namespace ligero
