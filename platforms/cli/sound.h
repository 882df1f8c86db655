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
  std::vector<float> samples;  ///< mono, 16 kHz, full scale = 1
  bool sixteen_bit = false;    ///< the file holds 16-bit integers
  int64_t cleaned = 0;         ///< NaN and infinities that were set to zero
  int32_t file_hz = kSampleRateHz;
  int64_t file_samples = 0;  ///< of each channel, at the file's rate

  double seconds() const {
    return static_cast<double>(samples.size()) / kSampleRateHz;
  }
};

/// Reads a file of 8 to 96 kHz with any number of channels as 16 kHz mono: channels are averaged
/// and the rate converted, aligned to the sample; both are said on stderr. A name that ends in .raw
/// or .pcm needs --raw (raw.h). Refuses what is missing, unreadable, not audio, empty, or of
/// another rate, and says what it found. Cleaned samples are reported on stderr.
Sound read_sound(const std::string& path);

enum class Encoding : uint8_t { kPcm16, kFloat };

/// Refuses what check_output() refuses, and an ending other than .wav, .flac, .ogg, .raw and .pcm.
void check_sound_output(const std::string& path);

/// Writes a mono file of that rate, whole or not at all; the format follows from the ending of
/// `path`. FLAC has no float: kFloat means 24 bits there; OGG has one coding only; RAW is
/// little-endian. Returns how many samples were clipped.
int64_t write_sound(const std::string& path,
                    std::span<const float> samples,
                    Encoding encoding,
                    int32_t rate_hz = kSampleRateHz);

}  // namespace ligero::cli

#endif  // LIGERO_PLATFORMS_CLI_SOUND_H_
