// SPDX-License-Identifier: Apache-2.0
// Finds and reads sound files. Not: their formats (platforms/cli/sound/sound.h).
#include "converter/recordings.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <iostream>
#include <set>

#include "platforms/cli/refusal.h"
#include "platforms/cli/sound/sound.h"

namespace ligero {
namespace {

namespace fs = std::filesystem;

constexpr double kSeconds = 12.0;

void leave_out(const std::string& why) {
  std::cerr << "ligero-convert: left out: " << why << '\n';
}

bool is_sound(const fs::path& path) {
  std::string ending = path.extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(), [](unsigned char c) {
    return static_cast<char>(std::tolower(c));
  });
  return ending == ".wav" || ending == ".flac" || ending == ".ogg";
}

/// Adds the sound files below `folder`; each folder once, by however many links it is reached. What
/// cannot be read comes back as an error: of this folder, not of those below, which are left out.
std::error_code find_sounds(const fs::path& folder,
                            std::set<fs::path>* seen,
                            std::vector<std::string>* files) {
  std::error_code error;
  const fs::path real = fs::canonical(folder, error);
  if (error || !seen->insert(real).second) {
    return error;
  }
  fs::directory_iterator at(folder, error);
  for (; !error && at != fs::directory_iterator(); at.increment(error)) {
    std::error_code unreadable;
    const fs::file_status status = fs::status(at->path(), unreadable);
    if (fs::is_directory(status)) {
      unreadable = find_sounds(at->path(), seen, files);
    } else if (fs::is_regular_file(status) && is_sound(at->path())) {
      files->push_back(at->path().string());
    }
    if (unreadable) {
      leave_out(cli::text(at->path().string(), ": ", unreadable.message()));
    }
  }
  return error;
}

}  // namespace

std::vector<std::vector<float>> read_recordings(
    const std::string& folder,
    size_t most,
    const std::function<bool(std::span<const float>)>& of_use) {
  std::vector<std::string> files;
  std::set<fs::path> seen;
  if (const std::error_code error = find_sounds(folder, &seen, &files)) {
    cli::refuse(folder, ": cannot be read: ", error.message(), "; expected a folder of recordings");
  }
  std::sort(files.begin(), files.end());
  std::vector<std::vector<float>> recordings;
  // Each part of the list gives one; those that have more make up for those that have none.
  const size_t parts = std::min(most, files.size());
  std::vector<size_t> next(parts);
  for (size_t part = 0; part < parts; ++part) {
    next[part] = part * files.size() / parts;
  }
  const auto take_one_of = [&](size_t part) {
    const size_t end = (part + 1) * files.size() / parts;
    while (next[part] < end) {
      try {
        cli::SoundReader reader(files[next[part]++]);
        reader.stop_after(kSeconds);
        std::vector<float> samples = std::move(cli::read_sound(&reader).samples);
        if (of_use(samples)) {
          recordings.push_back(std::move(samples));
          return true;
        }
      } catch (const cli::Refusal& refusal) {
        leave_out(refusal.what());
      }
    }
    return false;
  };
  for (bool more = true; more && recordings.size() < most;) {
    more = false;
    for (size_t part = 0; part < parts && recordings.size() < most; ++part) {
      more |= take_one_of(part);
    }
  }
  return recordings;
}

}  // namespace ligero
