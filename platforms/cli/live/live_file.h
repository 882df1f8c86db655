// The live session (model/speech/stream.h) over a recording. Not: microphones (live.cc).
#ifndef LIGERO_PLATFORMS_CLI_LIVE_LIVE_FILE_H_
#define LIGERO_PLATFORMS_CLI_LIVE_LIVE_FILE_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "model/speech/graph_run.h"
#include "model/speech/stream.h"
#include "platforms/cli/block_options.h"
#include "platforms/cli/model_file.h"

namespace ligero::cli {

/// Creates a session in `block` for `config`; refuses, naming the op, a model that cannot run frame
/// by frame where it is asked to.
void create_stream(const ModelFile& model,
                   const StreamConfig& config,
                   AlignedBlock* block,
                   Stream* stream);

/// The blocks to run `model` in live: those asked for, else none where it can run frame by frame, else
/// blocks of half a second, which is said on stderr.
BlockConfig live_blocks(const ModelFile& model, const BlockOptions& asked);

/// One session whose target is set, over one mono recording. The model must outlive it.
class LiveFile {
 public:
  LiveFile(const ModelFile& model, const Profile& profile, const StreamConfig& config);

  /// Appends to `voice` what `mixture` completes. In all, sample n of it belongs to sample n.
  void push(std::span<const float> mixture, std::vector<float>* voice);
  /// Appends the rest: as many samples have then come out as have gone in.
  void finish(std::vector<float>* voice);

  /// Says on stderr if the device has failed on the way.
  void report() const;

  int32_t latency_samples() const {
    return stream_.latency_samples();
  }
  size_t block_bytes() const {
    return block_.size();
  }

 private:
  AlignedBlock block_;
  Stream stream_;
  size_t early_;  ///< samples still to come out before the first of the recording
};

}  // namespace ligero::cli

#endif  // LIGERO_PLATFORMS_CLI_LIVE_LIVE_FILE_H_
