// Samples in, samples out, and the latency taken off.
#include "platforms/cli/live/live_file.h"

#include <algorithm>
#include <cstdio>

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
           "'); expected a causal model, or to run it in blocks (--block)");
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

BlockConfig live_blocks(const ModelFile& model, const BlockOptions& asked) {
  if (asked.asked_for()) {
    return asked.config();
  }
  const Status status = Stream::bytes_needed(model.model, {}).status();
  if (status.code != Code::kBadArgument || status.index < 0) {
    return {};
  }
  const BlockConfig block = {.hops = 50};
  std::fprintf(stderr,
               "ligero: '%s' needs what follows as well, so it runs in %s\n",
               model.path.c_str(),
               describe(block).c_str());
  return block;
}

LiveFile::LiveFile(const ModelFile& model, const Profile& profile, const StreamConfig& config) {
  create_stream(model, config, &block_, &stream_);
  if (const Status status = stream_.set_target(profile); !status.ok()) {
    refuse_status("the profile does not fit the model", status);
  }
  early_ = static_cast<size_t>(stream_.latency_samples());
}

void LiveFile::push(std::span<const float> mixture, std::vector<float>* voice) {
  const size_t begin = voice->size();
  voice->resize(begin + mixture.size());
  const float* in[1] = {mixture.data()};
  float* out[1] = {voice->data() + begin};
  stream_.process(in, out, static_cast<int32_t>(mixture.size()));
  const size_t early = std::min(early_, mixture.size());
  early_ -= early;
  const auto first = voice->begin() + static_cast<std::ptrdiff_t>(begin);
  voice->erase(first, first + static_cast<std::ptrdiff_t>(early));
}

void LiveFile::report() const {
  if (stream_.statistics().device_lost) {
    std::fprintf(stderr, "ligero: the GPU has failed; the processor has computed the rest\n");
  }
}

void LiveFile::finish(std::vector<float>* voice) {
  stream_.finish();
  push(std::vector<float>(static_cast<size_t>(stream_.latency_samples()), 0.0f), voice);
}

}  // namespace ligero::cli
