// SPDX-License-Identifier: Apache-2.0
// A graph that can still be changed: what the systems write, the passes rewrite and the writer stores.
// Host only (heap, exceptions). Not: the read-only graph that runs (runtime/graph.h).
#ifndef LIGERO_MODEL_DRAFT_H_
#define LIGERO_MODEL_DRAFT_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "runtime/graph.h"

namespace ligero {

struct TensorDraft {
  std::string name;
  Kind kind = Kind::kSequence;
  Type type = Type::kF32;  ///< in which the writer stores a weight
  Layout layout = Layout::kPlain;
  std::vector<int32_t> dims;  ///< sequence: [bins, channels]
  /// Weights only, always float and in natural row-major order; for Layout::kPanels dims are
  /// [inner, outputs], and the writer does the packing.
  std::vector<float> values;
};

struct NodeDraft {
  std::string name;
  std::string op;
  std::vector<int> inputs;  ///< -1: absent
  std::vector<int> outputs;
  std::map<std::string, std::vector<int32_t>> ints;
  std::map<std::string, std::vector<float>> floats;
};

/// Names of nodes and of the tensors that they produce are equal (a second output: name + ".1").
struct GraphDraft {
  std::string name;  ///< "enroll" or "extract"
  std::vector<TensorDraft> tensors;
  std::vector<NodeDraft> nodes;
  std::vector<int> inputs;
  std::vector<int> outputs;
};

/// A whole model. A constant input of `extract` has the name of the output of `enroll` that fills it.
struct ModelDraft {
  std::vector<GraphDraft> graphs;
  std::map<std::string, std::string> metadata;  ///< name, system, form, licence, training_data, config
  std::string family;                           ///< 64 hexadecimal digits
  int32_t rate_hz = 16000;                      ///< samples a second that the networks hear
  int32_t hop_samples = 160;
};

}  // namespace ligero

#endif  // LIGERO_MODEL_DRAFT_H_
