// SPDX-License-Identifier: Apache-2.0
// What `enroll` and `extract --enroll` share. Not: options and output.
#ifndef LIGERO_PLATFORMS_CLI_COMMANDS_ENROLMENT_H_
#define LIGERO_PLATFORMS_CLI_COMMANDS_ENROLMENT_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "model/session/anchor.h"
#include "model/session/recording.h"
#include "platforms/cli/model_file.h"
#include "platforms/cli/sound/sound.h"

namespace ligero::cli {

/// Prints what model/session/anchor.h finds in a recording, and what to do better; returns it.
AnchorQuality print_quality(const std::string& name,
                            std::span<const float> samples,
                            int32_t rate_hz);

/// The profile of the person in all these sound files; refuses one that is too short or silent by
/// its name. `report` may be null.
Profile enroll_files(const ModelFile& model,
                     const std::vector<std::string>& paths,
                     const Processor& processor,
                     RecordingReport* report);

/// The same of recordings that have been read.
Profile enroll_sounds(const ModelFile& model,
                      std::span<const Sound> sounds,
                      const Processor& processor,
                      RecordingReport* report);

/// Enrolment sees recordings whole, in memory that grows with them: 6 MB a second with the network
/// that ships.
inline constexpr double kMostAnchorSeconds = 120.0;

/// Reads recordings to enrol as mono of `rate_hz`, each at most its even share of kMostAnchorSeconds: of
/// each `channel` (from 1), or the mean of its channels where that is 0.
std::vector<Sound> read_anchors(const std::vector<std::string>& paths,
                                int32_t rate_hz,
                                int channel = 0);

}  // namespace ligero::cli

#endif  // LIGERO_PLATFORMS_CLI_COMMANDS_ENROLMENT_H_
