// SPDX-License-Identifier: Apache-2.0
// What ligero itself reads of sound and arrays: the WAV readers of the tool and of the examples, .npy files, the
// option --raw, and the layer of cleaning, mixing and rates around a RAW file. The other sound
// formats are libsndfile's own parsers, which are not ours to fuzz.
#include <stdlib.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "platforms/cli/npy.h"
#include "platforms/cli/refusal.h"
#include "platforms/cli/sound/raw.h"
#include "platforms/cli/sound/sound.h"
#include "platforms/wav/reader.h"
#include "tests/fuzz/fuzz.h"

extern "C" {
#include "platforms/examples/wav.h"
}

namespace ligero::fuzz {
namespace {

// One file in memory's file system where there is one, written anew for each input.
class Scratch {
 public:
  Scratch() {
    const bool memory = std::filesystem::is_directory("/dev/shm");
    path_ = std::string(memory ? "/dev/shm" : "/tmp") + "/ligero-fuzz-" + std::to_string(getpid()) +
            ".raw";
  }
  ~Scratch() {
    std::remove(path_.c_str());
  }
  const char* write(const uint8_t* data, size_t size) const {
    std::FILE* file = std::fopen(path_.c_str(), "wb");
    expect(file != nullptr && std::fwrite(data, 1, size, file) == size);
    std::fclose(file);
    return path_.c_str();
  }

 private:
  std::string path_;
};

void read_wav(const char* path) {
  ::wav sound;
  if (wav_read(path, &sound) == nullptr) {
    volatile float sink = 0.0f;
    for (size_t i = 0; i < sound.frames * sound.channels; ++i) {
      sink = sound.samples[i];
    }
    (void)sink;
  }
  free(sound.samples);
}

// The tool's reader of WAV: no sample is shorter than a byte.
void read_tools_wav(const char* path, size_t size) {
  wav::Reader reader;
  if (!reader.open(std::fopen(path, "rb")).empty()) {
    return;
  }
  expect(reader.channels() > 0 && reader.rate_hz() > 0);
  const auto channels = static_cast<size_t>(reader.channels());
  std::vector<float> samples(64 * channels);
  const auto count = static_cast<int64_t>(samples.size());
  size_t total = 0;
  for (int64_t n = count; n == count; total += static_cast<size_t>(n)) {
    n = reader.read(samples.data(), count);
    expect(n >= 0 && n <= count);
  }
  expect(total <= size);
}

void read_array(const char* path, size_t size) {
  try {
    const cli::NpyArray array = cli::read_npy(path);
    expect(array.values.size() * sizeof(float) <= size);
  } catch (const cli::Refusal& refusal) {
    expect(std::string(refusal.what()).find(path) != std::string::npos);
  }
}

// Stereo of 44.1 kHz: channels are mixed and the rate converted.
void read_raw(const char* path) {
  static const bool told = [] {
    CLI::App app;
    cli::add_raw_option(&app);
    app.parse("--raw 44100:2:s16");
    return true;
  }();
  try {
    cli::SoundReader reader(path);
    const cli::Sound sound = cli::read_sound(&reader);
    expect(told && sound.samples.size() >= static_cast<size_t>(sound.file_samples) / 3);
    expect(std::ranges::all_of(sound.samples, [](float x) { return std::fabs(x) <= 2.0f; }));
  } catch (const cli::Refusal& refusal) {
    expect(std::string(refusal.what()).find(path) != std::string::npos);
  }
}

}  // namespace
}  // namespace ligero::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ligero;
  static const fuzz::Scratch scratch;
  const char* path = scratch.write(data, size);
  fuzz::read_wav(path);
  fuzz::read_tools_wav(path, size);
  fuzz::read_array(path, size);
  fuzz::read_raw(path);
  const auto raw = cli::parse_raw(std::string(reinterpret_cast<const char*>(data), size));
  fuzz::expect(!raw || (raw->rate_hz > 0 && raw->channels > 0));
  return 0;
}
