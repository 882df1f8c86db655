// SPDX-License-Identifier: Apache-2.0
// Sound files in and out, whole or piece by piece, through libsndfile. Not: what is done with the
// samples.
#ifndef LIGERO_PLATFORMS_CLI_SOUND_SOUND_H_
#define LIGERO_PLATFORMS_CLI_SOUND_SOUND_H_

#include <cstdint>
#include <cstdio>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "model/format/atomic_file.h"
#include "platforms/cli/sound/level.h"
#include "platforms/cli/sound/rate.h"
#include "platforms/cli/sound/source.h"
#include "platforms/cli/sound/survey.h"

namespace ligero::cli {

/// A file of 8 to 96 kHz with any number of channels, read piece by piece as mono of its own rate:
/// one channel, or the mean of those that carry sound. Floats of integer size are scaled to full
/// scale 1. NaN, infinities and samples beyond kMostSample become zero and are counted. A name that
/// ends in .raw or .pcm needs --raw (raw.h). "-" is stdin. Refuses what SoundSource refuses, what
/// is of another rate, floats of no known scale and a channel that the file does not have, and says
/// what it found.
class SoundReader {
 public:
  /// `channel`: the one to take, from 1; 0: their mean.
  explicit SoundReader(const std::string& path, int channel = 0);

  /// Beyond `seconds` there is nothing to be read.
  void stop_after(double seconds);
  /// Whether there is more than that to be read; reads as far ahead as it takes to know.
  bool longer_than(double seconds);
  /// The next samples, good until the next call; none at the end.
  std::span<const float> read();
  /// Says on stderr what was left out, cleaned, mixed and converted by the caller to `to_hz`.
  void report(int32_t to_hz = kSampleRateHz) const;

  const std::string& path() const {
    return path_;
  }
  int32_t rate_hz() const {
    return source_->rate_hz();
  }
  bool sixteen_bit() const {  ///< the file holds 16-bit integers
    return source_->sixteen_bit();
  }
  int64_t promised_samples() const {  ///< by the header, which may be wrong
    return source_->promised();
  }
  int64_t samples() const {  ///< read so far
    return samples_;
  }
  int64_t cleaned() const {
    return cleaned_;
  }

 private:
  void look_over();
  void take_channels();
  void take_late_channels(size_t frames);
  size_t fill();
  float cleaned(float sample);
  float mixed(const float* frame);
  void report_channels() const;

  std::string path_;
  std::unique_ptr<SoundSource> source_;
  int channel_;
  Survey survey_;
  bool looked_ = false;        ///< taken_ and scale_ are known
  std::vector<int> taken_;     ///< the channels that are averaged
  float scale_ = 1.0f;         ///< a power of two
  std::vector<float> frames_;  ///< of all channels, as read
  std::vector<float> ahead_;   ///< mono, read and not handed out
  size_t handed_out_ = 0;      ///< of ahead_
  std::vector<Level> levels_;  ///< of each channel, as far as it is averaged
  Level mix_;
  bool ended_ = false;                                  ///< the source has no more
  int64_t most_ = std::numeric_limits<int64_t>::max();  ///< samples to read
  int64_t samples_ = 0;
  int64_t cleaned_ = 0;
  int64_t beyond_ = 0;  ///< samples beyond kMostSample
};

struct Sound {
  std::string path;
  std::vector<float> samples;       ///< mono, full scale = 1
  int32_t rate_hz = kSampleRateHz;  ///< of `samples`
  bool sixteen_bit = false;         ///< the file holds 16-bit integers
  int64_t cleaned = 0;              ///< NaN and infinities that were set to zero
  int32_t file_hz = kSampleRateHz;
  int64_t file_samples = 0;  ///< of each channel, at the file's rate

  double seconds() const {
    return static_cast<double>(samples.size()) / rate_hz;
  }
};

/// All that is left of a file as mono of `rate_hz`, aligned to the sample. `own`, where not null, gets the
/// same at the file's rate.
Sound read_sound(SoundReader* reader,
                 int32_t rate_hz = kSampleRateHz,
                 std::vector<float>* own = nullptr);
/// All of a file; changes are reported on stderr.
Sound read_sound(const std::string& path, int32_t rate_hz = kSampleRateHz);

struct FileCloser {
  void operator()(std::FILE* file) const {
    std::fclose(file);
  }
};
using FileHandle = std::unique_ptr<std::FILE, FileCloser>;

enum class Encoding : uint8_t { kPcm16, kFloat };

/// The ending of a name in lower case: ".wav".
std::string lower_ending(const std::string& path);

/// Whether a name ends in .wav, .flac, .ogg, .raw or .pcm.
bool is_sound_name(const std::string& path);

/// Refuses a name that is not one of those, nor "-" for stdout.
void check_sound_name(const std::string& path);

/// A mono file of that rate, written piece by piece, whole or not at all; the format follows from
/// the ending of `path`. FLAC has no float: kFloat means 24 bits there; OGG has one coding only;
/// RAW is little-endian. Where `promised_samples` are more than a WAV header can count, WAV
/// becomes RF64, its form for large files. "-" is stdout, which gets WAV, or RAW with --raw, all at
/// the end.
class SoundWriter {
 public:
  SoundWriter(const std::string& path,
              Encoding encoding,
              int32_t rate_hz,
              int64_t promised_samples);
  void write(std::span<const float> samples);
  /// The end: only now there is a file. Returns how many samples were clipped.
  int64_t commit();

 private:
  int create();
  void to_stdout();

  std::string path_;
  AtomicFile output_;
  FileHandle for_stdout_;  ///< what stdout will get; else null
  SoundHandle file_;
  int coding_ = 0;
  int64_t clipped_ = 0;
};

/// All at once.
int64_t write_sound(const std::string& path,
                    std::span<const float> samples,
                    Encoding encoding,
                    int32_t rate_hz = kSampleRateHz);

}  // namespace ligero::cli

#endif  // LIGERO_PLATFORMS_CLI_SOUND_SOUND_H_
