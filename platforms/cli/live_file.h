// The live session (model/speech/stream.h) over a recording. Not: microphones (live.cc).
#ifndef LIGERO_PLATFORMS_CLI_LIVE_FILE_H_
#define LIGERO_PLATFORMS_CLI_LIVE_FILE_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "model/speech/graph_run.h"
#include "model/speech/stream.h"
#include "platforms/cli/model_file.h"

namespace ligero::cli {

/// Creates a session in `block` for `config`; refuses, naming the op, a model that cannot run frame
/// by frame.
void create_stream(const ModelFile& model,
                   const StreamConfig& config,
                   AlignedBlock* block,
                   Stream* stream);

/// One session whose target is set. The model must outlive it.
class LiveFile {
 public:
  LiveFile(const ModelFile& model, const Profile& profile, int rate_hz);

  /// The voice in `mixture`, `block` samples at a time, aligned to it and as long.
  std::vector<float> run(std::span<const float> mixture, int block);

  size_t block_bytes() const {
    return block_.size();
  }

 private:
  AlignedBlock block_;
  Stream stream_;
};

}  // namespace ligero::cli

#endif  // LIGERO_PLATFORMS_CLI_LIVE_FILE_H_
