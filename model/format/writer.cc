// SPDX-License-Identifier: Apache-2.0
// write_model(): checks a draft, packs its weights, and lays out the file. Not: reading it.
#include "model/format/writer.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <set>
#include <stdexcept>
#include <string>

#include "model/format/file_header.h"
#include "model/format/half.h"
#include "model/format/loader.h"
#include "model_generated.h"
#include "runtime/base/checked.h"

namespace ligero {
namespace {

constexpr int64_t kQ8Group = 4;
constexpr float kQ8Max = 127.0f;

/// Where a tensor's bytes go, counted from the start of the weight segment.
struct Place {
  uint64_t offset = 0;
  uint64_t bytes = 0;
  uint64_t scale_offset = 0;
};
using Places = std::vector<std::vector<Place>>;  // [graph][tensor]

[[noreturn]] void refuse(const std::string& where, const std::string& what) {
  throw std::invalid_argument(where + ": " + what);
}

std::string at(const GraphDraft& graph, const char* item, size_t index, const std::string& name) {
  return "graph \"" + graph.name + "\", " + item + " " + std::to_string(index) + " \"" + name +
         "\"";
}

// --- Checks ---

void check_name(const std::string& name, std::set<std::string>* seen, const std::string& where) {
  if (!valid_name(name)) {
    refuse(where,
           "the name must be 1 to " + std::to_string(kMaxNameBytes) +
               " characters of A-Z a-z 0-9 _ . - without a leading dot");
  }
  if (!seen->insert(name).second) {
    refuse(where, "the name is taken by another one");
  }
}

void check_tensor(const TensorDraft& t, const std::string& where) {
  if (t.dims.empty() || t.dims.size() > kMaxRank) {
    refuse(where, "has " + std::to_string(t.dims.size()) + " dimensions, not 1 to 4");
  }
  int64_t elements = 1;
  for (int32_t dim : t.dims) {
    if (dim <= 0 || !checked_mul(elements, dim, &elements)) {
      refuse(where, "a dimension is " + std::to_string(dim));
    }
  }
  if (t.kind != Kind::kWeight) {
    if (t.type != Type::kF32 || t.layout != Layout::kPlain || !t.values.empty()) {
      refuse(where, "is not a weight but has values, or a weight's type or layout");
    }
    if (t.kind == Kind::kSequence && t.dims.size() != 2) {
      refuse(where, "is a sequence whose frame is not [bins, channels]");
    }
    return;
  }
  if (t.layout == Layout::kPanels && t.dims.size() != 2) {
    refuse(where, "is in panels but not a matrix [inner, outputs]");
  }
  if (t.type == Type::kQ8 && t.layout != Layout::kPanels) {
    refuse(where, "is 8-bit but not in panels");
  }
  if (static_cast<int64_t>(t.values.size()) != elements) {
    refuse(where,
           "has " + std::to_string(t.values.size()) + " values, its dimensions ask for " +
               std::to_string(elements));
  }
  for (float v : t.values) {
    if (!std::isfinite(v)) {
      refuse(where, "has a value that is not finite");
    }
    if (t.type == Type::kF16 && (half_from_float(v) & 0x7FFFu) == 0x7C00u) {
      refuse(where, "has a value too large for half precision: " + std::to_string(v));
    }
  }
}

void check_attributes(const NodeDraft& node, const std::string& where) {
  for (const auto& [name, values] : node.ints) {
    if (!valid_name(name) || values.empty() || node.floats.count(name) != 0) {
      refuse(where, "attribute \"" + name + "\" has a bad name, no value, or is there twice");
    }
  }
  for (const auto& [name, values] : node.floats) {
    if (!valid_name(name) || values.empty()) {
      refuse(where, "attribute \"" + name + "\" has a bad name or no value");
    }
    for (float v : values) {
      if (!std::isfinite(v)) {
        refuse(where, "attribute \"" + name + "\" is not finite");
      }
    }
  }
}

/// Follows a graph in its order; made[t] is whether tensor t can be read.
class PortCheck {
 public:
  explicit PortCheck(const GraphDraft& graph) : graph_(graph), made_(graph.tensors.size(), false) {
    for (size_t i = 0; i < made_.size(); ++i) {
      made_[i] = graph.tensors[i].kind == Kind::kWeight;
    }
  }
  void make(int t, const std::string& where) {
    if (t < 0 || static_cast<size_t>(t) >= made_.size() || made_[static_cast<size_t>(t)]) {
      refuse(where,
             "tensor " + std::to_string(t) + " does not exist, is a weight, or is made twice");
    }
    made_[static_cast<size_t>(t)] = true;
  }
  void read(int t, const std::string& where) const {
    if (t < 0 || static_cast<size_t>(t) >= made_.size()) {
      refuse(where, "tensor " + std::to_string(t) + " does not exist");
    }
    if (!made_[static_cast<size_t>(t)]) {
      refuse(where,
             "tensor \"" + graph_.tensors[static_cast<size_t>(t)].name +
                 "\" is read before it is produced");
    }
  }

