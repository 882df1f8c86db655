// SPDX-License-Identifier: Apache-2.0
// The structure of a model file: header, FlatBuffers table, counts, byte ranges. Not: what graphs
// mean (reader_graph.cc).
#include "model/format/reader.h"

#include <algorithm>
#include <cstring>
#include <iterator>

#include "model/format/file_header.h"
#include "model_generated.h"
#include "runtime/base/checked.h"
#include "runtime/base/text.h"
#include "runtime/plan/plan.h"

namespace ligero {
namespace {

// The schema nests Model, Graph, Node, Attribute; FlatBuffers counts tables as depth.
constexpr uint32_t kMaxDepth = 8;
// FlatBuffers' own limit of a buffer is 2 GiB.
constexpr uint64_t kMaxMetadataBytes = uint64_t{1} << 30;
constexpr int32_t kMinRateHz = 8000;
constexpr int32_t kMaxRateHz = 96000;
constexpr int32_t kMinHopSamples = 16;
constexpr int32_t kMaxHopSamples = 4096;
constexpr int32_t kMinHopsPerSecond = 10;

template <typename T>
uint32_t size_of(const flatbuffers::Vector<T>* vector) {
  return vector == nullptr ? 0 : vector->size();
}

}  // namespace

Status ModelReader::read(Model* model) {
  model_ = model;
  LIGERO_RETURN_IF_ERROR(check_header());
  LIGERO_RETURN_IF_ERROR(check_metadata());
  LIGERO_RETURN_IF_ERROR(count_all());
  LIGERO_RETURN_IF_ERROR(allocate());
  Status status = build_graphs();
  if (!status.ok() && status.index < 0) {
    status.index = index_;
  }
  return status;
}

Status ModelReader::check_header() {
  LIGERO_CHECK(file_.size() >= sizeof(ModelHeader),
               Code::kBadModel,
               "the file is shorter than the 64-byte header of a model file",
               -1,
               static_cast<int64_t>(file_.size()));
  LIGERO_CHECK(
      file_.size() <= limits_.file_bytes, Code::kUnsupportedModel, "the file is too large");
  LIGERO_CHECK(reinterpret_cast<uintptr_t>(file_.data()) % kAlignment == 0,
               Code::kBadArgument,
               "a model file must start on a multiple of 64 bytes in memory");
  ModelHeader h;
  std::memcpy(&h, file_.data(), sizeof(h));
  LIGERO_CHECK(std::memcmp(h.magic, kModelMagic, sizeof(h.magic)) == 0,
               Code::kBadModel,
               "not a ligero model file: it does not start with LIGEROM",
               -1,
               0);
  LIGERO_CHECK(h.version_major <= kModelVersionMajor,
               Code::kNewerModel,
               "the model file is of a newer major version than this build reads",
               -1,
               h.version_major);
  LIGERO_CHECK(h.version_major >= kOldestModelVersionMajor,
               Code::kUnsupportedModel,
               "the model file is of an older major version than this build reads",
               -1,
               h.version_major);
  LIGERO_CHECK(h.file_bytes == file_.size(),
               Code::kBadModel,
               "the model file has not the length that its header states: truncated, or with "
               "trailing bytes",
               -1,
               static_cast<int64_t>(h.file_bytes));
  LIGERO_CHECK(h.metadata_offset == sizeof(ModelHeader) &&
                   h.metadata_bytes <= std::min(limits_.metadata_bytes, kMaxMetadataBytes) &&
                   h.weights_offset == align_up(sizeof(ModelHeader) + h.metadata_bytes) &&
                   h.weights_offset <= file_.size() &&
                   h.weights_bytes == file_.size() - h.weights_offset &&
                   h.weights_bytes % kAlignment == 0,
               Code::kBadModel,
               "the sizes in the model file's header contradict each other",
               -1,
               offsetof(ModelHeader, metadata_offset));
  LIGERO_CHECK(
      hash_with_hole(file_.first(h.weights_offset), offsetof(ModelHeader, checksum)) == h.checksum,
      Code::kBadModel,
      "the model file's header or metadata are damaged: the checksum differs",
      -1,
      offsetof(ModelHeader, checksum));
  weights_ = file_.subspan(h.weights_offset);
  return {};
}

Status ModelReader::check_metadata() {
  ModelHeader h;
  std::memcpy(&h, file_.data(), sizeof(h));
  const auto* metadata = reinterpret_cast<const uint8_t*>(file_.data() + h.metadata_offset);
  // Each graph, tensor, node, attribute and entry is a table.
  const uint64_t tables =
      uint64_t{1} + limits_.metadata_entries +
      uint64_t{limits_.graphs} *
          (1 + uint64_t{limits_.tensors} + uint64_t{limits_.nodes} * (1 + limits_.attributes));
  flatbuffers::Verifier verifier(metadata,
                                 h.metadata_bytes,
                                 kMaxDepth,
                                 static_cast<uint32_t>(std::min<uint64_t>(tables, UINT32_MAX - 1)));
  LIGERO_CHECK(fb::VerifyModelBuffer(verifier),
               Code::kBadModel,
               "the model file's metadata are not what the schema says",
               -1,
               static_cast<int64_t>(h.metadata_offset));
  const fb::Model* root = fb::GetModel(metadata);
  LIGERO_CHECK(valid_family(root->family()->string_view()),
               Code::kBadModel,
               "the model's family is not 64 lower-case hexadecimal digits");
  LIGERO_CHECK(root->rate_hz() >= kMinRateHz && root->rate_hz() <= kMaxRateHz,
               Code::kBadModel,
               "the model's sample rate is not 8000 to 96000 Hz",
               -1,
               root->rate_hz());
  LIGERO_CHECK(root->hop_samples() >= kMinHopSamples && root->hop_samples() <= kMaxHopSamples &&
                   root->hop_samples() * kMinHopsPerSecond <= root->rate_hz(),
               Code::kBadModel,
               "the model's hop is not 16 to 4096 samples, or longer than a tenth of a second",
               -1,
               root->hop_samples());
  const uint32_t entries = size_of(root->metadata());
  LIGERO_CHECK(entries <= limits_.metadata_entries,
               Code::kUnsupportedModel,
               "more metadata entries than the limit",
               -1,
               entries);
  for (uint32_t i = 0; i < entries; ++i) {
    for (uint32_t k = 0; k < i; ++k) {
      LIGERO_CHECK(root->metadata()->Get(i)->key()->string_view() !=
                       root->metadata()->Get(k)->key()->string_view(),
                   Code::kBadModel,
                   "two metadata entries have the same key",
                   static_cast<int32_t>(i));
    }
  }
  model_->root_ = root;
  model_->file_ = file_;
  model_->weights_ = weights_;
  return {};
}

Status ModelReader::count_graph(const fb::Graph& from) {
  const uint32_t tensors = size_of(from.tensors());
  const uint32_t nodes = size_of(from.nodes());
  LIGERO_CHECK(tensors <= limits_.tensors,
               Code::kUnsupportedModel,
               "a graph has more tensors than the limit",
               index_,
               tensors);
  LIGERO_CHECK(nodes <= limits_.nodes,
               Code::kUnsupportedModel,
               "a graph has more nodes than the limit",
               index_,
               nodes);
  for (const fb::Tensor* t : *from.tensors()) {
    num_ranges_ += t->type() == fb::Type::kQ8 ? 2 : 1;
  }
  for (const fb::Node* n : *from.nodes()) {
    const uint32_t attributes = size_of(n->attributes());
    LIGERO_CHECK(attributes <= limits_.attributes,
                 Code::kUnsupportedModel,
                 "a node has more attributes than the limit",
                 index_,
                 attributes);
    num_attributes_ += attributes;
  }
  num_tensors_ += tensors;
  num_nodes_ += nodes;
  return {};
}

Status ModelReader::count_all() {
  const auto& graphs = *model_->root_->graphs();
  LIGERO_CHECK(graphs.size() > 0, Code::kBadModel, "the model file has no graph");
  LIGERO_CHECK(graphs.size() <= limits_.graphs,
               Code::kUnsupportedModel,
               "more graphs than the limit",
               -1,
               graphs.size());
  item_ = Item::kGraph;
  for (uint32_t i = 0; i < graphs.size(); ++i) {
    index_ = static_cast<int32_t>(i);
    graph_name_ = graphs.Get(i)->name()->string_view();
    LIGERO_CHECK(
        valid_name(graph_name_), Code::kBadModel, "a graph's name is not a valid name", index_);
    for (uint32_t k = 0; k < i; ++k) {
      LIGERO_CHECK(graphs.Get(k)->name()->string_view() != graph_name_,
                   Code::kBadModel,
                   "two graphs have the same name",
                   index_);
    }
    LIGERO_RETURN_IF_ERROR(count_graph(*graphs.Get(i)));
  }
  item_ = Item::kNone;
  return {};
}

Status ModelReader::allocate() {
  const size_t num_graphs = model_->root_->graphs()->size();
  const size_t bytes = num_graphs * sizeof(Graph) + num_tensors_ * sizeof(Tensor) +
                       num_nodes_ * sizeof(Node) + num_attributes_ * sizeof(Attribute);
  const size_t transient = num_ranges_ * sizeof(Range) +
                           std::max(num_tensors_, num_nodes_) * sizeof(int32_t) + num_tensors_ +
                           num_nodes_ * sizeof(NodeFacts);
  LIGERO_CHECK(bytes + transient <= limits_.heap_bytes,
               Code::kTooLittleMemory,
               "opening the model takes more heap than the limit",
               -1,
               static_cast<int64_t>(bytes + transient));
  const bool allocated =
      model_->graphs_.allocate(num_graphs) && model_->tensors_.allocate(num_tensors_) &&
      model_->nodes_.allocate(num_nodes_) && model_->attributes_.allocate(num_attributes_) &&
      ranges_.allocate(num_ranges_) && made_.allocate(num_tensors_) &&
      sorted_.allocate(std::max(num_tensors_, num_nodes_));
  LIGERO_CHECK(allocated,
               Code::kTooLittleMemory,
               "not enough memory to open the model",
               -1,
               static_cast<int64_t>(bytes + transient));
  model_->heap_bytes_ = bytes;
  return {};
}

Status ModelReader::build_graphs() {
  const auto& graphs = *model_->root_->graphs();
  for (uint32_t i = 0; i < graphs.size(); ++i) {
    graph_name_ = graphs.Get(i)->name()->string_view();
    LIGERO_RETURN_IF_ERROR(read_graph(*graphs.Get(i), &model_->graphs_[i]));
  }
  item_ = Item::kNone;
  index_ = -1;
  LIGERO_RETURN_IF_ERROR(check_ranges());
  for (const Graph& graph : model_->graphs_) {
    Array<NodeFacts> facts;
    const Status status = infer_graph(graph, &facts);
    if (!status.ok()) {
      graph_name_ = graph.name;
      index_ = status.index;
      item_name_ = node_name(graph, index_);
      item_ = item_name_.empty() ? Item::kGraph : Item::kNode;
      op_name_ = item_name_.empty() ? "" : graph.nodes[static_cast<size_t>(index_)].op->name;
      return status;
    }
  }
  return {};
}

/// Weights must tile the segment: aligned ranges that do not overlap and leave nothing out.
Status ModelReader::check_ranges() {
  std::sort(ranges_.begin(), ranges_.begin() + ranges_filled_, [](const Range& a, const Range& b) {
    return a.begin < b.begin;
  });
  uint64_t end = 0;
  for (size_t i = 0; i < ranges_filled_; ++i) {
    LIGERO_CHECK(ranges_[i].begin >= end,
                 Code::kBadModel,
                 "two weights overlap in the file",
                 -1,
                 static_cast<int64_t>(ranges_[i].begin));
    LIGERO_CHECK(ranges_[i].begin == end,
                 Code::kBadModel,
                 "bytes of the weight segment belong to no weight",
                 -1,
                 static_cast<int64_t>(end));
    end = ranges_[i].end;
  }
  LIGERO_CHECK(end == weights_.size(),
               Code::kBadModel,
               "the weight segment has trailing bytes",
               -1,
               static_cast<int64_t>(end));
  return {};
}

void ModelReader::describe(Fault* fault) const {
  constexpr size_t kMostItem = 64;
  constexpr size_t kMostOp = 32;
  Text line(fault->text, sizeof(fault->text));
  if (item_ == Item::kNone) {
    return;
  }
  line.add("graph \"").add_printable(graph_name_, kMaxNameBytes).add("\"");
  if (item_ == Item::kGraph) {
    return;
  }
  line.add(item_ == Item::kTensor ? ", tensor " : ", node ").add(index_);
  line.add(" \"").add_printable(item_name_, kMostItem).add("\"");
  if (item_ == Item::kNode) {
    line.add(" (").add_printable(op_name_, kMostOp).add(")");
  }
}

}  // namespace ligero
