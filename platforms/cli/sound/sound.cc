// Reading of WAV, FLAC, OGG and RAW. Not: writing (sound_writer.cc), conversion of rates (rate.cc).
#include "platforms/cli/sound/sound.h"

#include <sndfile.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "platforms/cli/refusal.h"
#include "platforms/cli/sound/rate.h"
#include "platforms/cli/sound/raw.h"

namespace ligero::cli {

namespace fs = std::filesystem;

namespace {

constexpr int kBlockSamples = 16384;

SNDFILE* open_for_reading(const std::string& path, SF_INFO* info) {
  std::error_code failure;
  const fs::file_status there = fs::status(path, failure);
  if (!fs::exists(there)) {
    refuse("cannot read '", path, "': no such file");
  }
  if (fs::is_directory(there)) {
    refuse("cannot read '", path, "': it is a folder; expected a sound file");
  }
  if (std::FILE* probe = std::fopen(path.c_str(), "rb"); probe != nullptr) {
    std::fclose(probe);
  } else {
    refuse("cannot read '", path, "': ", std::strerror(errno));
  }
  if (fs::is_regular_file(there) && fs::file_size(path, failure) == 0) {
    refuse("'", path, "' is an empty file; expected sound (WAV, FLAC or OGG)");
  }
  SNDFILE* file = sf_open(path.c_str(), SFM_READ, info);
  if (file == nullptr) {
    refuse("'",
           path,
           "' is not a sound file that can be read: ",
           sf_strerror(nullptr),
           " Expected WAV, FLAC or OGG.");
  }
  return file;
}

// What the reader needs to know before it opens a file without a header.
void set_raw(const std::string& path, SF_INFO* info) {
  if (!is_raw_name(path)) {
    return;
  }
  const std::optional<RawFormat>& raw = raw_format();
  if (!raw) {
    refuse("'", path, "' has no header; expected the option --raw RATE:CHANNELS:CODING");
  }
  info->samplerate = raw->rate_hz;
  info->channels = raw->channels;
  info->format = SF_FORMAT_RAW | SF_ENDIAN_LITTLE | raw->coding;
}

}  // namespace

void SoundCloser::operator()(sf_private_tag* file) const {
  sf_close(file);
}

SoundReader::SoundReader(const std::string& path) : path_(path) {
  SF_INFO info = {};
  set_raw(path, &info);
  file_.reset(open_for_reading(path, &info));
  if (info.samplerate < kLowestFileHz || info.samplerate > kHighestFileHz) {
    refuse("'",
           path,
           "' has ",
           info.samplerate,
           " Hz; expected ",
           kLowestFileHz,
           " to ",
           kHighestFileHz,
           " Hz");
  }
  rate_hz_ = info.samplerate;
  channels_ = info.channels;
  promised_ = info.frames;
  sixteen_bit_ = (info.format & SF_FORMAT_SUBMASK) == SF_FORMAT_PCM_16;
  const int frames = std::max(1, kBlockSamples / channels_);
  block_.resize(static_cast<size_t>(frames * channels_));
}

void SoundReader::stop_after(double seconds) {
  most_ = std::llround(seconds * rate_hz_);
}

std::span<const float> SoundReader::read() {
  const auto channels = static_cast<size_t>(channels_);
  const auto room = std::min(static_cast<sf_count_t>(block_.size() / channels), most_ - samples_);
  const auto got = static_cast<size_t>(
      std::max<sf_count_t>(0, sf_readf_float(file_.get(), block_.data(), room)));
  if (got == 0 && sf_error(file_.get()) != SF_ERR_NO_ERROR) {
    refuse("'", path_, "' is damaged after ", samples_, " samples: ", sf_strerror(file_.get()));
  }
  if (got == 0 && samples_ == 0) {
    refuse("'", path_, "' holds no samples; expected sound");
  }
  for (size_t t = 0; t < got; ++t) {
    float sum = 0.0f;
    for (size_t c = 0; c < channels; ++c) {
      sum += block_[t * channels + c];
    }
    sum = channels == 1 ? sum : sum / static_cast<float>(channels);
    cleaned_ += std::isfinite(sum) ? 0 : 1;
    block_[t] = std::isfinite(sum) ? sum : 0.0f;
  }
  samples_ += static_cast<int64_t>(got);
  return {block_.data(), got};
}

void SoundReader::report(int32_t to_hz) const {
  if (cleaned_ > 0) {
    std::fprintf(stderr,
                 "ligero: '%s': %lld samples were NaN or infinite and count as zero\n",
                 path_.c_str(),
                 static_cast<long long>(cleaned_));
  }
  if (samples_ == most_) {
    std::fprintf(stderr,
                 "ligero: '%s': only its first %.0f s are used\n",
                 path_.c_str(),
                 static_cast<double>(most_) / rate_hz_);
  }
  if (channels_ > 1) {
    std::fprintf(stderr, "ligero: '%s': %d channels mixed to one\n", path_.c_str(), channels_);
  }
  if (rate_hz_ != to_hz) {
    std::fprintf(stderr, "ligero: '%s': %d Hz converted to %d Hz\n", path_.c_str(), rate_hz_, to_hz);
  }
}

Sound read_sound(const std::string& path, int32_t rate_hz) {
  SoundReader reader(path);
  Sound sound = read_sound(&reader, rate_hz);
  reader.report(rate_hz);
  return sound;
}

Sound read_sound(SoundReader* reader, int32_t rate_hz) {
  RateConverter to_model(reader->rate_hz(), rate_hz);
  Sound sound;
  sound.rate_hz = rate_hz;
  sound.path = reader->path();
  // The header's length is only a promise: read until there is no more.
  for (std::span<const float> x = reader->read(); !x.empty(); x = reader->read()) {
    to_model.push(x, &sound.samples);
  }
  to_model.finish(samples_at(reader->samples(), reader->rate_hz(), rate_hz), &sound.samples);
  sound.sixteen_bit = reader->sixteen_bit();
  sound.cleaned = reader->cleaned();
  sound.file_hz = reader->rate_hz();
  sound.file_samples = reader->samples();
  return sound;
}

}  // namespace ligero::cli
