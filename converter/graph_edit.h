// SPDX-License-Identifier: Apache-2.0
// Looking around in a draft and changing it, for the passes. Not: any pass.
#ifndef LIGERO_CONVERTER_GRAPH_EDIT_H_
#define LIGERO_CONVERTER_GRAPH_EDIT_H_

#include <string>
#include <vector>

#include "model/draft.h"
#include "ops/options.h"

namespace ligero {

/// Inputs of a product (ops/OPS.md): x, weights, then these, each -1 or absent where not there.
enum ProductInput : size_t {
  kInputX = 0,
  kInputWeights = 1,
  kInputBias = 2,
  kInputSlopes = 3,
  kInputPostScale = 4,
  kInputPostShift = 5,
  kInputBiasMap = 6,
};

/// A view of one graph that finds producers and consumers. Indices stay valid until sweep().
class GraphEdit {
 public:
  explicit GraphEdit(GraphDraft* graph) : graph_(graph) {}

  GraphDraft& graph() {
    return *graph_;
  }
  TensorDraft& tensor(int index) {
    return graph_->tensors[static_cast<size_t>(index)];
  }
  NodeDraft& node(int index) {
    return graph_->nodes[static_cast<size_t>(index)];
  }
  int num_nodes() const {
    return static_cast<int>(graph_->nodes.size());
  }

  /// Input `k` of a node, or -1.
  static int input(const NodeDraft& node, size_t k);
  static void set_input(NodeDraft& node, size_t k, int tensor);
  /// Of a product, or of a sum of two tensors and the like; kNone of other ops.
  static Activation activation(const NodeDraft& node);
  static bool is_dead(const NodeDraft& node) {
    return node.op.empty();
  }

  /// Index of the node that produces `tensor`, or -1 (graph inputs, weights).
  int producer(int tensor) const;
  /// Indices of the nodes that read `tensor`, each once.
  std::vector<int> consumers(int tensor) const;
  /// The one node that reads `tensor`, or -1 where there are several, none, or it is an output.
  int sole_consumer(int tensor) const;
  bool is_output(int tensor) const;
  /// The tensor of that name, or -1.
  int find_tensor(const std::string& name) const;
  bool is_weight(int tensor) const {
    return tensor >= 0 && graph_->tensors[static_cast<size_t>(tensor)].kind == Kind::kWeight;
  }

  /// Every reader of `old_tensor`, outputs of the graph included, reads `new_tensor` instead.
  void replace_uses(int old_tensor, int new_tensor);
  /// `first` also does the work of `last`: it gets its outputs and name; `last` dies.
  void absorb(int first, int last);
  void kill(int node_index) {
    node(node_index).op.clear();
  }
  int add_vector(const std::string& name, std::vector<float> values);
  int add_panels(const std::string& name, int inner, int outputs, std::vector<float> values);
  /// Adds a node before node `before` and returns its output; later node indices move by one.
  int insert(int before, NodeDraft added);
  /// A graph input.
  int add_constant_input(const std::string& name, std::vector<int32_t> dims);

  /// Drops dead nodes, nodes that no output needs, and tensors that nobody uses; graph inputs stay.
  void sweep();

 private:
  GraphDraft* graph_;
};

/// Whether the op ends in the common epilogue of ops/OPS.md.
bool is_product(const std::string& op);

/// Whether the op is add, subtract, multiply or divide, which end in an activation.
bool is_binary(const std::string& op);

/// The graph of that name, or nullptr.
GraphDraft* find_graph(ModelDraft* model, const std::string& name);

}  // namespace ligero

#endif  // LIGERO_CONVERTER_GRAPH_EDIT_H_
