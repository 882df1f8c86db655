// A model file opened for a command. Not: what the loader checks (model/format/loader.h).
#ifndef LIGERO_PLATFORMS_CLI_MODEL_FILE_H_
#define LIGERO_PLATFORMS_CLI_MODEL_FILE_H_

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "model/format/loader.h"
#include "model/format/mapped_file.h"
#include "model/format/profile.h"
#include "model/speech/graph_run.h"
#include "runtime/pool.h"

namespace ligero::cli {

/// The map and what the loader made of it.
struct ModelFile {
  std::string path;
  MappedFile file;
  Model model;
};

/// Opens with every op of the build; refuses with the file's name, the fault and where it lies.
ModelFile open_model(const std::string& path);

/// Reads a profile file. Whether it fits a model is Profile::bind's to say.
Profile load_profile(const std::string& path);

/// Graph `name` of the model, or a refusal that lists those it has.
const Graph& graph_of(const ModelFile& file, const std::string& name);

/// Bytes of a graph's weights as the file stores them.
int64_t weight_bytes(const Graph& graph);

/// What a plan's memory is made of, by kind.
nlohmann::ordered_json memory_json(const MemoryReport& memory);

/// RunOptions with the pool that `--threads` asks for. One thread: no pool.
class Threads {
 public:
  explicit Threads(int threads);
  RunOptions options() const;

 private:
  std::unique_ptr<ThreadPool> pool_;
};

}  // namespace ligero::cli

#endif  // LIGERO_PLATFORMS_CLI_MODEL_FILE_H_
