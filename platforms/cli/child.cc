// SPDX-License-Identifier: Apache-2.0
// A fork, and a pipe for what it says.
#include "platforms/cli/child.h"

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string>

#include "platforms/cli/refusal.h"

namespace ligero::cli {

namespace {

using Json = nlohmann::ordered_json;

/// {done: what `work` returned} or {refused: what it threw}.
std::string outcome_of(const std::function<Json()>& work) {
  Json outcome;
  try {
    outcome["done"] = work();
  } catch (const std::exception& problem) {
    outcome = {{"refused", problem.what()}};
  }
  return outcome.dump(-1, ' ', false, Json::error_handler_t::replace);
}

void write_all(int file, const std::string& bytes) {
  for (size_t at = 0; at < bytes.size();) {
    const ssize_t written = write(file, bytes.data() + at, bytes.size() - at);
    if (written < 0 && errno != EINTR) {
      return;
    }
    at += written > 0 ? static_cast<size_t>(written) : 0;
  }
}

std::string read_all(int file) {
  std::string bytes;
  std::array<char, 4096> block;
  for (;;) {
    const ssize_t got = read(file, block.data(), block.size());
    if (got == 0 || (got < 0 && errno != EINTR)) {
      return bytes;
    }
    bytes.append(block.data(), got > 0 ? static_cast<size_t>(got) : 0);
  }
}

}  // namespace

Json in_child(const std::function<Json()>& work) {
  int ends[2];
  if (pipe(ends) != 0) {
    refuse("no pipe to another process: ", std::strerror(errno));
  }
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child < 0) {
    close(ends[0]);
    close(ends[1]);
    refuse("no other process: ", std::strerror(errno));
  }
  if (child == 0) {
    close(ends[0]);
    write_all(ends[1], outcome_of(work));
    _exit(0);
  }
  close(ends[1]);
  const std::string said = read_all(ends[0]);
  close(ends[0]);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFSIGNALED(status)) {
    refuse("ended by signal ",
           WTERMSIG(status),
           WTERMSIG(status) == SIGKILL ? ", as the system does where memory runs out" : "");
  }
  const Json outcome = Json::parse(said, nullptr, false);
  if (!outcome.is_object()) {
    refuse("ended without a result");
  }
  if (outcome.contains("refused")) {
    throw Refusal(outcome["refused"].get<std::string>());
  }
  return outcome["done"];
}

}  // namespace ligero::cli
