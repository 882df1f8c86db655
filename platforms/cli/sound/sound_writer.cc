// SPDX-License-Identifier: Apache-2.0
// Writing of WAV, FLAC, OGG and RAW. Not: reading (sound.cc), temporary names (atomic_file).
#include <sndfile.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "platforms/cli/files.h"
#include "platforms/cli/refusal.h"
#include "platforms/cli/sound/raw.h"
#include "platforms/cli/sound/sound.h"

namespace ligero::cli {

namespace {

constexpr size_t kBlockSamples = 16384;
constexpr double kHalfScale16 = 32768.0;
constexpr int64_t kMostWavSamples = 1'000'000'000;  // of 4 bytes: its header counts to 2^32
constexpr double kHalfScale32 = 2147483648.0;

int format_of(const std::string& path, Encoding encoding) {
  const std::string ending = lower_ending(path);
  const bool pcm = encoding == Encoding::kPcm16;
  if (ending == ".ogg") {
    return SF_FORMAT_OGG | SF_FORMAT_VORBIS;
  }
  if (ending == ".flac") {
    return SF_FORMAT_FLAC | (pcm ? SF_FORMAT_PCM_16 : SF_FORMAT_PCM_24);
  }
  const int coding = pcm ? SF_FORMAT_PCM_16 : SF_FORMAT_FLOAT;
  return is_raw_name(path) ? SF_FORMAT_RAW | SF_ENDIAN_LITTLE | coding : SF_FORMAT_WAV | coding;
}

// Full scale to integers of the given half range; counts what does not fit.
template <typename Integer>
std::vector<Integer> to_integers(std::span<const float> samples, double half, int64_t* clipped) {
  std::vector<Integer> out(samples.size());
  for (size_t i = 0; i < samples.size(); ++i) {
    const double wanted = std::nearbyint(static_cast<double>(samples[i]) * half);
    const double fitting = std::clamp(wanted, -half, half - 1.0);
    *clipped += wanted != fitting;
    out[i] = static_cast<Integer>(fitting);
  }
  return out;
}

}  // namespace

std::string lower_ending(const std::string& path) {
  std::string ending = std::filesystem::path(path).extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(), [](unsigned char c) {
    return static_cast<char>(std::tolower(c));
  });
  return ending;
}

bool is_sound_name(const std::string& path) {
  const std::string ending = lower_ending(path);
  return ending == ".wav" || ending == ".flac" || ending == ".ogg" || is_raw_name(path);
}

void check_sound_name(const std::string& path) {
  if (path != "-" && !is_sound_name(path)) {
    refuse("cannot write '", path, "': expected a name that ends in .wav, .flac, .ogg or .raw");
  }
}

SoundWriter::SoundWriter(const std::string& path,
                         Encoding encoding,
                         int32_t rate_hz,
                         int64_t promised_samples)
    : path_(path) {
  const int fd = create();
  SF_INFO info = {};
  info.samplerate = rate_hz;
  info.channels = 1;
  info.format = format_of(path, encoding);
  coding_ = info.format & SF_FORMAT_SUBMASK;
  if ((info.format & SF_FORMAT_TYPEMASK) == SF_FORMAT_WAV && promised_samples > kMostWavSamples) {
    info.format = SF_FORMAT_RF64 | coding_;
  }
  file_.reset(sf_open_fd(::dup(fd), SFM_WRITE, &info, SF_TRUE));
  if (!file_) {
    refuse("cannot encode '", path, "': ", sf_strerror(nullptr));
  }
  // RF64 that turns out small ends as WAV.
  sf_command(file_.get(), SFC_RF64_AUTO_DOWNGRADE, nullptr, SF_TRUE);
  // That chunk of a float file holds the time: the same samples are to give the same bytes.
  sf_command(file_.get(), SFC_SET_ADD_PEAK_CHUNK, nullptr, SF_FALSE);
}

/// The file that is written to. A WAV header is finished when its length is known, so stdout gets a copy.
int SoundWriter::create() {
  if (path_ == "-") {
    for_stdout_.reset(std::tmpfile());
    if (!for_stdout_) {
      refuse("cannot write a temporary file for stdout: ", std::strerror(errno));
    }
    return ::fileno(for_stdout_.get());
  }
  if (const Status status = output_.create(path_.c_str()); !status.ok()) {
    refuse_system_status(text("cannot write '", path_, "'"), status);
  }
  return output_.fd();
}

void SoundWriter::to_stdout() {
  std::vector<std::byte> block(kBlockSamples);
  std::rewind(for_stdout_.get());
  for (size_t got = 0; (got = std::fread(block.data(), 1, block.size(), for_stdout_.get())) > 0;) {
    write_stdout(std::span(block).first(got));
  }
  if (std::ferror(for_stdout_.get()) != 0) {
    refuse("cannot read the temporary file for stdout");
  }
}

void SoundWriter::write(std::span<const float> samples) {
  while (!samples.empty()) {  // the Vorbis encoder of libsndfile keeps a whole call on the stack
    const std::span<const float> piece = samples.first(std::min(samples.size(), kBlockSamples));
    samples = samples.subspan(piece.size());
    const auto count = static_cast<sf_count_t>(piece.size());
    sf_count_t done = 0;
    if (coding_ == SF_FORMAT_PCM_16) {
      const std::vector<int16_t> words = to_integers<int16_t>(piece, kHalfScale16, &clipped_);
      done = sf_write_short(file_.get(), words.data(), count);
    } else if (coding_ == SF_FORMAT_PCM_24) {
      const std::vector<int32_t> words = to_integers<int32_t>(piece, kHalfScale32, &clipped_);
      done = sf_write_int(file_.get(), words.data(), count);
    } else {
      done = sf_write_float(file_.get(), piece.data(), count);
    }
    if (done != count) {
      refuse("cannot write '", path_, "': ", sf_strerror(file_.get()));
    }
  }
}

int64_t SoundWriter::commit() {
  if (sf_close(file_.release()) != 0) {
    refuse("cannot encode '", path_, "': ", sf_strerror(nullptr));
  }
  if (for_stdout_) {
    to_stdout();
    return clipped_;
  }
  if (const Status status = output_.commit(); !status.ok()) {
    refuse_system_status(text("cannot write '", path_, "'"), status);
  }
  return clipped_;
}

int64_t write_sound(const std::string& path,
                    std::span<const float> samples,
                    Encoding encoding,
                    int32_t rate_hz) {
  SoundWriter writer(path, encoding, rate_hz, static_cast<int64_t>(samples.size()));
  writer.write(samples);
  return writer.commit();
}

}  // namespace ligero::cli
