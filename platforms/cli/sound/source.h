// SPDX-License-Identifier: Apache-2.0
// Opens a sound file with the library that reads it, and says in a sentence why none does. Not:
// what is made of its channels (sound.h).
#ifndef LIGERO_PLATFORMS_CLI_SOUND_SOURCE_H_
#define LIGERO_PLATFORMS_CLI_SOUND_SOURCE_H_

#include <cstdint>
#include <memory>
#include <string>

#include "platforms/wav/reader.h"

struct sf_private_tag;  // SNDFILE

namespace ligero::cli {

struct SoundCloser {
  void operator()(sf_private_tag* file) const;
};
using SoundHandle = std::unique_ptr<sf_private_tag, SoundCloser>;

/// Interleaved frames of a file. libsndfile reads it. WAV files whose headers are unfinished, and
/// WAV from a pipe, are read by platforms/wav/reader.h. Refuses what is missing, unreadable, not
/// audio or empty; a name that ends in .raw or .pcm needs --raw (raw.h).
class SoundSource {
 public:
  explicit SoundSource(const std::string& path);

  int channels() const {
    return channels_;
  }
  int rate_hz() const {
    return rate_hz_;
  }
  bool sixteen_bit() const;
  bool floats() const;
  /// Frames that the header promises; INT64_MAX where it does not.
  int64_t promised() const {
    return promised_;
  }
  /// Whether the file can be opened again from its beginning.
  bool rewinds() const {
    return rewinds_;
  }
  /// What is wrong with the header: "its header ..."; "" where nothing is.
  std::string odd() const {
    return own_ ? own_->odd() : "";
  }
  /// Reads at most `count` frames; fewer only at the end or where error() says why.
  int64_t read(float* frames, int64_t count);
  /// "" or why reading has ended early.
  std::string error() const;

 private:
  bool open_own(int pipe, const std::string& head);
  void open_library(int pipe, const std::string& head);

  std::string path_;
  std::unique_ptr<wav::Reader> own_;
  SoundHandle file_;
  int channels_ = 1;
  int rate_hz_ = 0;
  int format_ = 0;  ///< a subtype of libsndfile
  int64_t promised_ = 0;
  bool rewinds_ = true;
};

}  // namespace ligero::cli

#endif  // LIGERO_PLATFORMS_CLI_SOUND_SOURCE_H_
