// Finds and reads sound files. Not: their formats (platforms/cli/sound.h).
#include "converter/recordings.h"

#include <algorithm>
#include <filesystem>
#include <iostream>

#include "platforms/cli/refusal.h"
#include "platforms/cli/sound.h"

namespace ligero {
namespace {

constexpr double kSeconds = 12.0;

std::vector<std::string> sound_files(const std::string& folder) {
  std::error_code error;
  std::filesystem::recursive_directory_iterator at(folder, error);
  if (error) {
    cli::refuse(folder, ": cannot be read: ", error.message(), "; expected a folder of recordings");
  }
  std::vector<std::string> files;
  for (; !error && at != std::filesystem::recursive_directory_iterator(); at.increment(error)) {
    const std::string ending = at->path().extension().string();
    if (at->is_regular_file() && (ending == ".wav" || ending == ".flac" || ending == ".ogg")) {
      files.push_back(at->path().string());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

std::vector<std::vector<float>> read_recordings(const std::string& folder, size_t most) {
  const std::vector<std::string> files = sound_files(folder);
  const size_t count = std::min(most, files.size());
  std::vector<std::vector<float>> recordings;
  for (size_t i = 0; i < count; ++i) {
    try {
      cli::SoundReader reader(files[i * files.size() / count]);
      reader.stop_after(kSeconds);
      recordings.push_back(std::move(cli::read_sound(&reader).samples));
    } catch (const cli::Refusal& refusal) {
      std::cerr << "ligero-convert: left out: " << refusal.what() << '\n';
    }
  }
  return recordings;
}

}  // namespace ligero
