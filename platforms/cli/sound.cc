// Reading and writing of WAV, FLAC, OGG and RAW. Not: conversion of rates (rate.cc).
#include "platforms/cli/sound.h"

#include <sndfile.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <set>

#include "platforms/cli/output.h"
#include "platforms/cli/rate.h"
#include "platforms/cli/raw.h"
#include "platforms/cli/refusal.h"

namespace ligero::cli {

namespace fs = std::filesystem;

namespace {

constexpr sf_count_t kBlockSamples = 16384;
constexpr double kHalfScale16 = 32768.0;
constexpr double kHalfScale32 = 2147483648.0;

struct Closer {
  void operator()(SNDFILE* file) const {
    sf_close(file);
  }
};
using Handle = std::unique_ptr<SNDFILE, Closer>;

std::string lower_ending(const std::string& path) {
  std::string ending = fs::path(path).extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(), [](unsigned char c) {
    return static_cast<char>(std::tolower(c));
  });
  return ending;
}

bool is_raw(const std::string& path) {
  const std::string ending = lower_ending(path);
  return ending == ".raw" || ending == ".pcm";
}

Handle open_for_reading(const std::string& path, SF_INFO* info) {
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
  Handle file(sf_open(path.c_str(), SFM_READ, info));
  if (!file) {
    refuse("'",
           path,
           "' is not a sound file that can be read: ",
           sf_strerror(nullptr),
           " Expected WAV, FLAC or OGG.");
  }
  return file;
}

int64_t clean(std::vector<float>* samples) {
  int64_t cleaned = 0;
  for (float& x : *samples) {
    if (!std::isfinite(x)) {
      x = 0.0f;
      ++cleaned;
    }
  }
  return cleaned;
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

// A file that lies in memory until it is complete.
struct Memory {
  std::vector<std::byte> bytes;
  size_t at = 0;
};

SF_VIRTUAL_IO memory_access() {
  SF_VIRTUAL_IO access = {};
  access.get_filelen = [](void* user) {
    return static_cast<sf_count_t>(static_cast<Memory*>(user)->bytes.size());
  };
  access.seek = [](sf_count_t offset, int whence, void* user) {
    Memory& memory = *static_cast<Memory*>(user);
    const size_t base = whence == SEEK_SET   ? 0
                        : whence == SEEK_CUR ? memory.at
                                             : memory.bytes.size();
    memory.at = base + static_cast<size_t>(offset);
    return static_cast<sf_count_t>(memory.at);
  };
  access.read = [](void* target, sf_count_t count, void* user) {
    Memory& memory = *static_cast<Memory*>(user);
    const size_t left = memory.bytes.size() - std::min(memory.at, memory.bytes.size());
    const size_t taken = std::min(left, static_cast<size_t>(count));
    std::copy_n(memory.bytes.data() + memory.at, taken, static_cast<std::byte*>(target));
    memory.at += taken;
    return static_cast<sf_count_t>(taken);
  };
  access.write = [](const void* source, sf_count_t count, void* user) {
    Memory& memory = *static_cast<Memory*>(user);
    const size_t given = static_cast<size_t>(count);
    memory.bytes.resize(std::max(memory.bytes.size(), memory.at + given));
    std::copy_n(static_cast<const std::byte*>(source), given, memory.bytes.data() + memory.at);
    memory.at += given;
    return count;
  };
  access.tell = [](void* user) { return static_cast<sf_count_t>(static_cast<Memory*>(user)->at); };
  return access;
}

// In blocks: the Vorbis encoder of libsndfile keeps a whole call on the stack.
template <typename Sample, typename Write>
void write_blocks(SNDFILE* file, std::span<const Sample> samples, Write write) {
  const sf_count_t total = static_cast<sf_count_t>(samples.size());
  for (sf_count_t at = 0; at < total; at += kBlockSamples) {
    const sf_count_t count = std::min(kBlockSamples, total - at);
    if (write(file, samples.data() + at, count) != count) {
      refuse("writing failed: ", sf_strerror(file));
    }
  }
}

// What the reader needs to know before it opens a file without a header.
void set_raw(const std::string& path, SF_INFO* info) {
  if (!is_raw(path)) {
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

// All frames, as the mean of their channels.
std::vector<float> read_mono(SNDFILE* file, const SF_INFO& info, const std::string& path) {
  const auto channels = static_cast<size_t>(info.channels);
  const sf_count_t frames = std::max<sf_count_t>(1, kBlockSamples / info.channels);
  std::vector<float> block(static_cast<size_t>(frames) * channels);
  std::vector<float> mono;
  // The header's length is only a promise: read until there is no more.
  for (sf_count_t got = 0; (got = sf_readf_float(file, block.data(), frames)) > 0;) {
    for (size_t t = 0; t < static_cast<size_t>(got); ++t) {
      float sum = 0.0f;
      for (size_t c = 0; c < channels; ++c) {
        sum += block[t * channels + c];
      }
      mono.push_back(channels == 1 ? sum : sum / static_cast<float>(channels));
    }
  }
  if (sf_error(file) != SF_ERR_NO_ERROR) {
    refuse("'", path, "' is damaged after ", mono.size(), " samples: ", sf_strerror(file));
  }
  if (mono.empty()) {
    refuse("'", path, "' holds no samples; expected sound");
  }
  return mono;
}

// Once for each file, however often it is read.
void say_conversions(const std::string& path, const SF_INFO& info) {
  static std::set<std::string> said;
  if (!said.insert(path).second) {
    return;
  }
  if (info.channels > 1) {
    std::fprintf(stderr, "ligero: '%s': %d channels mixed to one\n", path.c_str(), info.channels);
  }
  if (info.samplerate != kSampleRateHz) {
    std::fprintf(stderr,
                 "ligero: '%s': %d Hz converted to %d Hz\n",
                 path.c_str(),
                 info.samplerate,
                 kSampleRateHz);
  }
}

}  // namespace

Sound read_sound(const std::string& path) {
  SF_INFO info = {};
  set_raw(path, &info);
  const Handle file = open_for_reading(path, &info);
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
  Sound sound;
  sound.path = path;
  sound.sixteen_bit = (info.format & SF_FORMAT_SUBMASK) == SF_FORMAT_PCM_16;
  sound.samples = read_mono(file.get(), info, path);
  sound.cleaned = clean(&sound.samples);
  if (sound.cleaned > 0) {
    std::fprintf(stderr,
                 "ligero: '%s': %lld samples were NaN or infinite and count as zero\n",
                 path.c_str(),
                 static_cast<long long>(sound.cleaned));
  }
  say_conversions(path, info);
  sound.file_hz = info.samplerate;
  sound.file_samples = static_cast<int64_t>(sound.samples.size());
  if (sound.file_hz != kSampleRateHz) {
    sound.samples = convert_rate(sound.samples,
                                 sound.file_hz,
                                 kSampleRateHz,
                                 samples_at(sound.file_samples, sound.file_hz, kSampleRateHz));
  }
  return sound;
}

void check_sound_output(const std::string& path) {
  const std::string ending = lower_ending(path);
  if (ending != ".wav" && ending != ".flac" && ending != ".ogg" && !is_raw(path)) {
    refuse("cannot write '", path, "': expected a name that ends in .wav, .flac, .ogg or .raw");
  }
  check_output(path);
}

int64_t write_sound(const std::string& path,
                    std::span<const float> samples,
                    Encoding encoding,
                    int32_t rate_hz) {
  const std::string ending = lower_ending(path);
  const bool pcm = encoding == Encoding::kPcm16;
  SF_INFO info = {};
  info.samplerate = rate_hz;
  info.channels = 1;
  if (ending == ".ogg") {
    info.format = SF_FORMAT_OGG | SF_FORMAT_VORBIS;
  } else if (ending == ".flac") {
    info.format = SF_FORMAT_FLAC | (pcm ? SF_FORMAT_PCM_16 : SF_FORMAT_PCM_24);
  } else if (is_raw(path)) {
    info.format = SF_FORMAT_RAW | SF_ENDIAN_LITTLE | (pcm ? SF_FORMAT_PCM_16 : SF_FORMAT_FLOAT);
  } else {
    info.format = SF_FORMAT_WAV | (pcm ? SF_FORMAT_PCM_16 : SF_FORMAT_FLOAT);
  }
  Memory memory;
  SF_VIRTUAL_IO access = memory_access();
  Handle file(sf_open_virtual(&access, SFM_WRITE, &info, &memory));
  if (!file) {
    refuse("cannot encode '", path, "': ", sf_strerror(nullptr));
  }
  int64_t clipped = 0;
  const int coding = info.format & SF_FORMAT_SUBMASK;
  if (coding == SF_FORMAT_PCM_16) {
    const std::vector<int16_t> words = to_integers<int16_t>(samples, kHalfScale16, &clipped);
    write_blocks<int16_t>(file.get(), words, sf_write_short);
  } else if (coding == SF_FORMAT_PCM_24) {
    const std::vector<int32_t> words = to_integers<int32_t>(samples, kHalfScale32, &clipped);
    write_blocks<int32_t>(file.get(), words, sf_write_int);
  } else {
    write_blocks<float>(file.get(), samples, sf_write_float);
  }
  if (sf_close(file.release()) != 0) {
    refuse("cannot encode '", path, "': ", sf_strerror(nullptr));
  }
  write_output(path, memory.bytes);
  return clipped;
}

}  // namespace ligero::cli
