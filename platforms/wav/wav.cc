// SPDX-License-Identifier: Apache-2.0
// libsndfile's interface over WAV, RF64 and RAW: writing here, reading through reader.h. Not: what is
// done with the samples.
#include <sndfile.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <memory>
#include <new>
#include <string>

#include "platforms/wav/reader.h"

namespace {

using ligero::wav::Coding;

constexpr uint32_t kUnknown32 = 0xFFFFFFFFu;  // a length that is elsewhere
constexpr uint32_t kSizesBytes = 28;          // of RF64's chunk of 64-bit lengths
constexpr sf_count_t kBlockSamples = 4096;

thread_local std::string open_error;

}  // namespace

struct sf_private_tag {
  ligero::wav::Reader reader;  ///< where it reads
  std::FILE* file = nullptr;   ///< where it writes
  const Coding* coding = nullptr;
  int channels = 1;
  int container = SF_FORMAT_RAW;
  sf_count_t written = 0;  ///< samples
  int rate_hz = 0;
  const char* error = nullptr;
  ~sf_private_tag() {
    if (file != nullptr) {
      std::fclose(file);
    }
  }
};

namespace {

/// The header of what has been written so far; room for 64-bit lengths where RF64 was asked for.
bool write_header(SNDFILE* s) {
  const uint64_t data = static_cast<uint64_t>(s->written) * static_cast<uint64_t>(s->coding->bytes);
  const bool roomy = s->container == SF_FORMAT_RF64;
  const uint64_t riff = 4 + (roomy ? 8 + kSizesBytes : 0) + 8 + 16 + 8 + data + (data & 1);
  const bool wide = riff > kUnknown32;
  if (wide && !roomy) {
    s->error = "it is larger than a WAV file can be";
    return false;
  }
  unsigned char header[8 + 4 + 8 + kSizesBytes + 8 + 16 + 8];
  unsigned char* p = header;
  const auto put = [&p](const auto& value) {
    std::memcpy(p, &value, sizeof(value));
    p += sizeof(value);
  };
  const auto name = [&p](const char* four) {
    std::memcpy(p, four, 4);
    p += 4;
  };
  name(wide ? "RF64" : "RIFF");
  put(wide ? kUnknown32 : static_cast<uint32_t>(riff));
  name("WAVE");
  if (roomy) {
    name(wide ? "ds64" : "JUNK");
    put(kSizesBytes);
    put(wide ? riff : uint64_t{0});
    put(wide ? data : uint64_t{0});
    put(wide ? static_cast<uint64_t>(s->written / s->channels) : uint64_t{0});
    put(uint32_t{0});
  }
  const auto frame = static_cast<uint32_t>(s->coding->bytes * s->channels);
  name("fmt ");
  put(uint32_t{16});
  put(s->coding->tag);
  put(static_cast<uint16_t>(s->channels));
  put(static_cast<uint32_t>(s->rate_hz));
  put(static_cast<uint32_t>(s->rate_hz) * frame);
  put(static_cast<uint16_t>(frame));
  put(static_cast<uint16_t>(s->coding->bytes * 8));
  name("data");
  put(wide ? kUnknown32 : static_cast<uint32_t>(data));
  const auto bytes = static_cast<size_t>(p - header);
  return std::fwrite(header, 1, bytes, s->file) == bytes;
}

sf_count_t write_bytes(SNDFILE* s, const void* data, sf_count_t samples) {
  const auto size = static_cast<size_t>(s->coding->bytes);
  const size_t done = std::fwrite(data, size, static_cast<size_t>(samples), s->file);
  s->written += static_cast<sf_count_t>(done);
  if (static_cast<sf_count_t>(done) != samples) {
    s->error = "the system refuses to write";
  }
  return static_cast<sf_count_t>(done);
}

/// Samples that have the file's coding already.
sf_count_t write_as_they_are(SNDFILE* s, const void* data, sf_count_t count, int format) {
  if (s->coding->format != format) {
    s->error = "this build of ligero does not write such samples";
    return 0;
  }
  return write_bytes(s, data, count);
}

const char* kOnlyWav = "this build of ligero reads and writes WAV and RAW alone";

/// "" or what is wrong; `file` is closed with `s`.
std::string open_to_write(SNDFILE* s, std::FILE* file, const SF_INFO& info) {
  s->file = file;
  s->container = info.format & SF_FORMAT_TYPEMASK;
  s->channels = info.channels;
  s->rate_hz = info.samplerate;
  s->coding = ligero::wav::coding_of_format(info.format & SF_FORMAT_SUBMASK);
  const bool raw = s->container == SF_FORMAT_RAW;
  const bool wav = s->container == SF_FORMAT_WAV || s->container == SF_FORMAT_RF64;
  if (s->coding == nullptr || (!raw && !wav) || (wav && s->coding->tag == 0)) {
    return kOnlyWav;
  }
  std::setvbuf(s->file, nullptr, _IONBF, 0);  // what is live is not held back
  return raw || write_header(s) ? "" : "the system refuses to write";
}

std::string open_to_read(SNDFILE* s, std::FILE* file, SF_INFO* info) {
  if ((info->format & SF_FORMAT_TYPEMASK) == SF_FORMAT_RAW) {
    const Coding* coding = ligero::wav::coding_of_format(info->format & SF_FORMAT_SUBMASK);
    if (coding == nullptr) {
      std::fclose(file);
      return kOnlyWav;
    }
    s->reader.open_raw(file, coding, info->channels, info->samplerate);
  } else if (std::string problem = s->reader.open(file); !problem.empty()) {
    return problem;
  } else {
    info->format = SF_FORMAT_WAV | s->reader.coding().format;
    info->samplerate = s->reader.rate_hz();
    info->channels = s->reader.channels();
  }
  info->frames = s->reader.frames();
  return "";
}

SNDFILE* open_file(std::FILE* file, int mode, SF_INFO* info) {
  std::unique_ptr<SNDFILE> s(new (std::nothrow) SNDFILE);
  if (file == nullptr || s == nullptr) {
    open_error = "the system cannot open it";
    if (file != nullptr) {
      std::fclose(file);
    }
    return nullptr;
  }
  open_error = mode == SFM_WRITE ? open_to_write(s.get(), file, *info)
                                 : open_to_read(s.get(), file, info);
  return open_error.empty() ? s.release() : nullptr;
}

}  // namespace

