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
#include <span>

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

constexpr size_t kMostHead = 65536;  // of a file's beginning: what a pipe holds

std::string first_bytes(const std::string& path) {
  std::string bytes(kMostHead, '\0');
  std::ifstream file(path, std::ios::binary);
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
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

// What our reader finds wrong with a WAV file, of a pipe by its first bytes; "" where nothing is.
std::string wav_problem(const std::string& path, std::string head, bool pipe) {
  wav::Reader reader;
  return reader.open(!pipe          ? std::fopen(path.c_str(), "rb")
                     : head.empty() ? nullptr
                                    : fmemopen(head.data(), head.size(), "rb"));
}

// Why nobody reads what begins like this.
std::string cause(const std::string& path, const std::string& head, bool pipe, int error) {
  if (head.starts_with("RIFF") || head.starts_with("RF64") || head.starts_with("BW64")) {
    const std::string problem = wav_problem(path, head, pipe);
    return problem.empty() ? library_refusal(error) : problem;
  }
  const bool sound = head.starts_with("fLaC") || head.starts_with("OggS");
  if (sound && pipe) {
    return "its format cannot be read from a pipe; write it to a file first, or send WAV";
  }
  const char* foreign = foreign_file(std::as_bytes(std::span(head)));
  return foreign != nullptr && !sound ? text("it is ", foreign) : library_refusal(error);
}

// The header in a pipe, without taking it out; empty where the system has no such call.
std::string peek(int pipe) {
  std::string head;
#ifdef __linux__
  int ends[2];
  if (::pipe(ends) != 0) {
    return head;
  }
  const ssize_t there = ::tee(pipe, ends[1], kMostHead, 0);
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

}  // namespace

void SoundCloser::operator()(sf_private_tag* file) const {
  sf_close(file);
}

SoundSource::SoundSource(const std::string& path) : path_(path) {
  rewinds_ = fs::is_regular_file(check_readable(path));
  const int pipe = rewinds_ ? -1 : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);  // once
  const std::string head = rewinds_ ? first_bytes(path) : peek(pipe);
  if (is_raw_name(path) || !open_own(pipe, head)) {
    open_library(pipe, head);
  }
  if (own_) {
    channels_ = own_->channels();
    rate_hz_ = own_->rate_hz();
    format_ = own_->coding().format;
    promised_ = own_->frames();
  }
  constexpr int64_t kMostPromised = int64_t{1} << 48;  // more is a way to say that nobody knows
  promised_ = promised_ <= kMostPromised ? promised_ : INT64_MAX;
}

// Takes a WAV file with an odd header, or any from a pipe. What it does not take is left as it was.
bool SoundSource::open_own(int pipe, const std::string& head) {
  if (!rewinds_ && !wav_problem(path_, head, true).empty()) {
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

void SoundSource::open_library(int pipe, const std::string& head) {
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
           cause(path_, head, !rewinds_, error));
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
