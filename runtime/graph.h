// SPDX-License-Identifier: Apache-2.0
// The frame graph: plain structs, read-only once built. Not: memory, time, or what an op computes.
//
// Every activation is a *sequence* of frames [frames, bins, channels], time-major, channels last,
// float32; or a *constant*, a tensor without a time axis (a speaker embedding). Parameters are
// *weights*. Samples enter and leave as sequences of hops, [hops, 1, samples of a hop].
#ifndef LIGERO_RUNTIME_GRAPH_H_
#define LIGERO_RUNTIME_GRAPH_H_

#include <cstdint>
#include <span>
#include <string_view>

namespace ligero {

struct Op;

enum class Kind : uint8_t { kSequence = 0, kConstant = 1, kWeight = 2 };
enum class Type : uint8_t { kF32 = 0, kF16 = 1, kQ8 = 2 };

/// How a weight lies in the file. kPanels: the one layout that all product kernels read. A matrix of
/// `inner` x `outputs` is stored as ceil(outputs / 16) panels, each [inner][16] (kQ8:
/// [ceil(inner / 4)][16][4]), the last one filled up with zeros.
enum class Layout : uint8_t { kPlain = 0, kPanels = 1 };

inline constexpr int kPanelWidth = 16;
inline constexpr int kMaxRank = 4;
inline constexpr int kMaxInputs = 8;
inline constexpr int kMaxOutputs = 2;

/// A tensor's definition. A sequence's dimensions are those of one frame, [bins, channels].
struct Tensor {
  std::string_view name;
  Kind kind = Kind::kSequence;
  Type type = Type::kF32;
  Layout layout = Layout::kPlain;
  int32_t rank = 0;
  int32_t dim[kMaxRank] = {1, 1, 1, 1};
  const void* data = nullptr;    ///< weights only; 64-byte aligned
  const float* scale = nullptr;  ///< kQ8 only: one per output

  bool is_sequence() const {
    return kind == Kind::kSequence;
  }
  /// Elements of the tensor (of one frame, for a sequence).
  int64_t elements() const {
    int64_t n = 1;
    for (int32_t i = 0; i < rank; ++i) {
      n *= dim[i];
    }
    return n;
  }
  /// Bins and channels of a frame; a constant counts as one frame, its rank-1 form as one bin.
  int32_t bins() const {
    return rank >= 2 ? dim[rank - 2] : 1;
  }
  int32_t channels() const {
    return rank >= 1 ? dim[rank - 1] : 1;
  }
  const float* f32() const {
    return static_cast<const float*>(data);
  }
};

/// A named value of a node, as the file has it: integers or floats. Op::parse() reads it.
struct Attribute {
  std::string_view name;
  std::span<const int32_t> ints;
  std::span<const float> floats;
};

struct Node {
  std::string_view name;
  const Op* op = nullptr;
  std::span<const int32_t> inputs;  ///< tensor indices; -1 where an optional input is absent
  std::span<const int32_t> outputs;
  std::span<const Attribute> attributes;

  bool has_input(size_t k) const {
    return k < inputs.size() && inputs[k] >= 0;
  }
};

/// Nodes are in an order in which every input is produced before it is read.
struct Graph {
  std::string_view name;
  std::span<Tensor> tensors;
  std::span<const Node> nodes;
  std::span<const int32_t> inputs;   ///< sequences and constants that the caller fills
  std::span<const int32_t> outputs;  ///< what the caller reads
};

}  // namespace ligero

#endif  // LIGERO_RUNTIME_GRAPH_H_
