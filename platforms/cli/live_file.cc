// Blocks in, blocks out, and the latency taken off.
#include "platforms/cli/live_file.h"

#include <algorithm>

#include "platforms/cli/refusal.h"
#include "runtime/base/cpu.h"

namespace ligero::cli {

namespace {

[[noreturn]] void refuse_stream(const ModelFile& model, const Status& status) {
  const Graph& graph = graph_of(model, "extract");
  if (const std::string_view node = node_name(graph, status.index); !node.empty()) {
    refuse("model '",
           model.path,
           "' cannot run frame by frame: ",
           status.message,
           " (node '",
           node,
           "', op '",
           graph.nodes[static_cast<size_t>(status.index)].op->name,
           "'); expected a causal model");
  }
  refuse_status(text("cannot run model '", model.path, "' live"), status);
}

}  // namespace

void create_stream(const ModelFile& model,
                   const StreamConfig& config,
                   AlignedBlock* block,
                   Stream* stream) {
  StreamConfig complete = config;
  complete.cpu = cpu_features();
  const Result<size_t> bytes = Stream::bytes_needed(model.model, complete);
  if (!bytes.ok()) {
    refuse_stream(model, bytes.status());
  }
  if (!block->allocate(bytes.value())) {
    refuse("a session needs ", bytes.value(), " bytes, and there are not as many");
  }
  const Status status = stream->create(model.model, complete, block->data(), block->size());
  if (!status.ok()) {
    refuse_stream(model, status);
  }
}

LiveFile::LiveFile(const ModelFile& model, const Profile& profile, int rate_hz) {
  create_stream(model, {.rate_hz = rate_hz}, &block_, &stream_);
  if (const Status status = stream_.set_target(profile); !status.ok()) {
    refuse_status("the profile does not fit the model", status);
  }
}

std::vector<float> LiveFile::run(std::span<const float> mixture, int block) {
  const size_t latency = static_cast<size_t>(stream_.latency_samples());
  std::vector<float> samples(mixture.begin(), mixture.end());
  samples.resize(mixture.size() + latency, 0.0f);
  for (size_t at = 0; at < samples.size(); at += static_cast<size_t>(block)) {
    const size_t n = std::min(samples.size() - at, static_cast<size_t>(block));
    const float* in[1] = {samples.data() + at};
    float* out[1] = {samples.data() + at};
    stream_.process(in, out, static_cast<int32_t>(n));
  }
  samples.erase(samples.begin(), samples.begin() + static_cast<std::ptrdiff_t>(latency));
  return samples;
}

}  // namespace ligero::cli
