// SPDX-License-Identifier: Apache-2.0
// A model file opened for a command. Not: what the loader checks (model/format/loader.h).
#ifndef LIGERO_PLATFORMS_CLI_MODEL_FILE_H_
#define LIGERO_PLATFORMS_CLI_MODEL_FILE_H_

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "model/format/loader.h"
#include "model/format/profile.h"
#include "model/format/whole_file.h"
#include "model/session/ports.h"
#include "runtime/cpu_run.h"
#include "runtime/pool.h"

namespace ligero::cli {

/// The map and what the loader made of it.
struct ModelFile {
  std::string path;
  WholeFile file;
  Model model;
};

/// The side output that tells how sure the network is that the person speaks, 0 to 1.
inline constexpr const char* kActivity = "activity";

/// Opens with every op of the build; refuses with the file's name, the fault and where it lies.
ModelFile open_model(const std::string& path);

/// Reads a profile file. Not checked: whether it fits a model (Profile::bind()).
Profile load_profile(const std::string& path);

/// Graph `name` of the model, or a refusal that lists those it has.
const Graph& graph_of(const ModelFile& file, const std::string& name);

/// What graph "extract" takes and gives, or a refusal.
Ports ports_of(const ModelFile& file);

/// Refuses a profile that the model does not take, and none (`given` is false) for one that needs
/// it. `expected`: the options that give one.
void check_takes_profile(const ModelFile& file, bool given, const char* expected);

/// Bytes of a graph's weights as the file stores them.
int64_t weight_bytes(const Graph& graph);

/// What a plan's memory is made of, by kind.
nlohmann::ordered_json memory_json(const MemoryReport& memory);

/// Writes a command's --json to the stdout that it has kept for data (files.h). Names that are no
/// UTF-8 get replacement characters.
void write_json(const nlohmann::ordered_json& json);

/// The processor with the pool that `--threads` asks for. One thread: no pool.
class Threads {
 public:
  explicit Threads(int threads);
  Processor processor(const Backend* accelerator = nullptr) const;

 private:
  std::unique_ptr<ThreadPool> pool_;
};

}  // namespace ligero::cli

#endif  // LIGERO_PLATFORMS_CLI_MODEL_FILE_H_
