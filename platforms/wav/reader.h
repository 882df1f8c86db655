// SPDX-License-Identifier: Apache-2.0
// Reads WAV, RF64, BW64 and RAW, piece by piece, headers included that nobody finished. Not:
// writing (wav.cc), compressed samples.
#ifndef LIGERO_PLATFORMS_WAV_READER_H_
#define LIGERO_PLATFORMS_WAV_READER_H_

#include <cstdint>
#include <cstdio>
#include <string>

#include "platforms/wav/codings.h"

namespace ligero::wav {

class Reader {
 public:
  Reader() = default;
  ~Reader();
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  /// Reads the header of a WAV file and owns `file` from then on. Returns what is wrong, as the end
  /// of a sentence; "" where nothing is. A pipe is never read back.
  std::string open(std::FILE* file);
  /// Samples without a header.
  void open_raw(std::FILE* file, const Coding* coding, int channels, int rate_hz);

  int channels() const {
    return channels_;
  }
  int rate_hz() const {
    return rate_hz_;
  }
  const Coding& coding() const {
    return *coding_;
  }
  /// Frames that are still to be read; INT64_MAX where nobody knows.
  int64_t frames() const {
    return left_ == INT64_MAX ? INT64_MAX : left_ / channels_;
  }
  /// What the header does not say or says wrongly, and what is done: "its header ..."; "" where all
  /// is well.
  const std::string& odd() const {
    return odd_;
  }
  /// Reads `count` samples of all channels, or fewer at the end.
  int64_t read(float* samples, int64_t count);
  /// Whether the system has refused to read on.
  bool failed() const {
    return failed_;
  }

 private:
  bool take(void* data, size_t bytes);
  size_t take_some(unsigned char* data, size_t bytes);
  bool skip(uint64_t bytes);
  std::string read_format(uint32_t bytes);
  std::string read_chunks(bool rf64);
  void find_length(uint64_t promised);
  void look_behind(uint64_t data_bytes, int64_t behind);

  std::FILE* file_ = nullptr;
  const Coding* coding_ = nullptr;
  int channels_ = 1;
  int rate_hz_ = 0;
  int64_t left_ = INT64_MAX;  ///< samples of all channels
  bool failed_ = false;
  std::string odd_;
  unsigned char ahead_[8] = {};  ///< bytes that were looked at and are still to be read
  size_t ahead_bytes_ = 0;
};

}  // namespace ligero::wav

#endif  // LIGERO_PLATFORMS_WAV_READER_H_
