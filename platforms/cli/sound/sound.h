// Sound files in and out, whole or piece by piece, through libsndfile. Not: what is done with the
// samples.
#ifndef LIGERO_PLATFORMS_CLI_SOUND_SOUND_H_
#define LIGERO_PLATFORMS_CLI_SOUND_SOUND_H_

#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "model/format/atomic_file.h"
#include "platforms/cli/sound/rate.h"

struct sf_private_tag;  // SNDFILE

namespace ligero::cli {

struct SoundCloser {
  void operator()(sf_private_tag* file) const;
};
using SoundHandle = std::unique_ptr<sf_private_tag, SoundCloser>;

/// A file of 8 to 96 kHz with any number of channels, read piece by piece as mono of its own rate:
/// channels are averaged, NaN and infinities become zero and are counted. A name that ends in .raw
/// or .pcm needs --raw (raw.h). Refuses what is missing, unreadable, not audio, empty, or of
/// another rate, and says what it found.
class SoundReader {
 public:
  explicit SoundReader(const std::string& path);

  /// Beyond `seconds` there is nothing to be read.
  void stop_after(double seconds);
  /// The next samples, good until the next call; none at the end.
  std::span<const float> read();
  /// Says on stderr what was left out, cleaned, mixed and converted by the caller to `to_hz`.
  void report(int32_t to_hz = kSampleRateHz) const;

  const std::string& path() const {
    return path_;
  }
  int32_t rate_hz() const {
    return rate_hz_;
  }
  bool sixteen_bit() const {  ///< the file holds 16-bit integers
    return sixteen_bit_;
  }
  int64_t promised_samples() const {  ///< by the header, which may be wrong
    return promised_;
  }
  int64_t samples() const {  ///< read so far
    return samples_;
  }
  int64_t cleaned() const {
    return cleaned_;
  }

 private:
  std::string path_;
  SoundHandle file_;
  std::vector<float> block_;
  int channels_ = 1;
  int32_t rate_hz_ = 0;
  bool sixteen_bit_ = false;
  int64_t promised_ = 0;
  int64_t most_ = std::numeric_limits<int64_t>::max();  ///< samples to read
  int64_t samples_ = 0;
  int64_t cleaned_ = 0;
};

struct Sound {
  std::string path;
  std::vector<float> samples;  ///< mono, full scale = 1
  int32_t rate_hz = kSampleRateHz;  ///< of `samples`
  bool sixteen_bit = false;    ///< the file holds 16-bit integers
  int64_t cleaned = 0;         ///< NaN and infinities that were set to zero
  int32_t file_hz = kSampleRateHz;
  int64_t file_samples = 0;  ///< of each channel, at the file's rate

  double seconds() const {
    return static_cast<double>(samples.size()) / rate_hz;
  }
};

/// All that is left of a file as mono of `rate_hz`, aligned to the sample.
Sound read_sound(SoundReader* reader, int32_t rate_hz = kSampleRateHz);
/// All of a file; changes are reported on stderr.
Sound read_sound(const std::string& path, int32_t rate_hz = kSampleRateHz);

enum class Encoding : uint8_t { kPcm16, kFloat };

/// Refuses an ending other than .wav, .flac, .ogg, .raw and .pcm.
void check_sound_name(const std::string& path);

/// Whether `path` names a file without a header.
bool is_raw_name(const std::string& path);

/// A mono file of that rate, written piece by piece, whole or not at all; the format follows from
/// the ending of `path`. FLAC has no float: kFloat means 24 bits there; OGG has one coding only;
/// RAW is little-endian. Where `promised_samples` are more than a WAV header can count, WAV
/// becomes RF64, its form for large files.
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
  std::string path_;
  AtomicFile output_;
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