 private:
  const GraphDraft& graph_;
  std::vector<bool> made_;
};

void check_graph(const GraphDraft& graph, const OpTable& ops) {
  std::set<std::string> names;
  for (size_t i = 0; i < graph.tensors.size(); ++i) {
    const std::string where = at(graph, "tensor", i, graph.tensors[i].name);
    check_name(graph.tensors[i].name, &names, where);
    check_tensor(graph.tensors[i], where);
  }
  PortCheck ports(graph);
  const std::string graph_name = "graph \"" + graph.name + "\"";
  if (graph.inputs.empty() || graph.outputs.empty()) {
    refuse(graph_name, "has no inputs or no outputs");
  }
  for (int t : graph.inputs) {
    ports.make(t, graph_name);
  }
  names.clear();
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const NodeDraft& node = graph.nodes[i];
    const std::string where = at(graph, "node", i, node.name);
    check_name(node.name, &names, where);
    check_attributes(node, where);
    if (ops.find(node.op) == nullptr) {
      refuse(where, "there is no op \"" + node.op + "\"");
    }
    if (node.inputs.size() > kMaxInputs || node.outputs.empty() ||
        node.outputs.size() > kMaxOutputs) {
      refuse(where, "has more than 8 inputs, no output, or more than 2");
    }
    for (int t : node.inputs) {
      if (t != -1) {
        ports.read(t, where);
      }
    }
    for (int t : node.outputs) {
      ports.make(t, where);
    }
  }
  for (int t : graph.outputs) {
    ports.read(t, graph_name);
  }
}

void check_model(const ModelDraft& model, const OpTable& ops) {
  if (!valid_family(model.family)) {
    refuse("model", "the family is not 64 lower-case hexadecimal digits: \"" + model.family + "\"");
  }
  if (model.graphs.empty()) {
    refuse("model", "has no graph");
  }
  std::set<std::string> names;
  for (const GraphDraft& graph : model.graphs) {
    check_name(graph.name, &names, "graph \"" + graph.name + "\"");
    check_graph(graph, ops);
  }
}

// --- Layout and packing ---

Tensor definition(const TensorDraft& draft) {
  Tensor t;
  t.kind = draft.kind;
  t.type = draft.type;
  t.layout = draft.layout;
  t.rank = static_cast<int32_t>(draft.dims.size());
  for (size_t i = 0; i < draft.dims.size(); ++i) {
    t.dim[i] = draft.dims[i];
  }
  return t;
}

Places place_weights(const ModelDraft& model, uint64_t* total) {
  Places places;
  *total = 0;
  for (const GraphDraft& graph : model.graphs) {
    std::vector<Place>& of_graph = places.emplace_back(graph.tensors.size());
    for (size_t i = 0; i < graph.tensors.size(); ++i) {
      const TensorDraft& t = graph.tensors[i];
      if (t.kind != Kind::kWeight) {
        continue;
      }
      of_graph[i].offset = *total;
      of_graph[i].bytes = static_cast<uint64_t>(stored_bytes(definition(t)));
      *total += align_up(of_graph[i].bytes);
      if (t.type == Type::kQ8) {
        of_graph[i].scale_offset = *total;
        *total += align_up(static_cast<uint64_t>(t.dims[1]) * sizeof(float));
      }
    }
  }
  return places;
}

void store(const TensorDraft& t, size_t from, size_t to, std::byte* out) {
  if (t.type == Type::kF16) {
    const uint16_t half = half_from_float(t.values[from]);
    std::memcpy(out + to * sizeof(half), &half, sizeof(half));
  } else {
    std::memcpy(out + to * sizeof(float), &t.values[from], sizeof(float));
  }
}

/// Panels of 16 outputs, each [inner][16]; what is beyond the last output stays zero.
void pack_panels(const TensorDraft& t, std::byte* out) {
  const size_t inner = static_cast<size_t>(t.dims[0]);
  const size_t outputs = static_cast<size_t>(t.dims[1]);
  for (size_t i = 0; i < inner; ++i) {
    for (size_t o = 0; o < outputs; ++o) {
      const size_t panel = o / kPanelWidth;
      store(t, i * outputs + o, (panel * inner + i) * kPanelWidth + o % kPanelWidth, out);
    }
  }
}

/// As pack_panels(), [ceil(inner / 4)][16][4] of int8, each output scaled to [-127, 127].
void pack_q8(const TensorDraft& t, std::byte* out, std::byte* scales_out) {
  const size_t inner = static_cast<size_t>(t.dims[0]);
  const size_t outputs = static_cast<size_t>(t.dims[1]);
  const size_t groups = static_cast<size_t>(ceil_div(t.dims[0], kQ8Group));
  for (size_t o = 0; o < outputs; ++o) {
    float largest = 0.0f;
    for (size_t i = 0; i < inner; ++i) {
      largest = std::max(largest, std::fabs(t.values[i * outputs + o]));
    }
    // A column of zeros, or of values whose scale would not be a normal number, is stored as zeros.
    float scale = largest / kQ8Max;
    if (scale < std::numeric_limits<float>::min()) {
      scale = 1.0f;
    }
    std::memcpy(scales_out + o * sizeof(float), &scale, sizeof(scale));
    for (size_t i = 0; i < inner; ++i) {
      const float q = std::nearbyint(t.values[i * outputs + o] / scale);
      const size_t panel = o / kPanelWidth;
      const size_t group = panel * groups + i / kQ8Group;
      out[(group * kPanelWidth + o % kPanelWidth) * kQ8Group + i % kQ8Group] =
          static_cast<std::byte>(static_cast<int8_t>(std::min(std::max(q, -kQ8Max), kQ8Max)));
    }
  }
}

void pack_weights(const ModelDraft& model, const Places& places, std::byte* segment) {
  for (size_t g = 0; g < model.graphs.size(); ++g) {
    for (size_t i = 0; i < places[g].size(); ++i) {
      const TensorDraft& t = model.graphs[g].tensors[i];
      std::byte* out = segment + places[g][i].offset;
      if (t.kind != Kind::kWeight) {
        continue;
      }
      if (t.type == Type::kQ8) {
        pack_q8(t, out, segment + places[g][i].scale_offset);
      } else if (t.layout == Layout::kPanels) {
        pack_panels(t, out);
      } else {
        for (size_t k = 0; k < t.values.size(); ++k) {
          store(t, k, k, out);
        }
      }
    }
  }
}

// --- Metadata ---

flatbuffers::Offset<fb::Node> build_node(flatbuffers::FlatBufferBuilder* b,
                                         const NodeDraft& node,
                                         const OpTable& ops) {
  std::vector<flatbuffers::Offset<fb::Attribute>> attributes;
  for (const auto& [name, values] : node.ints) {
    const auto stored_name = b->CreateString(name);
    attributes.push_back(fb::CreateAttribute(*b, stored_name, b->CreateVector(values), 0));
  }
  for (const auto& [name, values] : node.floats) {
    const auto stored_name = b->CreateString(name);
    attributes.push_back(fb::CreateAttribute(*b, stored_name, 0, b->CreateVector(values)));
  }
  const auto name = b->CreateString(node.name);
  const auto op = b->CreateSharedString(node.op);
  const auto inputs = b->CreateVector(node.inputs);
  const auto outputs = b->CreateVector(node.outputs);
  const auto stored_attributes = b->CreateVector(attributes);
  return fb::CreateNode(
      *b, name, op, ops.find(node.op)->version, inputs, outputs, stored_attributes);
}

flatbuffers::Offset<fb::Graph> build_graph(flatbuffers::FlatBufferBuilder* b,
                                           const GraphDraft& graph,
                                           const std::vector<Place>& places,
                                           const OpTable& ops) {
  std::vector<flatbuffers::Offset<fb::Tensor>> tensors;
  for (size_t i = 0; i < graph.tensors.size(); ++i) {
    const TensorDraft& t = graph.tensors[i];
    const auto name = b->CreateString(t.name);
    const auto dims = b->CreateVector(t.dims);
    tensors.push_back(fb::CreateTensor(*b,
                                       name,
                                       static_cast<fb::Kind>(t.kind),
                                       static_cast<fb::Type>(t.type),
                                       static_cast<fb::Layout>(t.layout),
                                       dims,
                                       places[i].offset,
                                       places[i].bytes,
                                       places[i].scale_offset));
  }
  std::vector<flatbuffers::Offset<fb::Node>> nodes;
  for (const NodeDraft& node : graph.nodes) {
    nodes.push_back(build_node(b, node, ops));
  }
  const auto name = b->CreateString(graph.name);
  const auto stored_tensors = b->CreateVector(tensors);
  const auto stored_nodes = b->CreateVector(nodes);
  const auto inputs = b->CreateVector(graph.inputs);
  const auto outputs = b->CreateVector(graph.outputs);
  return fb::CreateGraph(*b, name, stored_tensors, stored_nodes, inputs, outputs);
}

/// Whether rate and hop are not those of files that do not state them.
bool states_rate(const ModelDraft& model) {
  return model.rate_hz != ModelDraft().rate_hz || model.hop_samples != ModelDraft().hop_samples;
}

std::vector<std::byte> build_metadata(const ModelDraft& model,
                                      const Places& places,
                                      const OpTable& ops,
                                      uint64_t weights_hash) {
  flatbuffers::FlatBufferBuilder b;
  b.ForceDefaults(true);  // so that the size does not depend on the hash
  std::vector<flatbuffers::Offset<fb::Graph>> graphs;
  for (size_t g = 0; g < model.graphs.size(); ++g) {
    graphs.push_back(build_graph(&b, model.graphs[g], places[g], ops));
  }
  std::vector<flatbuffers::Offset<fb::KeyValue>> entries;
  for (const auto& [key, value] : model.metadata) {
    const auto stored_key = b.CreateString(key);
    entries.push_back(fb::CreateKeyValue(b, stored_key, b.CreateString(value)));
  }
  const auto stored_graphs = b.CreateVector(graphs);
  const auto stored_entries = b.CreateVector(entries);
  const auto family = b.CreateString(model.family);
  fb::ModelBuilder root(b);
  root.add_weights_hash(weights_hash);
  if (states_rate(model)) {
    root.add_hop_samples(model.hop_samples);
    root.add_rate_hz(model.rate_hz);
  }
  root.add_family(family);
  root.add_metadata(stored_entries);
  root.add_graphs(stored_graphs);
  b.Finish(root.Finish());
  const auto* begin = reinterpret_cast<const std::byte*>(b.GetBufferPointer());
  return {begin, begin + b.GetSize()};
}

}  // namespace

