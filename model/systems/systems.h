// SPDX-License-Identifier: Apache-2.0
// The networks by name: a configuration and a checkpoint to a model of two graphs. Host only.
// Not: passes over the graphs (converter).
#ifndef LIGERO_MODEL_SYSTEMS_SYSTEMS_H_
#define LIGERO_MODEL_SYSTEMS_SYSTEMS_H_

#include <span>
#include <string>

#include "model/draft.h"
#include "model/systems/checkpoint.h"
#include "model/systems/options.h"

namespace ligero {

/// One network. `build` reads its options (all of them, or it throws), takes its tensors and writes
/// the graphs `enroll` and `extract`, whose node names are the tap names of the PyTorch reference.
struct System {
  const char* name;
  ModelDraft (*build)(Options& options, Weights& weights);
};

/// Every network of this build, written out by hand.
std::span<const System> all_systems();

/// What stands before every name of `shapes` ("module.", "model.net.") and has to go, so that the
/// network that `config_text` names takes them: the shortest such prefix with which all fit; where
/// none does, the one with which the fewest do not. Usually "". Throws SystemError for a
/// configuration that cannot be read.
std::string wrapper_of(const std::string& config_text,
                       const std::string& source,
                       const CheckpointShapes& shapes);

/// Builds the network that `config_text` (JSON) names, with metadata and an empty family. `source`
/// names the configuration in messages; `wrapper` was taken off the names of `checkpoint` (see
/// wrapper_of), and messages show it again. Throws SystemError: everything that does not fit, by
/// name.
ModelDraft build_system(const std::string& config_text,
                        const std::string& source,
                        Checkpoint checkpoint,
                        const std::string& wrapper = "");

/// The options that decide what a network computes, as one text: equal for equal networks.
std::string system_identity(const std::string& config_text, const std::string& source);

}  // namespace ligero

#endif  // LIGERO_MODEL_SYSTEMS_SYSTEMS_H_
