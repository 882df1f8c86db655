// Sound files in and out, through libsndfile. Not: what is done with the samples.
#ifndef LIGERO_PLATFORMS_CLI_SOUND_H_
#define LIGERO_PLATFORMS_CLI_SOUND_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "model/speech/session.h"

namespace ligero::cli {

struct Sound {
  std::string path;
  std::vector<float> samples;  ///< mono, full scale = 1
  bool sixteen_bit = false;    ///< the file holds 16-bit integers
  int64_t cleaned = 0;         ///< NaN and infinities that were set to zero

  double seconds() const {
    return static_cast<double>(samples.size()) / kSampleRateHz;
  }
};

/// Reads a 16 kHz mono file. Refuses what is missing, unreadable, not audio, empty, or of another
/// rate or channel count, and says what it found. Cleaned samples are reported on stderr.
Sound read_sound(const std::string& path);

enum class Encoding : uint8_t { kPcm16, kFloat };

/// Refuses what check_output() refuses, and an ending other than .wav, .flac and .ogg.
void check_sound_output(const std::string& path);

/// Writes a mono file of 16 kHz, whole or not at all; the format follows from the ending of `path`.
/// FLAC has no float: kFloat means 24 bits there; OGG has one coding only. Returns how many samples
/// were clipped.
int64_t write_sound(const std::string& path, std::span<const float> samples, Encoding encoding);

}  // namespace ligero::cli

#endif  // LIGERO_PLATFORMS_CLI_SOUND_H_