std::vector<std::byte> write_model(const ModelDraft& model, const OpTable& ops) {
  check_model(model, ops);
  ModelHeader header{};
  const Places places = place_weights(model, &header.weights_bytes);
  header.metadata_bytes = build_metadata(model, places, ops, 0).size();
  std::memcpy(header.magic, kModelMagic, sizeof(header.magic));
  header.version_major = states_rate(model) ? kModelVersionMajor : kOldestModelVersionMajor;
  header.metadata_offset = sizeof(header);
  header.weights_offset = align_up(sizeof(header) + header.metadata_bytes);
  header.file_bytes = header.weights_offset + header.weights_bytes;

  std::vector<std::byte> file(header.file_bytes);
  pack_weights(model, places, file.data() + header.weights_offset);
  const uint64_t weights_hash = hash_bytes(std::span(file).subspan(header.weights_offset));
  const std::vector<std::byte> metadata = build_metadata(model, places, ops, weights_hash);
  std::memcpy(file.data() + header.metadata_offset, metadata.data(), metadata.size());
  std::memcpy(file.data(), &header, sizeof(header));
  header.checksum =
      hash_with_hole(std::span(file).first(header.weights_offset), offsetof(ModelHeader, checksum));
  std::memcpy(file.data(), &header, sizeof(header));
  return file;
}

}  // namespace ligero
