// SPDX-License-Identifier: Apache-2.0
// Checks a model file, in the order of the house rules, and builds the Model. Private to the
// format.
#ifndef LIGERO_MODEL_FORMAT_READER_H_
#define LIGERO_MODEL_FORMAT_READER_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "model/format/loader.h"

namespace ligero {

namespace fb {
struct Attribute;
struct Graph;
struct Node;
struct Tensor;
}  // namespace fb

/// One use: construct, read(), and describe() where that failed. Holds no memory after read().
class ModelReader {
 public:
  ModelReader(std::span<const std::byte> file, const OpTable& ops, const Limits& limits)
      : file_(file), ops_(ops), limits_(limits) {}

  /// Fills `model`, which is of no use where the status is not ok.
  Status read(Model* model);

  /// In words, which part of the file was being read.
  void describe(Fault* fault) const;

 private:
  /// A weight's bytes (or scales) in the segment, for the check that none overlap.
  struct Range {
    uint64_t begin;
    uint64_t end;
  };

  // Structure (reader.cc).
  Status check_header();
  Status check_metadata();
  Status count_graph(const fb::Graph& from);
  Status count_all();
  Status allocate();
  Status check_ranges();
  Status build_graphs();

  // Content (reader_graph.cc).
  Status read_graph(const fb::Graph& from, Graph* graph);
  Status read_tensor(const fb::Tensor& from, Tensor* tensor);
  Status read_weight(const fb::Tensor& from, Tensor* tensor);
  Status add_range(uint64_t offset, uint64_t bytes);
  Status read_node(const fb::Node& from, Node* node);
  Status read_attribute(const fb::Attribute& from, Attribute* attribute);
  Status check_ports(const Graph& graph);
  Status check_node_order(const Graph& graph, const Node& node);
  Status check_tensor_names(const Graph& graph);
  Status check_node_names(const Graph& graph);

  std::span<const std::byte> file_;
  std::span<const std::byte> weights_;
  const OpTable& ops_;
  Limits limits_;
  Model* model_ = nullptr;

  // Totals of all graphs, and how much of them is filled.
  size_t num_tensors_ = 0;
  size_t num_nodes_ = 0;
  size_t num_attributes_ = 0;
  size_t num_ranges_ = 0;
  size_t tensors_filled_ = 0;
  size_t nodes_filled_ = 0;
  size_t attributes_filled_ = 0;
  size_t ranges_filled_ = 0;
  Array<Range> ranges_;
  Array<uint8_t> made_;    ///< of one graph: whether a tensor is an input or produced so far
  Array<int32_t> sorted_;  ///< of one graph: tensors or nodes by name

  // What is being read, for describe() and Status::index.
  enum class Item : uint8_t { kNone, kGraph, kTensor, kNode };
  Item item_ = Item::kNone;
  int32_t index_ = -1;
  std::string_view graph_name_;
  std::string_view item_name_;
  std::string_view op_name_;
};

}  // namespace ligero

#endif  // LIGERO_MODEL_FORMAT_READER_H_
