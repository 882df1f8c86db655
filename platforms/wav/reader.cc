// SPDX-License-Identifier: Apache-2.0
// Chunks up to the samples, and the samples. Not: what is done with them.
#include "platforms/wav/reader.h"

#include <algorithm>
#include <climits>
#include <cstring>
#include <string_view>

namespace ligero::wav {
namespace {

constexpr int kMaxChannels = 1024;
constexpr uint32_t kUnknown32 = 0xFFFFFFFFu;  // a length that is elsewhere, or that nobody knew
constexpr int64_t kBlockSamples = 4096;

template <typename T>
T load(const unsigned char* p) {
  T value;
  std::memcpy(&value, p, sizeof(value));
  return value;
}

std::string coding_refusal(uint16_t tag, int bits) {
  char code[8];
  std::snprintf(code, sizeof(code), "0x%04X", tag);
  const std::string name = name_of_tag(tag);
  if (!name.empty()) {
    return "its samples are " + name + ", which is not read here; convert it to PCM";
  }
  return "its samples have " + std::to_string(bits) + " bits of coding " + code +
         ", which is not read here; convert it to PCM";
}

/// Whether a chunk begins with these bytes and not the samples of a header that nobody finished.
bool is_chunk_name(const unsigned char* bytes) {
  constexpr std::string_view kNames =
      "LIST fact PEAK bext iXML cue  smpl inst JUNK junk PAD  FLLR id3  ID3  _PMX axml chna afsp "
      "data fmt  DISP levl umid minf elm1 regn";
  const std::string_view name(reinterpret_cast<const char*>(bytes), 4);
  for (size_t at = 0; at + 4 <= kNames.size(); at += 5) {
    if (kNames.substr(at, 4) == name) {
      return true;
    }
  }
  return false;
}

}  // namespace

Reader::~Reader() {
  if (file_ != nullptr) {
    std::fclose(file_);
  }
}

bool Reader::take(void* data, size_t bytes) {
  return std::fread(data, 1, bytes, file_) == bytes;
}

// As many as there are: those that were looked at come first.
size_t Reader::take_some(unsigned char* data, size_t bytes) {
  const size_t first = std::min(bytes, ahead_bytes_);
  std::memcpy(data, ahead_, first);
  ahead_bytes_ -= first;
  std::memmove(ahead_, ahead_ + first, ahead_bytes_);
  return first + std::fread(data + first, 1, bytes - first, file_);
}

// Forward, in a pipe too.
bool Reader::skip(uint64_t bytes) {
  unsigned char block[4096];
  while (bytes > 0) {
    const size_t n = static_cast<size_t>(std::min<uint64_t>(bytes, sizeof(block)));
    if (!take(block, n)) {
      return false;
    }
    bytes -= n;
  }
  return true;
}

std::string Reader::read_format(uint32_t bytes) {
  unsigned char format[40] = {};
  const uint32_t part = std::min<uint32_t>(bytes, sizeof(format));
  if (part < 16 || !take(format, part) || !skip(uint64_t{bytes} - part + (bytes & 1))) {
    return "the format chunk is cut short";
  }
  uint16_t tag = load<uint16_t>(format);
  if (tag == kExtensible && part >= 26) {
    tag = load<uint16_t>(format + 24);
  }
  const int bits = load<uint16_t>(format + 14);
  channels_ = load<uint16_t>(format + 2);
  rate_hz_ = static_cast<int>(std::min<uint32_t>(load<uint32_t>(format + 4), INT_MAX));
  coding_ = coding_of_tag(tag, bits);
  if (coding_ == nullptr) {
    return coding_refusal(tag, bits);
  }
  if (channels_ < 1 || channels_ > kMaxChannels) {
    return "it has " + std::to_string(channels_) + " channels; expected 1 to 1024";
  }
  return load<uint16_t>(format + 12) == coding_->bytes * channels_
             ? ""
             : "the size of a frame does not fit its channels";
}

// Behind the header of the samples: how many there are, and whether the header is right.
void Reader::find_length(uint64_t promised) {
  const auto frame = static_cast<uint64_t>(coding_->bytes * channels_);
  const auto set = [&](uint64_t bytes) {
    left_ = static_cast<int64_t>(bytes / frame * static_cast<uint64_t>(channels_));
  };
  const long begin = std::ftell(file_);
  const bool seekable = begin >= 0 && std::fseek(file_, 0, SEEK_END) == 0;
  const int64_t there = seekable ? std::ftell(file_) - begin : INT64_MAX;
  if (seekable) {
    std::fseek(file_, begin, SEEK_SET);
  }
  if (promised == 0) {
    ahead_bytes_ = std::fread(ahead_, 1, sizeof(ahead_), file_);
    if (ahead_bytes_ < sizeof(ahead_) || is_chunk_name(ahead_)) {  // empty indeed
      ahead_bytes_ = 0;
      left_ = 0;
      return;
    }
    odd_ = "its header was never finished (it says that there are no samples); read to the end";
  } else if (promised == kUnknown32) {
    odd_ = "its header does not say how long it is; read to the end";
  } else if (seekable && promised > static_cast<uint64_t>(there)) {
    odd_ = "its header promises " + std::to_string(promised) + " bytes of samples and there are " +
           std::to_string(there) + "; read to the end";
  } else {
    set(promised);
    if (seekable) {
      look_behind(promised, there - static_cast<int64_t>(promised));
      std::fseek(file_, begin, SEEK_SET);
    }
    return;
  }
  left_ = INT64_MAX;
  if (seekable) {
    set(static_cast<uint64_t>(there));
  }
}

// A second chunk of samples is not read, and that is said.
void Reader::look_behind(uint64_t data_bytes, int64_t behind) {
  unsigned char chunk[8];
  uint64_t bytes = data_bytes;
  for (int64_t left = behind; left >= 8; left -= 8) {
    const auto forward = static_cast<long>(bytes + (bytes & 1));
    left -= static_cast<int64_t>(bytes & 1);
    if (std::fseek(file_, forward, SEEK_CUR) != 0 || !take(chunk, sizeof(chunk))) {
      return;
    }
    if (std::memcmp(chunk, "data", 4) == 0) {
      odd_ = "it has more than one chunk of samples; only the first is read";
      return;
    }
    bytes = load<uint32_t>(chunk + 4);
    left -= static_cast<int64_t>(bytes);
  }
}

std::string Reader::read_chunks(bool rf64) {
  uint64_t wide_bytes =
      kUnknown32;  // of RF64, where its chunk of lengths does not come or is empty
  unsigned char chunk[8];
  while (take(chunk, sizeof(chunk))) {
    const auto bytes = load<uint32_t>(chunk + 4);
    if (std::memcmp(chunk, "fmt ", 4) == 0) {
      if (std::string problem = read_format(bytes); !problem.empty()) {
        return problem;
      }
    } else if (std::memcmp(chunk, "data", 4) == 0) {
      if (coding_ == nullptr) {
        return "its samples come before their format";
      }
      const bool elsewhere = bytes == kUnknown32 || (rf64 && bytes == 0);
      find_length(elsewhere ? wide_bytes : bytes);
      return "";
    } else if (std::memcmp(chunk, "ds64", 4) == 0 && bytes >= 16) {
      unsigned char sizes[16];
      if (!take(sizes, sizeof(sizes)) || !skip(uint64_t{bytes} - sizeof(sizes) + (bytes & 1))) {
        return "its lengths are cut short";
      }
      const uint64_t data = std::min<uint64_t>(load<uint64_t>(sizes + 8), INT64_MAX);
      wide_bytes = data != 0 ? data : kUnknown32;
    } else if (!skip(uint64_t{bytes} + (bytes & 1))) {
      break;
    }
  }
  return coding_ == nullptr ? "it ends before the format of its samples"
                            : "it ends before its samples";
}

std::string Reader::open(std::FILE* file) {
  if (file == nullptr) {
    return "the system cannot open it";
  }
  file_ = file;
  unsigned char head[12];
  const bool whole = take(head, sizeof(head));
  const bool rf64 =
      whole && (std::memcmp(head, "RF64", 4) == 0 || std::memcmp(head, "BW64", 4) == 0);
  if (!whole || (!rf64 && std::memcmp(head, "RIFF", 4) != 0) ||
      std::memcmp(head + 8, "WAVE", 4) != 0) {
    return "it does not begin as a WAV file";
  }
  return read_chunks(rf64);
}

void Reader::open_raw(std::FILE* file, const Coding* coding, int channels, int rate_hz) {
  file_ = file;
  coding_ = coding;
  channels_ = channels;
  rate_hz_ = rate_hz;
}

int64_t Reader::read(float* samples, int64_t count) {
  unsigned char block[kBlockSamples * sizeof(double)];
  const auto size = static_cast<size_t>(coding_->bytes);
  int64_t done = 0;
  count = std::min(count, left_);
  while (done < count) {
    const auto wanted = static_cast<size_t>(std::min(count - done, kBlockSamples));
    const size_t got = take_some(block, wanted * size) / size;
    for (size_t i = 0; i < got; ++i) {
      samples[done + static_cast<int64_t>(i)] = coding_->decode(block + i * size);
    }
    done += static_cast<int64_t>(got);
    if (got < wanted) {
      failed_ = std::ferror(file_) != 0;
      left_ = done;  // the header had promised more
      break;
    }
  }
  left_ -= left_ == INT64_MAX ? 0 : done;
  return done;
}

}  // namespace ligero::wav
