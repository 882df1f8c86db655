// SPDX-License-Identifier: Apache-2.0
// Messages around the atomic writer of model/format. Not: temporary names and renames (there).
#include "platforms/cli/files.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "model/format/atomic_file.h"
#include "platforms/cli/refusal.h"

namespace ligero::cli {

namespace fs = std::filesystem;

namespace {

void check_writable(const std::string& path) {
  const fs::path wanted(path);
  if (wanted.filename().empty()) {
    refuse("cannot write '", path, "': expected the name of a file");
  }
  std::error_code ignored;
  if (fs::is_directory(wanted, ignored)) {
    refuse("cannot write '", path, "': it is a folder; expected the name of a file");
  }
  const fs::path folder = wanted.has_parent_path() ? wanted.parent_path() : fs::path(".");
  if (access(folder.c_str(), W_OK | X_OK) != 0) {
    refuse("cannot write '", path, "': folder '", folder.string(), "': ", std::strerror(errno));
  }
  if (!fs::is_directory(folder, ignored)) {
    refuse("cannot write '", path, "': '", folder.string(), "' is not a folder");
  }
}

void check_apart(const std::string& path, const std::vector<std::string>& others) {
  std::error_code ignored;
  const bool device = fs::exists(path, ignored) && !fs::is_regular_file(path, ignored);
  for (const std::string& other : others) {
    if (device || other.empty() || other == "-") {
      continue;
    }
    if (fs::equivalent(path, other, ignored) ||
        fs::weakly_canonical(path, ignored) == fs::weakly_canonical(other, ignored)) {
      refuse("cannot write '", path, "': it is '", other, "', which this command uses as well");
    }
  }
}

/// The real stdout; 1 until it is kept for data.
int& data_fd() {
  static int fd = STDOUT_FILENO;
  return fd;
}

void check_standard_once(const std::vector<std::string>& names, const char* which) {
  if (std::count(names.begin(), names.end(), "-") > 1) {
    refuse("'-' stands for ", which, ", which can be used once; here it is named twice");
  }
}

}  // namespace

void keep_stdout_for_data() {
  if (data_fd() != STDOUT_FILENO) {
    return;
  }
  std::fflush(stdout);
  const int real = ::dup(STDOUT_FILENO);
  if (real < 0 || ::dup2(STDERR_FILENO, STDOUT_FILENO) < 0) {
    refuse("cannot write to stdout: ", std::strerror(errno));
  }
  data_fd() = real;
}

void write_stdout(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t done = ::write(data_fd(), bytes.data(), bytes.size());
    if (done < 0 && errno != EINTR) {
      refuse("cannot write to stdout: ", std::strerror(errno));
    }
    bytes = bytes.subspan(done > 0 ? static_cast<size_t>(done) : 0);
  }
}

void check_outputs(const std::vector<std::string>& outputs, std::vector<std::string> inputs) {
  check_standard_once(inputs, "stdin");
  check_standard_once(outputs, "stdout");
  for (const std::string& output : outputs) {
    if (!output.empty() && output != "-") {
      check_writable(output);
      check_apart(output, inputs);
      inputs.push_back(output);
    }
  }
}

std::string read_input(const std::string& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::string bytes;
  for (char block[4096]; file.good();) {
    file.read(block, sizeof(block));
    bytes.append(block, static_cast<size_t>(file.gcount()));
  }
  if (!file.eof()) {
    refuse("cannot read '", path, "': ", std::strerror(errno));
  }
  return bytes;
}

void write_output(const std::string& path, std::span<const std::byte> bytes, Sync sync) {
  if (path == "-") {
    write_stdout(bytes);
    return;
  }
  if (const Status status = write_file_atomic(path.c_str(), bytes, sync); !status.ok()) {
    refuse_system_status(text("cannot write '", path, "'"), status);
  }
}

}  // namespace ligero::cli
