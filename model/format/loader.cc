// SPDX-License-Identifier: Apache-2.0
// Model: what an opened model answers. Not: how it is checked and built (reader.cc).
#include "model/format/loader.h"

#include "model/format/file_header.h"
#include "model/format/reader.h"
#include "model_generated.h"
#include "runtime/base/checked.h"

namespace ligero {

Result<Model> Model::open(std::span<const std::byte> file,
                          const OpTable& ops,
                          const Limits& limits,
                          Fault* fault) {
  ModelReader reader(file, ops, limits);
  Model model;
  const Status status = reader.read(&model);
  if (!status.ok()) {
    if (fault != nullptr) {
      reader.describe(fault);
    }
    return status;
  }
  return model;
}

const Graph* Model::graph(std::string_view name) const {
  for (const Graph& g : graphs_) {
    if (g.name == name) {
      return &g;
    }
  }
  return nullptr;
}

size_t Model::metadata_size() const {
  return root_ == nullptr || root_->metadata() == nullptr ? 0 : root_->metadata()->size();
}

std::string_view Model::metadata_key(size_t i) const {
  return i < metadata_size()
             ? root_->metadata()->Get(static_cast<uint32_t>(i))->key()->string_view()
             : std::string_view();
}

std::string_view Model::metadata_value(size_t i) const {
  return i < metadata_size()
             ? root_->metadata()->Get(static_cast<uint32_t>(i))->value()->string_view()
             : std::string_view();
}

std::string_view Model::metadata(std::string_view key) const {
  for (size_t i = 0; i < metadata_size(); ++i) {
    if (metadata_key(i) == key) {
      return metadata_value(i);
    }
  }
  return {};
}

std::string_view Model::family() const {
  return root_ == nullptr ? std::string_view() : root_->family()->string_view();
}

int32_t Model::rate_hz() const {
  return root_ == nullptr ? 0 : root_->rate_hz();
}

int32_t Model::hop_samples() const {
  return root_ == nullptr ? 0 : root_->hop_samples();
}

uint64_t Model::weights_hash() const {
  return root_ == nullptr ? 0 : root_->weights_hash();
}

uint32_t Model::version_major() const {
  return file_.empty() ? 0 : reinterpret_cast<const ModelHeader*>(file_.data())->version_major;
}

uint32_t Model::version_minor() const {
  return file_.empty() ? 0 : reinterpret_cast<const ModelHeader*>(file_.data())->version_minor;
}

Status Model::verify_weights() const {
  LIGERO_CHECK(root_ != nullptr, Code::kBadState, "no model is open");
  LIGERO_CHECK(hash_bytes(weights_) == weights_hash(),
               Code::kBadModel,
               "the weights are damaged: their hash is not the one in the file");
  return {};
}

std::string_view node_name(const Graph& graph, int32_t index) {
  return index >= 0 && static_cast<size_t>(index) < graph.nodes.size()
             ? graph.nodes[static_cast<size_t>(index)].name
             : std::string_view();
}

std::string_view tensor_name(const Graph& graph, int32_t index) {
  return index >= 0 && static_cast<size_t>(index) < graph.tensors.size()
             ? graph.tensors[static_cast<size_t>(index)].name
             : std::string_view();
}

int32_t find_tensor(const Graph& graph, std::string_view name) {
  for (size_t i = 0; i < graph.tensors.size(); ++i) {
    if (graph.tensors[i].name == name) {
      return static_cast<int32_t>(i);
    }
  }
  return -1;
}

int64_t stored_bytes(const Tensor& tensor) {
  if (tensor.kind != Kind::kWeight) {
    return 0;
  }
  constexpr int64_t kBytes[] = {4, 2, 1};
  const int64_t size = kBytes[static_cast<size_t>(tensor.type)];
  if (tensor.layout == Layout::kPlain) {
    return tensor.elements() * size;
  }
  constexpr int64_t kQ8Group = 4;
  const int64_t inner =
      tensor.type == Type::kQ8 ? ceil_div(tensor.dim[0], kQ8Group) * kQ8Group : tensor.dim[0];
  return ceil_div(tensor.dim[1], kPanelWidth) * kPanelWidth * inner * size;
}

}  // namespace ligero