extern "C" {

SNDFILE* sf_open(const char* path, int mode, SF_INFO* info) {
  return open_file(std::fopen(path, mode == SFM_WRITE ? "wb" : "rb"), mode, info);
}

SNDFILE* sf_open_fd(int fd, int mode, SF_INFO* info, int close_fd) {
  const int own = close_fd == SF_TRUE ? fd : dup(fd);
  return open_file(fdopen(own, mode == SFM_WRITE ? "wb" : "rb"), mode, info);
}

int sf_close(SNDFILE* file) {
  const std::unique_ptr<SNDFILE> s(file);
  if (s->file == nullptr) {
    return SF_ERR_NO_ERROR;  // it was read
  }
  bool good = s->error == nullptr;
  if (s->container != SF_FORMAT_RAW) {
    const bool odd = (s->written * s->coding->bytes & 1) != 0;
    good = good && (!odd || std::fputc(0, s->file) != EOF);
    good = good && std::fseek(s->file, 0, SEEK_SET) == 0 && write_header(s.get());
  }
  good = std::fclose(s->file) == 0 && good;
  s->file = nullptr;
  open_error = good ? "" : s->error != nullptr ? s->error : "the system refuses to write";
  return good ? SF_ERR_NO_ERROR : SF_ERR_SYSTEM;
}

int sf_error(SNDFILE* file) {
  if (file == nullptr) {
    return open_error.empty() ? SF_ERR_NO_ERROR : SF_ERR_UNRECOGNISED_FORMAT;
  }
  return file->error == nullptr && !file->reader.failed() ? SF_ERR_NO_ERROR : SF_ERR_SYSTEM;
}

const char* sf_strerror(SNDFILE* file) {
  if (file == nullptr) {
    return open_error.empty() ? "no error" : open_error.c_str();
  }
  return file->error != nullptr    ? file->error
         : file->reader.failed() ? "the system cannot read on"
                                 : "no error";
}

int sf_command(SNDFILE*, int, void*, int) {
  return 0;
}

sf_count_t sf_read_float(SNDFILE* file, float* samples, sf_count_t count) {
  return file->reader.read(samples, count);
}

sf_count_t sf_readf_float(SNDFILE* file, float* frames, sf_count_t count) {
  const int channels = file->reader.channels();
  return file->reader.read(frames, count * channels) / channels;
}

sf_count_t sf_write_float(SNDFILE* file, const float* samples, sf_count_t count) {
  unsigned char block[kBlockSamples * sizeof(double)];
  const auto size = static_cast<size_t>(file->coding->bytes);
  sf_count_t done = 0;
  while (done < count && file->error == nullptr) {
    const sf_count_t n = std::min(count - done, kBlockSamples);
    for (sf_count_t i = 0; i < n; ++i) {
      file->coding->encode(samples[done + i], block + static_cast<size_t>(i) * size);
    }
    done += write_bytes(file, block, n);
  }
  return done;
}

sf_count_t sf_write_short(SNDFILE* file, const int16_t* samples, sf_count_t count) {
  return write_as_they_are(file, samples, count, SF_FORMAT_PCM_16);
}

sf_count_t sf_write_int(SNDFILE* file, const int32_t* samples, sf_count_t count) {
  return write_as_they_are(file, samples, count, SF_FORMAT_PCM_32);
}

}  // extern "C"
