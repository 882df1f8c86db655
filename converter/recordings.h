// The recordings of a folder, for calibration. Not: what is made of them (quantize/mixed.h).
#ifndef LIGERO_CONVERTER_RECORDINGS_H_
#define LIGERO_CONVERTER_RECORDINGS_H_

#include <string>
#include <vector>

namespace ligero {

/// Sound files (.wav, .flac, .ogg) below `folder` as 16 kHz mono, their first 12 s: at most `most`,
/// spread evenly over all in the order of their names, so that those far apart are different people
/// where people have folders of their own. Files that cannot be read are named on stderr and left out.
/// Throws cli::Refusal where there is no such folder.
std::vector<std::vector<float>> read_recordings(const std::string& folder, size_t most);

}  // namespace ligero

#endif  // LIGERO_CONVERTER_RECORDINGS_H_
