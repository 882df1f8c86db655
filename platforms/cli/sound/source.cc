// SPDX-License-Identifier: Apache-2.0
// The choice of who reads a file. Not: the formats (libsndfile, platforms/wav).
#include "platforms/cli/sound/source.h"

#include <fcntl.h>
#include <sndfile.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string_view>
#include <vector>

#include "model/format/foreign_file.h"
#include "platforms/cli/refusal.h"
#include "platforms/cli/sound/raw.h"

namespace ligero::cli {

namespace fs = std::filesystem;

namespace {

#ifdef LIGERO_WITH_SNDFILE
constexpr const char* kFormats = "WAV, FLAC or OGG";
#else
constexpr const char* kFormats = "WAV (this build reads no other format)";
#endif

fs::file_status check_readable(const std::string& path) {
  std::error_code failure;
  const fs::file_status there = fs::status(path, failure);
  if (!fs::exists(there)) {
    refuse("cannot read '", path, "': no such file");
  }
  if (fs::is_directory(there)) {
    refuse("cannot read '", path, "': it is a folder; expected a sound file");
  }
  if (::access(path.c_str(), R_OK) != 0) {
    refuse("cannot read '", path, "': ", std::strerror(errno));
  }
  if (fs::is_regular_file(there) && fs::file_size(path, failure) == 0) {
    refuse("'", path, "' is an empty file; expected sound (", kFormats, ")");
  }
  return there;
}

// What the reader needs to know before it opens a file without a header.
void set_raw(const std::string& path, SF_INFO* info) {
  const std::optional<RawFormat>& raw = raw_format();
  if (!raw) {
    refuse("'", path, "' has no header; expected the option --raw RATE:CHANNELS:CODING");
  }
  info->samplerate = raw->rate_hz;
  info->channels = raw->channels;
  info->format = SF_FORMAT_RAW | SF_ENDIAN_LITTLE | raw->coding;
}

// The first bytes of a file that can be read again; of a pipe none.
std::vector<std::byte> first_bytes(const std::string& path) {
  std::vector<std::byte> bytes(512);
  std::ifstream file(path, std::ios::binary);
  file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  bytes.resize(static_cast<size_t>(file.gcount()));
  return bytes;
}

// Why libsndfile refuses a file, with its own words only where they say more.
std::string library_refusal(int error) {
  switch (error) {
    case SF_ERR_UNRECOGNISED_FORMAT:
      return text("its format is not known; expected ", kFormats);
    case SF_ERR_MALFORMED_FILE:
      return "it is damaged";
    case SF_ERR_UNSUPPORTED_ENCODING:
      return "its samples are coded in a way that is not read here; convert it to WAV with PCM";
    case SF_ERR_SYSTEM:
      return text("the system cannot read it: ", std::strerror(errno));
    default:
      return "its header is damaged or asks for what is not read here; convert it to WAV with PCM";
  }
}

// Why nobody reads a file that can be read again.
std::string cause(const std::string& path, int error) {
  const std::vector<std::byte> bytes = first_bytes(path);
  const std::string_view head(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (head.starts_with("RIFF") || head.starts_with("RF64")) {
    wav::Reader reader;
    const std::string problem = reader.open(std::fopen(path.c_str(), "rb"));
    return problem.empty() ? library_refusal(error) : problem;
  }
  const char* foreign = foreign_file(bytes);
  const bool sound = head.starts_with("fLaC") || head.starts_with("OggS");
  return foreign != nullptr && !sound ? text("it is ", foreign) : library_refusal(error);
}

// The header in a pipe, without taking it out; empty where the system has no such call.
std::string peek(int pipe) {
  std::string head;
#ifdef __linux__
  constexpr size_t kMost = 4096;
  int ends[2];
  if (::pipe(ends) != 0) {
    return head;
  }
  const ssize_t there = ::tee(pipe, ends[1], kMost, 0);
  if (there > 0) {
    head.resize(static_cast<size_t>(there));
    const ssize_t got = ::read(ends[0], head.data(), head.size());
    head.resize(static_cast<size_t>(std::max<ssize_t>(got, 0)));
  }
  ::close(ends[0]);
  ::close(ends[1]);
#else
  (void)pipe;
#endif
  return head;
}

// Whether our reader knows the header that has come through the pipe.
bool own_reads(std::string head) {
  if (head.empty()) {
    return false;
  }
  wav::Reader reader;
  std::FILE* file = fmemopen(head.data(), head.size(), "rb");
  return file != nullptr && reader.open(file).empty();
}

}  // namespace

void SoundCloser::operator()(sf_private_tag* file) const {
  sf_close(file);
}

SoundSource::SoundSource(const std::string& path) : path_(path) {
  rewinds_ = fs::is_regular_file(check_readable(path));
  const int pipe = rewinds_ ? -1 : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);  // once
  if (is_raw_name(path) || !open_own(pipe)) {
    open_library(pipe);
  }
  if (own_) {
    channels_ = own_->channels();
    rate_hz_ = own_->rate_hz();
    format_ = own_->coding().format;
    promised_ = own_->frames();
  }
}

// Takes a WAV file with an odd header, or any from a pipe. What it does not take is left as it was.
bool SoundSource::open_own(int pipe) {
  if (!rewinds_ && !own_reads(peek(pipe))) {
    return false;
  }
  auto own = std::make_unique<wav::Reader>();
  std::FILE* file = rewinds_ ? std::fopen(path_.c_str(), "rb") : ::fdopen(pipe, "rb");
  if (file == nullptr || !own->open(file).empty() || (rewinds_ && own->odd().empty())) {
    return false;
  }
  own_ = std::move(own);
  return true;
}

void SoundSource::open_library(int pipe) {
  SF_INFO info = {};
  if (is_raw_name(path_)) {
    set_raw(path_, &info);
  }
  file_.reset(rewinds_ ? sf_open(path_.c_str(), SFM_READ, &info)
                       : sf_open_fd(pipe, SFM_READ, &info, SF_TRUE));
  const int error = sf_error(nullptr);
  if (!file_ && rewinds_ && !is_raw_name(path_)) {
    auto own = std::make_unique<wav::Reader>();
    if (own->open(std::fopen(path_.c_str(), "rb")).empty()) {
      own_ = std::move(own);  // libsndfile is stricter
      return;
    }
  }
  if (!file_) {
    refuse("'",
           path_,
           "' is not a sound file that can be read: ",
           rewinds_ ? cause(path_, error) : library_refusal(error));
  }
  channels_ = info.channels;
  rate_hz_ = info.samplerate;
  format_ = info.format & SF_FORMAT_SUBMASK;
  promised_ = info.frames;
}

bool SoundSource::sixteen_bit() const {
  return format_ == SF_FORMAT_PCM_16;
}

bool SoundSource::floats() const {
  return format_ == SF_FORMAT_FLOAT || format_ == SF_FORMAT_DOUBLE;
}

int64_t SoundSource::read(float* frames, int64_t count) {
  return own_ ? own_->read(frames, count * channels_) / channels_
              : std::max<int64_t>(0, sf_readf_float(file_.get(), frames, count));
}

std::string SoundSource::error() const {
  if (own_) {
    return own_->failed() ? "the system cannot read on" : "";
  }
  return sf_error(file_.get()) != SF_ERR_NO_ERROR ? sf_strerror(file_.get()) : "";
}

}  // namespace ligero::cli
