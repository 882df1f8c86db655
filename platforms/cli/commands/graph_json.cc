// SPDX-License-Identifier: Apache-2.0
// A graph written out as JSON. Not: its weights.
#include "platforms/cli/commands/graph_json.h"

#include <cstddef>
#include <nlohmann/json.hpp>

namespace ligero::cli {

namespace {

using Json = nlohmann::ordered_json;

// In the order of Kind, Type, Layout and TimeUse.
constexpr const char* kKinds[] = {"sequence", "constant", "weight"};
constexpr const char* kTypes[] = {"f32", "f16", "int8"};
constexpr const char* kLayouts[] = {"plain", "panels"};
constexpr const char* kUses[] = {"pointwise", "window", "recurrent", "whole"};

template <typename Enum, size_t kCount>
const char* word(const char* const (&words)[kCount], Enum value) {
  return words[static_cast<size_t>(value)];
}

Json names(const Graph& graph, std::span<const int32_t> tensors) {
  Json out = Json::array();
  for (const int32_t t : tensors) {
    out.push_back(t < 0 ? Json() : Json(graph.tensors[static_cast<size_t>(t)].name));
  }
  return out;
}

Json tensor_json(const ModelFile& file, const Tensor& tensor) {
  Json out = {{"name", tensor.name},
              {"kind", word(kKinds, tensor.kind)},
              {"dims", std::span(tensor.dim, static_cast<size_t>(tensor.rank))}};
  if (tensor.kind == Kind::kWeight) {
    const auto offset = [&](const void* at) {
      return static_cast<const std::byte*>(at) - file.file.bytes().data();
    };
    out["type"] = word(kTypes, tensor.type);
    out["layout"] = word(kLayouts, tensor.layout);
    out["offset"] = offset(tensor.data);
    out["bytes"] = stored_bytes(tensor);
    if (tensor.scale != nullptr) {
      out["scale_offset"] = offset(tensor.scale);
    }
  }
  return out;
}

Json node_json(const Graph& graph, const Node& node, const NodeFacts& facts) {
  Json attributes = Json::object();
  for (const Attribute& a : node.attributes) {
    attributes[std::string(a.name)] = a.ints.empty() ? Json(a.floats) : Json(a.ints);
  }
  Json time = Json::array();
  for (size_t k = 0; k < node.inputs.size(); ++k) {
    const NodeTime& t = facts.time[k];
    time.push_back({word(kUses, t.use), t.past, t.future});
  }
  return {{"name", node.name},
          {"op", node.op->name},
          {"inputs", names(graph, node.inputs)},
          {"outputs", names(graph, node.outputs)},
          {"attributes", attributes},
          {"time", time}};
}

}  // namespace

Json graph_json(const ModelFile& file, const Graph& graph, const Array<NodeFacts>& facts) {
  Json out = {{"inputs", names(graph, graph.inputs)},
              {"outputs", names(graph, graph.outputs)},
              {"tensors", Json::array()},
              {"nodes", Json::array()}};
  for (const Tensor& tensor : graph.tensors) {
    out["tensors"].push_back(tensor_json(file, tensor));
  }
  for (size_t n = 0; n < graph.nodes.size(); ++n) {
    out["nodes"].push_back(node_json(graph, graph.nodes[n], facts[n]));
  }
  return out;
}

}  // namespace ligero::cli
