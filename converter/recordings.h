// SPDX-License-Identifier: Apache-2.0
// The recordings of a folder, for calibration. Not: what is made of them (quantize/mixed.h).
#ifndef LIGERO_CONVERTER_RECORDINGS_H_
#define LIGERO_CONVERTER_RECORDINGS_H_

#include <functional>
#include <span>
#include <string>
#include <vector>

namespace ligero {

/// Sound files (.wav, .flac, .ogg, in letters of any size) below `folder`, links followed, as 16
/// kHz mono, their first 12 s: at most `most` that are `of_use`, spread evenly over all in the
/// order of their names, so that those far apart are different people where people have folders of
/// their own. A file that is of no use gives way to the next. Files and folders that cannot be read
/// are named on stderr and left out. Throws cli::Refusal where `folder` cannot be read.
std::vector<std::vector<float>> read_recordings(
    const std::string& folder,
    size_t most,
    const std::function<bool(std::span<const float>)>& of_use);

}  // namespace ligero

#endif  // LIGERO_CONVERTER_RECORDINGS_H_
