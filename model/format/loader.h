// SPDX-License-Identifier: Apache-2.0
// Opens a model file in place: checks every byte it relies on, then builds the read-only graphs.
// Not: files on disk (whole_file.h), plans and memory (runtime/plan/plan.h).
#ifndef LIGERO_MODEL_FORMAT_LOADER_H_
#define LIGERO_MODEL_FORMAT_LOADER_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "runtime/base/array.h"
#include "runtime/base/status.h"
#include "runtime/graph.h"
#include "runtime/op.h"

namespace ligero {

namespace fb {
struct Model;
}

/// What a file may ask for before it is refused. The defaults are far above any model of ours.
struct Limits {
  uint64_t file_bytes = uint64_t{1} << 36;
  uint64_t metadata_bytes = uint64_t{1} << 24;
  uint32_t graphs = 4;
  uint32_t tensors = 16384;         ///< of one graph
  uint32_t nodes = 8192;            ///< of one graph
  uint32_t attributes = 32;         ///< of one node
  uint32_t attribute_values = 256;  ///< of one attribute
  uint32_t metadata_entries = 256;
  int32_t dimension = 1 << 24;           ///< of one axis
  int64_t elements = int64_t{1} << 30;   ///< of one tensor (of one frame, for a sequence)
  size_t heap_bytes = size_t{64} << 20;  ///< that the opened model may take
};

/// Where in a file a refusal arose, in words: `graph "extract", node 12 "separator.fc" (linear)`,
/// or empty where the status' message says it all. Names come from the file with anything that is
/// not printable ASCII shown as '?'.
struct Fault {
  char text[256] = {};
};

/// A model in memory. Graphs, names and weights point into the file's bytes. Movable: pointers and
/// views that it has given out stay valid. Read-only once open, so that any number of threads and
/// sessions may share it.
class Model {
 public:
  /// Opens the model file in `file`, which must start on a multiple of 64 bytes and outlive the
  /// model, as must the op table's ops. First failure wins and nothing stays allocated:
  /// - kBadArgument: `file` is misaligned;
  /// - kBadModel: not a ligero model, truncated, damaged, or contradicting itself;
  /// - kNewerModel: the major version is above this build's (Status::where: that version);
  /// - kUnsupportedModel: an op, or a version of one, that `ops` lacks; over a limit;
  /// - kTooLittleMemory: the heap is exhausted, or Limits::heap_bytes are too few.
  /// Status::index is the graph's, node's or tensor's index that `fault` names, Status::where an
  /// offset in the file or the offending number, where there is one. The weights themselves are not
  /// read (but for the scales of q8 weights): see verify_weights(). Load time.
  static Result<Model> open(std::span<const std::byte> file,
                            const OpTable& ops,
                            const Limits& limits = {},
                            Fault* fault = nullptr);

  /// The graph of that name ("enroll", "extract"), or nullptr.
  const Graph* graph(std::string_view name) const;
  std::span<const Graph> graphs() const {
    return graphs_.span();
  }

  /// A fact about the model (name, system, form, licence, training_data, config), or an empty view.
  std::string_view metadata(std::string_view key) const;
  size_t metadata_size() const;
  std::string_view metadata_key(size_t i) const;
  std::string_view metadata_value(size_t i) const;

  /// 64 hexadecimal digits that bind profiles to the model.
  std::string_view family() const;
  /// Samples a second that the networks hear, and samples of a hop.
  int32_t rate_hz() const;
  int32_t hop_samples() const;
  /// Hash of the weight segment as the file states it.
  uint64_t weights_hash() const;
  /// The weight segment; its size is the bytes of weights.
  std::span<const std::byte> weights() const {
    return weights_;
  }
  size_t file_bytes() const {
    return file_.size();
  }
  uint32_t version_major() const;
  uint32_t version_minor() const;
  /// Heap bytes that the opened model takes, beside the file.
  size_t heap_bytes() const {
    return heap_bytes_;
  }

  /// Reads the whole weight segment and compares its hash: kBadModel where it differs. Load time.
  Status verify_weights() const;

 private:
  friend class ModelReader;

  std::span<const std::byte> file_;
  std::span<const std::byte> weights_;
  const fb::Model* root_ = nullptr;
  Array<Graph> graphs_;
  Array<Tensor> tensors_;
  Array<Node> nodes_;
  Array<Attribute> attributes_;
  size_t heap_bytes_ = 0;
};

/// Name of node `index` of `graph`, for example of the Status::index that make_plan() refused;
/// empty if there is no such node.
std::string_view node_name(const Graph& graph, int32_t index);
std::string_view tensor_name(const Graph& graph, int32_t index);
/// Index of the tensor of that name, or -1.
int32_t find_tensor(const Graph& graph, std::string_view name);
/// Bytes that a weight takes in the file without its scales; 0 for other tensors.
int64_t stored_bytes(const Tensor& tensor);

}  // namespace ligero

#endif  // LIGERO_MODEL_FORMAT_LOADER_H_
