// SPDX-License-Identifier: Apache-2.0
// The content of one graph of a model file: tensors, nodes, names, order. Not: shapes that follow
// from ops (runtime/plan/plan.h).
#include <algorithm>
#include <cmath>

#include "model/format/file_header.h"
#include "model/format/reader.h"
#include "model_generated.h"
#include "runtime/base/checked.h"

namespace ligero {
namespace {

std::span<const int32_t> view(const flatbuffers::Vector<int32_t>* v) {
  return v == nullptr ? std::span<const int32_t>() : std::span<const int32_t>(v->data(), v->size());
}
std::span<const float> view(const flatbuffers::Vector<float>* v) {
  return v == nullptr ? std::span<const float>() : std::span<const float>(v->data(), v->size());
}

/// Whether `order`, indices into `items`, shows two items of one name side by side once sorted;
/// the later of the two, or -1.
template <typename T>
int32_t doubled_name(std::span<T> items, int32_t* order) {
  const size_t n = items.size();
  for (size_t i = 0; i < n; ++i) {
    order[i] = static_cast<int32_t>(i);
  }
  const auto name = [&](int32_t i) { return items[static_cast<size_t>(i)].name; };
  std::sort(order, order + n, [&](int32_t a, int32_t b) { return name(a) < name(b); });
  for (size_t i = 1; i < n; ++i) {
    if (name(order[i]) == name(order[i - 1])) {
      return std::max(order[i], order[i - 1]);
    }
  }
  return -1;
}

}  // namespace

Status ModelReader::read_graph(const fb::Graph& from, Graph* graph) {
  const uint32_t num_tensors = from.tensors()->size();
  const uint32_t num_nodes = from.nodes()->size();
  graph->name = graph_name_;
  graph->tensors = {model_->tensors_.data() + tensors_filled_, num_tensors};
  graph->nodes = {model_->nodes_.data() + nodes_filled_, num_nodes};
  graph->inputs = view(from.inputs());
  graph->outputs = view(from.outputs());
  item_ = Item::kTensor;
  for (uint32_t i = 0; i < num_tensors; ++i, ++tensors_filled_) {
    index_ = static_cast<int32_t>(i);
    LIGERO_RETURN_IF_ERROR(read_tensor(*from.tensors()->Get(i), &graph->tensors[i]));
  }
  LIGERO_RETURN_IF_ERROR(check_tensor_names(*graph));
  item_ = Item::kNode;
  for (uint32_t i = 0; i < num_nodes; ++i, ++nodes_filled_) {
    index_ = static_cast<int32_t>(i);
    LIGERO_RETURN_IF_ERROR(read_node(*from.nodes()->Get(i), &model_->nodes_[nodes_filled_]));
  }
  LIGERO_RETURN_IF_ERROR(check_node_names(*graph));
  return check_ports(*graph);
}

Status ModelReader::read_tensor(const fb::Tensor& from, Tensor* t) {
  item_name_ = from.name()->string_view();
  t->name = item_name_;
  LIGERO_CHECK(valid_name(t->name), Code::kBadModel, "a tensor's name is not a valid name");
  LIGERO_CHECK(from.kind() <= fb::Kind::MAX && from.type() <= fb::Type::MAX &&
                   from.layout() <= fb::Layout::MAX,
               Code::kBadModel,
               "a tensor's kind, type or layout is none that there is");
  t->kind = static_cast<Kind>(from.kind());
  t->type = static_cast<Type>(from.type());
  t->layout = static_cast<Layout>(from.layout());
  const uint32_t rank = from.dims()->size();
  LIGERO_CHECK(rank >= 1 && rank <= kMaxRank,
               Code::kBadModel,
               "a tensor has no dimensions, or more than 4",
               -1,
               rank);
  t->rank = static_cast<int32_t>(rank);
  int64_t elements = 1;
  for (uint32_t i = 0; i < rank; ++i) {
    const int32_t dim = from.dims()->Get(i);
    LIGERO_CHECK(dim > 0, Code::kBadModel, "a dimension is zero or negative", -1, dim);
    LIGERO_CHECK(dim <= limits_.dimension,
                 Code::kUnsupportedModel,
                 "a dimension is over the limit",
                 -1,
                 dim);
    LIGERO_CHECK(checked_mul(elements, dim, &elements) && elements <= limits_.elements,
                 Code::kUnsupportedModel,
                 "a tensor has more elements than the limit");
    t->dim[i] = dim;
  }
  if (t->kind == Kind::kWeight) {
    return read_weight(from, t);
  }
  LIGERO_CHECK(t->type == Type::kF32 && t->layout == Layout::kPlain && from.offset() == 0 &&
                   from.bytes() == 0 && from.scale_offset() == 0,
               Code::kBadModel,
               "a sequence or constant has a weight's type, layout or place in the file");
  LIGERO_CHECK(t->kind != Kind::kSequence || rank == 2,
               Code::kBadModel,
               "a sequence's frame is not [bins, channels]",
               -1,
               rank);
  return {};
}

Status ModelReader::read_weight(const fb::Tensor& from, Tensor* t) {
  LIGERO_CHECK(t->layout == Layout::kPlain || t->rank == 2,
               Code::kBadModel,
               "a weight in panels is not a matrix [inner, outputs]",
               -1,
               t->rank);
  LIGERO_CHECK(t->type != Type::kQ8 || t->layout == Layout::kPanels,
               Code::kBadModel,
               "an 8-bit weight is not in panels");
  const uint64_t bytes = static_cast<uint64_t>(stored_bytes(*t));
  LIGERO_CHECK(from.bytes() == bytes,
               Code::kBadModel,
               "a weight's length is not what its dimensions give",
               -1,
               static_cast<int64_t>(bytes));
  LIGERO_RETURN_IF_ERROR(add_range(from.offset(), bytes));
  t->data = weights_.data() + from.offset();
  if (t->type != Type::kQ8) {
    LIGERO_CHECK(from.scale_offset() == 0, Code::kBadModel, "a float weight has scales");
    return {};
  }
  const uint64_t outputs = static_cast<uint64_t>(t->dim[1]);
  LIGERO_RETURN_IF_ERROR(add_range(from.scale_offset(), outputs * sizeof(float)));
  t->scale = reinterpret_cast<const float*>(weights_.data() + from.scale_offset());
  for (uint64_t i = 0; i < outputs; ++i) {
    LIGERO_CHECK(std::isfinite(t->scale[i]) && t->scale[i] > 0,
                 Code::kBadModel,
                 "a scale is not finite and positive",
                 -1,
                 static_cast<int64_t>(from.scale_offset() + i * sizeof(float)));
  }
  return {};
}

/// Notes bytes of the weight segment as taken; they reach to the next multiple of 64.
Status ModelReader::add_range(uint64_t offset, uint64_t bytes) {
  LIGERO_CHECK(offset % kAlignment == 0,
               Code::kBadModel,
               "a weight does not start on a multiple of 64 bytes",
               -1,
               static_cast<int64_t>(offset));
  // `bytes` follows from bounded dimensions, and the segment is a multiple of 64 long.
  LIGERO_CHECK(offset <= weights_.size() && bytes <= weights_.size() - offset,
               Code::kBadModel,
               "a weight lies outside the weight segment",
               -1,
               static_cast<int64_t>(offset));
  ranges_[ranges_filled_++] = {offset, offset + align_up(bytes)};
  return {};
}

Status ModelReader::read_node(const fb::Node& from, Node* node) {
  item_name_ = from.name()->string_view();
  op_name_ = from.op()->string_view();
  node->name = item_name_;
  LIGERO_CHECK(valid_name(node->name), Code::kBadModel, "a node's name is not a valid name");
  node->op = ops_.find(op_name_);
  LIGERO_CHECK(
      node->op != nullptr, Code::kUnsupportedModel, "a node's op is none that this build has");
  LIGERO_CHECK(from.op_version() == node->op->version,
               Code::kUnsupportedModel,
               "a node's op has a version that this build does not have",
               -1,
               from.op_version());
  node->inputs = view(from.inputs());
  node->outputs = view(from.outputs());
  LIGERO_CHECK(node->inputs.size() <= kMaxInputs,
               Code::kBadModel,
               "a node has more than 8 inputs",
               -1,
               static_cast<int64_t>(node->inputs.size()));
  LIGERO_CHECK(!node->outputs.empty() && node->outputs.size() <= kMaxOutputs,
               Code::kBadModel,
               "a node has no output, or more than 2",
               -1,
               static_cast<int64_t>(node->outputs.size()));
  if (from.attributes() == nullptr) {
    return {};
  }
  Attribute* attributes = model_->attributes_.data() + attributes_filled_;
  const uint32_t count = from.attributes()->size();
  for (uint32_t i = 0; i < count; ++i, ++attributes_filled_) {
    LIGERO_RETURN_IF_ERROR(read_attribute(*from.attributes()->Get(i), &attributes[i]));
    for (uint32_t k = 0; k < i; ++k) {
      LIGERO_CHECK(attributes[k].name != attributes[i].name,
                   Code::kBadModel,
                   "a node has two attributes of the same name",
                   -1,
                   i);
    }
  }
  node->attributes = {attributes, count};
  return {};
}

Status ModelReader::read_attribute(const fb::Attribute& from, Attribute* attribute) {
  attribute->name = from.name()->string_view();
  attribute->ints = view(from.ints());
  attribute->floats = view(from.floats());
  LIGERO_CHECK(
      valid_name(attribute->name), Code::kBadModel, "an attribute's name is not a valid name");
  LIGERO_CHECK(attribute->ints.empty() != attribute->floats.empty(),
               Code::kBadModel,
               "an attribute has no values, or both integers and floats");
  const size_t values = attribute->ints.size() + attribute->floats.size();
  LIGERO_CHECK(values <= limits_.attribute_values,
               Code::kUnsupportedModel,
               "an attribute has more values than the limit",
               -1,
               static_cast<int64_t>(values));
  for (float value : attribute->floats) {
    LIGERO_CHECK(std::isfinite(value), Code::kBadModel, "an attribute's value is not finite");
  }
  return {};
}

/// Graph inputs, then nodes in order, then graph outputs: everything that is not a weight is made
/// exactly once, and before it is read.
Status ModelReader::check_ports(const Graph& graph) {
  std::fill(made_.begin(), made_.begin() + graph.tensors.size(), uint8_t{0});
  const auto kind = [&](int32_t t) { return graph.tensors[static_cast<size_t>(t)].kind; };
  const auto known = [&](int32_t t) {
    return t >= 0 && static_cast<size_t>(t) < graph.tensors.size();
  };
  item_ = Item::kGraph;
  index_ = -1;
  for (int32_t t : graph.inputs) {
    LIGERO_CHECK(known(t) && kind(t) != Kind::kWeight && made_[static_cast<size_t>(t)] == 0,
                 Code::kBadModel,
                 "a graph input is no sequence or constant of the graph, or is listed twice",
                 -1,
                 t);
    made_[static_cast<size_t>(t)] = 1;
  }
  const size_t num_inputs = graph.inputs.size();
  for (const Node& node : graph.nodes) {
    LIGERO_RETURN_IF_ERROR(check_node_order(graph, node));
  }
  item_ = Item::kGraph;
  index_ = -1;
  LIGERO_CHECK(num_inputs > 0 && !graph.outputs.empty(),
               Code::kBadModel,
               "a graph has no input or no output");
  for (size_t i = 0; i < graph.outputs.size(); ++i) {
    const int32_t t = graph.outputs[i];
    const auto before = graph.outputs.first(i);
    LIGERO_CHECK(known(t) && made_[static_cast<size_t>(t)] == 2 &&
                     std::find(before.begin(), before.end(), t) == before.end(),
                 Code::kBadModel,
                 "a graph output is produced by no node, or is listed twice",
                 -1,
                 t);
  }
  for (size_t t = 0; t < graph.tensors.size(); ++t) {
    item_ = Item::kTensor;
    index_ = static_cast<int32_t>(t);
    item_name_ = graph.tensors[t].name;
    LIGERO_CHECK(made_[t] != 0 || graph.tensors[t].kind == Kind::kWeight,
                 Code::kBadModel,
                 "a sequence or constant is neither a graph input nor produced by a node");
  }
  return {};
}

Status ModelReader::check_node_order(const Graph& graph, const Node& node) {
  item_ = Item::kNode;
  index_ = static_cast<int32_t>(&node - graph.nodes.data());
  item_name_ = node.name;
  op_name_ = node.op->name;
  const int32_t num_tensors = static_cast<int32_t>(graph.tensors.size());
  for (int32_t t : node.inputs) {
    LIGERO_CHECK(t >= -1 && t < num_tensors,
                 Code::kBadModel,
                 "a node's input is no tensor of the graph",
                 -1,
                 t);
    LIGERO_CHECK(t < 0 || made_[static_cast<size_t>(t)] != 0 ||
                     graph.tensors[static_cast<size_t>(t)].kind == Kind::kWeight,
                 Code::kBadModel,
                 "a node reads a tensor before it is produced",
                 -1,
                 t);
  }
  for (int32_t t : node.outputs) {
    LIGERO_CHECK(t >= 0 && t < num_tensors,
                 Code::kBadModel,
                 "a node's output is no tensor of the graph",
                 -1,
                 t);
    LIGERO_CHECK(graph.tensors[static_cast<size_t>(t)].kind != Kind::kWeight &&
                     made_[static_cast<size_t>(t)] == 0,
                 Code::kBadModel,
                 "a node writes a weight, a graph input, or what another node has written",
                 -1,
                 t);
    made_[static_cast<size_t>(t)] = 2;
  }
  return {};
}

Status ModelReader::check_tensor_names(const Graph& graph) {
  const int32_t twin = doubled_name(graph.tensors, sorted_.data());
  if (twin >= 0) {
    index_ = twin;
    item_name_ = graph.tensors[static_cast<size_t>(twin)].name;
    return error(Code::kBadModel, "two tensors have the same name");
  }
  return {};
}

Status ModelReader::check_node_names(const Graph& graph) {
  const int32_t twin = doubled_name(graph.nodes, sorted_.data());
  if (twin >= 0) {
    index_ = twin;
    item_name_ = graph.nodes[static_cast<size_t>(twin)].name;
    op_name_ = graph.nodes[static_cast<size_t>(twin)].op->name;
    return error(Code::kBadModel, "two nodes have the same name");
  }
  return {};
}

}  // namespace ligero
