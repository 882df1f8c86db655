// SPDX-License-Identifier: Apache-2.0
// Writing a graph node by node, with weights from a checkpoint. Not: any network (the systems).
#ifndef LIGERO_MODEL_SYSTEMS_BUILDER_H_
#define LIGERO_MODEL_SYSTEMS_BUILDER_H_

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "model/draft.h"
#include "model/systems/checkpoint.h"

namespace ligero {

using Ints = std::map<std::string, std::vector<int32_t>>;
using Floats = std::map<std::string, std::vector<float>>;

/// Writes one graph. Tensors are known by their index in the draft; output shapes come from the ops.
/// Every function throws SystemError where an op refuses its inputs.
class GraphBuilder {
 public:
  GraphBuilder(std::string graph_name, Weights* weights);

  /// A sequence or a constant that the caller fills.
  int sequence(const std::string& name, int bins, int channels);
  int constant(const std::string& name, int bins, int channels);

  /// A node of one output, both named `name`.
  int node(const std::string& op,
           const std::string& name,
           const std::vector<int>& inputs,
           const Ints& ints = {},
           const Floats& floats = {});
  void output(int tensor);

  /// A vector of the checkpoint, or of values worked out here.
  int vector(const std::string& name, int size);
  int vector(const std::string& name, std::vector<float> values);
  /// A plain matrix [rows, columns].
  int matrix(const std::string& name, int rows, int columns, std::vector<float> values);
  /// A matrix for a product, [inner, outputs] row-major.
  int panels(const std::string& name, int inner, int outputs, std::vector<float> values);

  /// y = W x + b of PyTorch's Linear `ck`, or of a convolution of kernel 1 where `kernel_axes` says
  /// how many axes of size 1 follow in the weight's shape.
  int linear(const std::string& ck,
             const std::string& name,
             int x,
             int inputs,
             int outputs,
             int kernel_axes = 0);
  int layer_norm(const std::string& ck, const std::string& name, int x, int size);
  int cumulative_norm(const std::string& ck, const std::string& name, int x, int size);
  int batch_norm(const std::string& ck, const std::string& name, int x, int size);
  int prelu(const std::string& ck, const std::string& name, int x, int slopes);

  int bins(int tensor) const;
  int channels(int tensor) const;
  Weights& weights() {
    return *weights_;
  }
  GraphDraft finish() {
    return std::move(graph_);
  }

 private:
  int add(const std::string& name, Kind kind, std::vector<int32_t> dims);
  int add_weight(const std::string& name,
                 Layout layout,
                 std::vector<int32_t> dims,
                 std::vector<float> values);

  GraphDraft graph_;
  Weights* weights_;
};

/// The transpose of a row-major [rows, columns] matrix.
std::vector<float> transposed(const std::vector<float>& values, int rows, int columns);

}  // namespace ligero

#endif  // LIGERO_MODEL_SYSTEMS_BUILDER_H_
