// SPDX-License-Identifier: Apache-2.0
// The live session (model/session/session.h) over a recording. Not: microphones (live_audio.cc).
#ifndef LIGERO_PLATFORMS_CLI_LIVE_LIVE_FILE_H_
#define LIGERO_PLATFORMS_CLI_LIVE_LIVE_FILE_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "model/session/session.h"
#include "platforms/cli/block_options.h"
#include "platforms/cli/model_file.h"
#include "runtime/base/aligned_block.h"

namespace ligero::cli {

/// A session and the memory it lies in.
struct LiveSession {
  AlignedBlock block;
  SessionGroup group;

  /// Refuses, naming the op, a model that cannot run frame by frame, and a profile that does not
  /// fit; null: nobody yet, or a model that takes none.
  LiveSession(const ModelFile& model, const SessionConfig& config, const Profile* profile);

  /// Says on stderr whether the GPU has failed on the way, and how many samples of `what` counted
  /// as zero.
  void report(const std::string& what) const;

  Session& session() {
    return group[0];
  }
  const Session& session() const {
    return group[0];
  }
};

/// The blocks to run `model` in live: those asked for, else none where it can run frame by frame,
/// else blocks of half a second, which is said on stderr.
BlockConfig live_blocks(const ModelFile& model, const BlockOptions& asked);

/// One session whose target is set, over one mono recording. The model must outlive it.
class LiveFile {
 public:
  LiveFile(const ModelFile& model, const SessionConfig& config, const Profile* profile);

  /// From now on appends to `values` what side output `k` says of each hop; row h for the samples
  /// from h * hop on. Before the first push().
  void follow(size_t k, std::vector<float>* values);
  /// Appends to `voice` what `mixture` completes. In all, sample n of it belongs to sample n.
  void push(std::span<const float> mixture, std::vector<float>* voice);
  /// Appends the rest: as many samples have then come out as have gone in.
  void finish(std::vector<float>* voice);

  /// As LiveSession::report(), of a file that its reader has cleaned.
  void report() const {
    live_.report("the recording");
  }

  size_t block_bytes() const {
    return live_.block.size();
  }
  int32_t rate_hz() const {
    return live_.group.ports().rate_hz;
  }

 private:
  void keep_side();

  LiveSession live_;
  size_t early_;      ///< samples still to come out before the first of the recording
  size_t taken_ = 0;  ///< samples in all, with those of finish()
  size_t side_ = 0;
  std::vector<float>* side_values_ = nullptr;
  int32_t side_early_ = 0;  ///< hops still to come before the first of the recording
};

}  // namespace ligero::cli

#endif  // LIGERO_PLATFORMS_CLI_LIVE_LIVE_FILE_H_
