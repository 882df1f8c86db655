// SPDX-License-Identifier: Apache-2.0
// Opening of models, profiles and threads, with messages for people. Not: running.
#include "platforms/cli/model_file.h"

#include <cstring>
#include <nlohmann/json.hpp>
#include <utility>

#include "model/format/file_header.h"
#include "model/format/foreign_file.h"
#include "ops/table.h"
#include "platforms/cli/files.h"
#include "platforms/cli/refusal.h"

namespace ligero::cli {

ModelFile open_model(const std::string& path) {
  Result<WholeFile> mapped = WholeFile::open(path.c_str());
  if (!mapped.ok()) {
    refuse_system_status(text("cannot read model '", path, "'"), mapped.status());
  }
  ModelFile out{path, std::move(mapped.value()), {}};
  const std::span<const std::byte> bytes = out.file.bytes();
  const bool ours = bytes.size() >= sizeof(kModelMagic) &&
                    std::memcmp(bytes.data(), kModelMagic, sizeof(kModelMagic)) == 0;
  if (const char* foreign = ours ? nullptr : foreign_file(bytes); foreign != nullptr) {
    refuse("model '", path, "' is not a ligero model: this is ", foreign);
  }
  Fault fault;
  Result<Model> model = Model::open(out.file.bytes(), all_ops(), {}, &fault);
  if (!model.ok()) {
    const std::string place = fault.text[0] == '\0' ? "" : text(", ", fault.text);
    refuse_status(text("model '", path, "'", place), model.status());
  }
  out.model = std::move(model.value());
  return out;
}

Profile load_profile(const std::string& path) {
  Result<Profile> profile = Profile::load(path.c_str());
  if (!profile.ok()) {
    refuse_system_status(text("profile '", path, "'"), profile.status());
  }
  return std::move(profile.value());
}

const Graph& graph_of(const ModelFile& file, const std::string& name) {
  const Graph* graph = file.model.graph(name);
  if (graph == nullptr) {
    std::string there;
    for (const Graph& g : file.model.graphs()) {
      there += text(there.empty() ? "" : ", ", g.name);
    }
    refuse("model '", file.path, "' has no graph '", name, "'; it has: ", there);
  }
  return *graph;
}

Ports ports_of(const ModelFile& file) {
  const Result<Ports> ports = extract_ports(file.model);
  if (!ports.ok()) {
    refuse_status(text("model '", file.path, "'"), ports.status());
  }
  return ports.value();
}

void check_takes_profile(const ModelFile& file, bool given, const char* expected) {
  const bool takes = ports_of(file).takes_profile();
  if (takes && !given) {
    refuse("nobody to listen for: model '",
           file.path,
           "' passes one enrolled person's voice; expected ",
           expected);
  }
  if (!takes && given) {
    refuse(
        "model '",
        file.path,
        "' takes no profile: its network needs no speaker and is always on; leave the profile out");
  }
}

int64_t weight_bytes(const Graph& graph) {
  int64_t bytes = 0;
  for (const Tensor& tensor : graph.tensors) {
    bytes += stored_bytes(tensor);
  }
  return bytes;
}

nlohmann::ordered_json memory_json(const MemoryReport& memory) {
  return {{"state", memory.state_bytes},
          {"activations", memory.activation_bytes},
          {"scratch", memory.scratch_bytes},
          {"worked_out_at_load", memory.data_bytes}};
}

void write_json(const nlohmann::ordered_json& json) {
  const std::string lines =
      json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
  write_stdout(std::as_bytes(std::span(lines)));
}

Threads::Threads(int threads) {
  if (threads == 1) {
    return;
  }
  Result<std::unique_ptr<ThreadPool>> pool = ThreadPool::create(threads);
  if (!pool.ok() && pool.status().code == Code::kBadArgument) {
    refuse("--threads ",
           threads,
           ": expected 1 to ",
           pool.status().where,
           ", what this machine runs at once");
  }
  if (!pool.ok()) {
    refuse("--threads ", threads, ": ", pool.status().message);
  }
  pool_ = std::move(pool.value());
}

Processor Threads::processor(const Backend* accelerator) const {
  Processor processor;
  processor.pool = pool_.get();
  processor.accelerator = accelerator;
  return processor;
}

}  // namespace ligero::cli
