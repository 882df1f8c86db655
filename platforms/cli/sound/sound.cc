// SPDX-License-Identifier: Apache-2.0
// Channels to one, and what is said of them. Not: opening (source.cc), writing (sound_writer.cc),
// conversion of rates (rate.cc).
#include "platforms/cli/sound/sound.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <iterator>

#include "platforms/cli/refusal.h"
#include "platforms/cli/sound/rate.h"
#include "platforms/cli/sound/raw.h"

namespace ligero::cli {

namespace {

constexpr int kBlockSamples = 16384;
/// What a pipe is looked over by: it cannot be read twice.
constexpr double kPipeSeconds = 10.0;

void look_over_again(const std::string& path, int64_t most, Survey* survey) {
  SoundSource source(path);
  const auto channels = static_cast<size_t>(source.channels());
  std::vector<float> frames(std::max<size_t>(1, kBlockSamples / channels) * channels);
  const auto room = static_cast<int64_t>(frames.size() / channels);
  for (int64_t left = most; left > 0;) {
    const int64_t got = source.read(frames.data(), std::min(room, left));
    if (got == 0) {
      return;
    }
    survey->add(frames.data(), static_cast<size_t>(got));
    left -= got;
  }
}

}  // namespace

SoundReader::SoundReader(const std::string& path, int channel)
    : path_(path == "-" ? kStdin : path),
      source_(std::make_unique<SoundSource>(path_)),
      channel_(channel),
      survey_(source_->channels(), source_->rate_hz(), channel),
      levels_(static_cast<size_t>(source_->channels()), Level(source_->rate_hz())),
      mix_(source_->rate_hz()) {
  if (rate_hz() < kLowestFileHz || rate_hz() > kHighestFileHz) {
    refuse("'",
           path_,
           "' has ",
           rate_hz(),
           " Hz; expected ",
           kLowestFileHz,
           " to ",
           kHighestFileHz,
           " Hz");
  }
  const int channels = source_->channels();
  if (channel > channels) {
    refuse("'", path_, "' has ", channels, " channels; --channel asks for number ", channel);
  }
  const int frames = std::max(1, kBlockSamples / channels);
  frames_.resize(static_cast<size_t>(frames) * static_cast<size_t>(channels));
}

void SoundReader::stop_after(double seconds) {
  most_ = std::llround(seconds * rate_hz());
}

// Which channels to take and what full scale is, before the first sample is handed out. A pipe is
// judged by its beginning.
void SoundReader::look_over() {
  looked_ = true;
  const bool one = source_->channels() == 1 || channel_ > 0;
  if (one && !source_->floats()) {
    take_channels();
    return;
  }
  if (source_->rewinds()) {
    look_over_again(path_, most_, &survey_);
    take_channels();
    return;
  }
  const auto channels = static_cast<size_t>(source_->channels());
  std::vector<float> begin(channels * static_cast<size_t>(kPipeSeconds * rate_hz()));
  const auto got = static_cast<size_t>(
      source_->read(begin.data(), static_cast<int64_t>(begin.size() / channels)));
  survey_.add(begin.data(), got);
  take_channels();
  for (size_t t = 0; t < got; ++t) {
    ahead_.push_back(mixed(begin.data() + t * channels));
  }
}

void SoundReader::take_channels() {
  taken_ = survey_.heard();
  const double scale = source_->floats() ? survey_.scale() : 1.0;
  if (scale == 0.0) {
    refuse("'",
           path_,
           "' holds floats up to ",
           survey_.peak(),
           "; expected full scale 1, or integers of 16, 24 or 32 bits as floats");
  }
  scale_ = static_cast<float>(scale);
}

// A channel of a pipe may begin to carry sound after the part that was looked over.
void SoundReader::take_late_channels(size_t frames) {
  if (source_->rewinds() || taken_.size() == levels_.size() || channel_ > 0) {
    return;
  }
  survey_.add(frames_.data(), frames);
  const std::vector<int> before = taken_;
  const std::vector<int> heard = survey_.heard();
  taken_.clear();
  std::set_union(
      before.begin(), before.end(), heard.begin(), heard.end(), std::back_inserter(taken_));
}

// What is no sound as zero, and counted.
float SoundReader::cleaned(float sample) {
  if (!std::isfinite(sample)) {
    ++cleaned_;
    return 0.0f;
  }
  if (std::abs(sample) > kMostSample) {
    ++beyond_;
    return 0.0f;
  }
  return sample;
}

// One frame to one sample.
float SoundReader::mixed(const float* frame) {
  float sum = 0.0f;
  for (const int c : taken_) {
    const float x = cleaned(frame[c] * scale_);
    levels_[static_cast<size_t>(c)].add(x);
    sum += x;
  }
  sum = taken_.size() == 1 ? sum : sum / static_cast<float>(taken_.size());
  mix_.add(sum);
  return sum;
}

// Appends a block to ahead_; returns how many samples have come.
size_t SoundReader::fill() {
  if (!looked_) {
    look_over();
    if (!ahead_.empty()) {
      return ahead_.size();
    }
  }
  const auto channels = static_cast<size_t>(source_->channels());
  const auto got = static_cast<size_t>(
      source_->read(frames_.data(), static_cast<int64_t>(frames_.size() / channels)));
  const int64_t so_far = samples_ + static_cast<int64_t>(ahead_.size() - handed_out_);
  if (const std::string error = got == 0 ? source_->error() : ""; !error.empty()) {
    refuse("'", path_, "' is damaged after ", so_far, " samples: ", error);
  }
  if (got == 0 && so_far == 0) {
    refuse("'", path_, "' holds no samples; expected sound");
  }
  ended_ = got == 0;
  take_late_channels(got);
  for (size_t t = 0; t < got; ++t) {
    ahead_.push_back(mixed(frames_.data() + t * channels));
  }
  return got;
}

bool SoundReader::longer_than(double seconds) {
  const auto wanted = static_cast<size_t>(std::llround(seconds * rate_hz()));
  const auto left = static_cast<size_t>(most_ - samples_);
  while (ahead_.size() - handed_out_ <= wanted && fill() > 0) {
  }
  return std::min(left, ahead_.size() - handed_out_) > wanted;
}

std::span<const float> SoundReader::read() {
  if (handed_out_ == ahead_.size()) {
    ahead_.clear();
    handed_out_ = 0;
    if (samples_ < most_) {
      fill();
    }
  }
  const auto room = static_cast<size_t>(std::min<int64_t>(kBlockSamples, most_ - samples_));
  const size_t n = std::min(room, ahead_.size() - handed_out_);
  const std::span<const float> out(ahead_.data() + handed_out_, n);
  handed_out_ += n;
  samples_ += static_cast<int64_t>(n);
  return out;
}

void SoundReader::report_channels() const {
  const size_t channels = levels_.size();
  if (channels == 1) {
    return;
  }
  if (channel_ > 0) {
    const bool silent = mix_.energy() == 0.0;
    std::fprintf(stderr,
                 "ligero: '%s': channel %d of %zu is used%s\n",
                 path_.c_str(),
                 channel_,
                 channels,
                 silent ? ", which is silent" : "");
    return;
  }
  std::fprintf(stderr, "ligero: '%s': %zu channels mixed to one", path_.c_str(), channels);
  if (taken_.size() < channels) {
    std::fprintf(stderr, ", silent ones left out: the mean of");
    for (const int c : taken_) {
      std::fprintf(stderr, " %d", c + 1);
    }
  }
  std::fprintf(stderr, "\n");
  report_mix(path_, levels_, mix_);
}

void SoundReader::report(int32_t to_hz) const {
  if (!source_->odd().empty()) {
    std::fprintf(stderr, "ligero: '%s': %s\n", path_.c_str(), source_->odd().c_str());
  } else if (ended_ && source_->promised() < INT64_MAX && samples_ < source_->promised()) {
    std::fprintf(stderr,
                 "ligero: '%s': it ends after %lld of the %lld samples that its header promises\n",
                 path_.c_str(),
                 static_cast<long long>(samples_),
                 static_cast<long long>(source_->promised()));
  }
  if (scale_ != 1.0f) {
    std::fprintf(
        stderr,
        "ligero: '%s': its floats have the size of %d-bit integers; scaled to full scale 1\n",
        path_.c_str(),
        static_cast<int>(std::lround(1.0 - std::log2(scale_))));
  }
  if (cleaned_ > 0) {
    std::fprintf(stderr,
                 "ligero: '%s': %lld samples were NaN or infinite and count as zero\n",
                 path_.c_str(),
                 static_cast<long long>(cleaned_));
  }
  if (beyond_ > 0) {
    std::fprintf(stderr,
                 "ligero: '%s': %lld samples were beyond %.0f times full scale and count as zero\n",
                 path_.c_str(),
                 static_cast<long long>(beyond_),
                 static_cast<double>(kMostSample));
  }
  if (samples_ == most_) {
    std::fprintf(stderr,
                 "ligero: '%s': only its first %.0f s are used\n",
                 path_.c_str(),
                 static_cast<double>(most_) / rate_hz());
  }
  report_channels();
  report_quiet(path_, mix_.loudest());
  if (rate_hz() != to_hz) {
    std::fprintf(
        stderr, "ligero: '%s': %d Hz converted to %d Hz\n", path_.c_str(), rate_hz(), to_hz);
  }
}

Sound read_sound(const std::string& path, int32_t rate_hz) {
  SoundReader reader(path);
  Sound sound = read_sound(&reader, rate_hz);
  reader.report(rate_hz);
  return sound;
}

Sound read_sound(SoundReader* reader, int32_t rate_hz, std::vector<float>* own) {
  RateConverter to_model(reader->rate_hz(), rate_hz);
  Sound sound;
  sound.rate_hz = rate_hz;
  sound.path = reader->path();
  // The header's length is only a promise: read until there is no more.
  for (std::span<const float> x = reader->read(); !x.empty(); x = reader->read()) {
    to_model.push(x, &sound.samples);
    if (own != nullptr) {
      own->insert(own->end(), x.begin(), x.end());
    }
  }
  to_model.finish(samples_at(reader->samples(), reader->rate_hz(), rate_hz), &sound.samples);
  sound.sixteen_bit = reader->sixteen_bit();
  sound.cleaned = reader->cleaned();
  sound.file_hz = reader->rate_hz();
  sound.file_samples = reader->samples();
  return sound;
}

}  // namespace ligero::cli
