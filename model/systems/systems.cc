// The list of networks. Not: any network.
#include "model/systems/systems.h"

#include <utility>

// The list: system `x` is build_x() of its own file.
#define LIGERO_SYSTEMS(X) \
  X(lgr_tse)              \
  X(voicefilter)          \
  X(speakerfilter)        \
  X(gated_crn)            \
  X(tea_pse)              \
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

}  // namespace

std::span<const System> all_systems() {
  return kSystems;
}

ModelDraft build_system(const std::string& config_text,
                        const std::string& source,
                        Checkpoint checkpoint) {
  Options options(config_text, source);
  const System& system = find_system(options);
  const std::string name = options.text("name");
  const std::string licence = options.text("licence", "");
  const std::string training_data = options.text("training_data", "");
  Weights weights(std::move(checkpoint));
  ModelDraft model = system.build(options, weights);
  weights.finish();
  model.metadata["name"] = name;
  model.metadata["system"] = system.name;
  model.metadata["licence"] = licence;
  model.metadata["training_data"] = training_data;
  model.metadata["config"] = config_text;
  return model;
}

std::string system_identity(const std::string& config_text, const std::string& source) {
  return Options(config_text, source).canonical({"name", "licence", "training_data"});
}

}  // namespace ligero
