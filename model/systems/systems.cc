// SPDX-License-Identifier: Apache-2.0
// The list of networks. Not: any network.
#include "model/systems/systems.h"

#include <utility>
#include <vector>

// The list: system `x` is build_x() of its own file.
#define LIGERO_SYSTEMS(X) \
  X(lgr_tse)              \
  X(voicefilter)          \
  X(speakerfilter)        \
  X(gated_crn)            \
  X(tea_pse)              \
  X(bsrnn)                \
  X(gtcrn)                \
  X(ecapa_tdnn)

namespace ligero {

#define LIGERO_DECLARE(name) ModelDraft build_##name(Options& options, Weights& weights);
LIGERO_SYSTEMS(LIGERO_DECLARE)
#undef LIGERO_DECLARE

namespace {

#define LIGERO_ENTRY(name) {#name, build_##name},
constexpr System kSystems[] = {LIGERO_SYSTEMS(LIGERO_ENTRY)};
#undef LIGERO_ENTRY

const System& find_system(Options& options) {
  const std::string name = options.text("system");
  std::string expected = "one of";
  for (const System& system : kSystems) {
    if (name == system.name) {
      return system;
    }
    expected += std::string(" \"") + system.name + "\"";
  }
  options.fail("system", name.empty() ? "none" : "\"" + name + "\"", expected);
}

// Builds without looking at what does not fit.
ModelDraft build(const std::string& config_text, const std::string& source, Weights* weights) {
  Options options(config_text, source);
  const System& system = find_system(options);
  const std::string name = options.text("name");
  const std::string licence = options.text("licence", "");
  const std::string training_data = options.text("training_data", "");
  ModelDraft model = system.build(options, *weights);
  model.metadata["name"] = name;
  model.metadata["system"] = system.name;
  model.metadata["licence"] = licence;
  model.metadata["training_data"] = training_data;
  model.metadata["config"] = config_text;
  return model;
}

// Whole parts ("module.", "net.encoder.") that all names begin with, of a few at most.
std::string common_start(const CheckpointShapes& shapes) {
  constexpr int kMaxParts = 6;
  std::vector<std::string> names;
  for (const auto& [name, shape] : shapes) {
    if (!is_counter(name)) {
      names.push_back(name);
    }
  }
  if (names.empty()) {
    return "";
  }
  // In sorted order, what the first and the last begin with, all begin with.
  const std::string& first = names.front();
  const std::string& last = names.back();
  size_t end = 0;
  for (int part = 0; part < kMaxParts; ++part) {
    const size_t dot = first.find('.', end);
    if (dot == std::string::npos || first.compare(0, dot + 1, last, 0, dot + 1) != 0) {
      break;
    }
    end = dot + 1;
  }
  return first.substr(0, end);
}

// How many tensors do not fit where `wrapper` is taken off their names.
size_t misfits_without(const std::string& wrapper,
                       const std::string& config_text,
                       const std::string& source,
                       const CheckpointShapes& shapes) {
  CheckpointShapes renamed;
  for (const auto& [name, shape] : shapes) {
    renamed[unwrapped(name, wrapper)] = shape;
  }
  Weights weights = Weights::trial(std::move(renamed));
  build(config_text, source, &weights);
  return weights.misfits();
}

}  // namespace

std::span<const System> all_systems() {
  return kSystems;
}

std::string wrapper_of(const std::string& config_text,
                       const std::string& source,
                       const CheckpointShapes& shapes) {
  const std::string common = common_start(shapes);
  if (common.empty()) {
    return "";
  }
  size_t fewest = misfits_without("", config_text, source, shapes);
  size_t best = 0;
  for (size_t dot = common.find('.'); fewest > 0 && dot != std::string::npos;
       dot = common.find('.', dot + 1)) {
    const size_t misfits = misfits_without(common.substr(0, dot + 1), config_text, source, shapes);
    if (misfits < fewest) {
      fewest = misfits;
      best = dot + 1;
    }
  }
  return common.substr(0, best);
}

ModelDraft build_system(const std::string& config_text,
                        const std::string& source,
                        Checkpoint checkpoint,
                        const std::string& wrapper) {
  Weights weights(std::move(checkpoint));
  ModelDraft model = build(config_text, source, &weights);
  weights.finish(wrapper);
  return model;
}

std::string system_identity(const std::string& config_text, const std::string& source) {
  return Options(config_text, source).canonical({"name", "licence", "training_data"});
}

}  // namespace ligero
