// SPDX-License-Identifier: Apache-2.0
// Runs drafts with the runtime that devices use, and compares the values of their nodes. Not: the
// passes (passes/passes.h).
#ifndef LIGERO_CONVERTER_CHECK_H_
#define LIGERO_CONVERTER_CHECK_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "model/draft.h"

namespace ligero {

/// Values of every sequence and constant of a model after one run, by "graph/tensor".
using Activations = std::map<std::string, std::vector<float>>;

/// Writes `model` to memory, opens it and runs each of its graphs once, offline, on a seeded signal
/// with the envelope and tilt of speech. A constant input gets the output of an earlier graph that
/// has its name, or seeded values. Throws SystemError with graph and node where a step refuses.
Activations run_model(const ModelDraft& model, uint32_t seed);

/// The same node by node: each reads from `given` what is there under its input's name, so that no
/// node inherits another one's error.
Activations run_layers(const ModelDraft& model, uint32_t seed, const Activations& given);

struct Difference {
  std::map<std::string, double> errors;  ///< largest error of a node over its largest value before
  std::string worst;                     ///< the node with the largest error; empty: none in common
  double largest = 0.0;
};

/// Compares what both have. A value that is not finite counts as an infinite error.
Difference compare(const Activations& before, const Activations& after);

}  // namespace ligero

#endif  // LIGERO_CONVERTER_CHECK_H_
