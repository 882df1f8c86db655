// SPDX-License-Identifier: Apache-2.0
// Writing a graph node by node. Not: any network.
#include "model/systems/builder.h"

#include <utility>

#include "model/systems/shape.h"

namespace ligero {

std::vector<float> transposed(const std::vector<float>& values, int rows, int columns) {
  const auto r = static_cast<size_t>(rows);
  const auto c = static_cast<size_t>(columns);
  std::vector<float> out(values.size());
  for (size_t i = 0; i < r; ++i) {
    for (size_t j = 0; j < c; ++j) {
      out[j * r + i] = values[i * c + j];
    }
  }
  return out;
}

GraphBuilder::GraphBuilder(std::string graph_name, Weights* weights) : weights_(weights) {
  graph_.name = std::move(graph_name);
}

int GraphBuilder::add(const std::string& name, Kind kind, std::vector<int32_t> dims) {
  TensorDraft& t = graph_.tensors.emplace_back();
  t.name = name;
  t.kind = kind;
  t.dims = std::move(dims);
  return static_cast<int>(graph_.tensors.size()) - 1;
}

int GraphBuilder::add_weight(const std::string& name,
                             Layout layout,
                             std::vector<int32_t> dims,
                             std::vector<float> values) {
  const int index = add(name, Kind::kWeight, std::move(dims));
  graph_.tensors.back().layout = layout;
  graph_.tensors.back().values = std::move(values);
  return index;
}

int GraphBuilder::sequence(const std::string& name, int bins, int channels) {
  graph_.inputs.push_back(add(name, Kind::kSequence, {bins, channels}));
  return graph_.inputs.back();
}

int GraphBuilder::constant(const std::string& name, int bins, int channels) {
  graph_.inputs.push_back(add(name, Kind::kConstant, {bins, channels}));
  return graph_.inputs.back();
}

int GraphBuilder::node(const std::string& op,
                       const std::string& name,
                       const std::vector<int>& inputs,
                       const Ints& ints,
                       const Floats& floats) {
  const int index = add(name, Kind::kSequence, {});
  graph_.nodes.push_back({name, op, inputs, {index}, ints, floats});
  infer_shapes(&graph_, graph_.nodes.back());
  return index;
}

void GraphBuilder::output(int tensor) {
  graph_.outputs.push_back(tensor);
}

int GraphBuilder::vector(const std::string& name, int size) {
  return vector(name, weights_->take(name, {size}));
}

int GraphBuilder::vector(const std::string& name, std::vector<float> values) {
  const auto size = static_cast<int32_t>(values.size());
  return add_weight(name, Layout::kPlain, {size}, std::move(values));
}

int GraphBuilder::matrix(const std::string& name,
                         int rows,
                         int columns,
                         std::vector<float> values) {
  return add_weight(name, Layout::kPlain, {rows, columns}, std::move(values));
}

int GraphBuilder::panels(const std::string& name,
                         int inner,
                         int outputs,
                         std::vector<float> values) {
  return add_weight(name, Layout::kPanels, {inner, outputs}, std::move(values));
}

int GraphBuilder::linear(const std::string& ck,
                         const std::string& name,
                         int x,
                         int inputs,
                         int outputs,
                         int kernel_axes) {
  std::vector<int64_t> shape = {outputs, inputs};
  shape.resize(shape.size() + static_cast<size_t>(kernel_axes), 1);
  const int w = panels(ck + ".weight",
                       inputs,
                       outputs,
                       transposed(weights_->take(ck + ".weight", shape), outputs, inputs));
  return node("linear", name, {x, w, vector(ck + ".bias", outputs)});
}

int GraphBuilder::layer_norm(const std::string& ck, const std::string& name, int x, int size) {
  return node("layer_norm", name, {x, vector(ck + ".weight", size), vector(ck + ".bias", size)});
}

int GraphBuilder::cumulative_norm(const std::string& ck, const std::string& name, int x, int size) {
  return node(
      "cumulative_norm", name, {x, vector(ck + ".weight", size), vector(ck + ".bias", size)});
}

int GraphBuilder::batch_norm(const std::string& ck, const std::string& name, int x, int size) {
  return node("batch_norm",
              name,
              {x,
               vector(ck + ".running_mean", size),
               vector(ck + ".running_var", size),
               vector(ck + ".weight", size),
               vector(ck + ".bias", size)});
}

int GraphBuilder::prelu(const std::string& ck, const std::string& name, int x, int slopes) {
  return node("prelu", name, {x, vector(ck + ".weight", slopes)});
}

int GraphBuilder::bins(int tensor) const {
  return graph_.tensors[static_cast<size_t>(tensor)].dims[0];
}

int GraphBuilder::channels(int tensor) const {
  return graph_.tensors[static_cast<size_t>(tensor)].dims[1];
}

}  // namespace ligero
