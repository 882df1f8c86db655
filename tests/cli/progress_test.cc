// SPDX-License-Identifier: Apache-2.0
// The progress line on a terminal, and its absence elsewhere.
#include "platforms/cli/progress.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <string>

#include "tests/cli/tool.h"

namespace ligero::testing {
namespace {

// A terminal of which both ends are here.
class Terminal {
 public:
  Terminal() {
    int inner = -1;
    REQUIRE(openpty(&outer_, &inner, nullptr, nullptr, nullptr) == 0);
    fcntl(outer_, F_SETFL, O_NONBLOCK);
    file_ = fdopen(inner, "w");
  }
  ~Terminal() {
    std::fclose(file_);
    close(outer_);
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  std::FILE* file() {
    return file_;
  }
  /// What has been written since the last call.
  std::string written() {
    std::string out;
    char block[4096];
    for (ssize_t got = 0; (got = read(outer_, block, sizeof(block))) > 0;) {
      out.append(block, static_cast<size_t>(got));
    }
    return out;
  }

 private:
  int outer_ = -1;
  std::FILE* file_ = nullptr;
};

// The screen's line after `written`.
std::string line_after(const std::string& written) {
  std::string line;
  size_t column = 0;
  for (const char c : written) {
    if (c == '\r') {
      column = 0;
      continue;
    }
    line.resize(std::max(line.size(), column + 1), ' ');
    line[column++] = c;
  }
  return line.substr(0, line.find_last_not_of(' ') + 1);
}

TEST_CASE("progress: a terminal shows what is done and how far, then nothing of it") {
  Terminal terminal;
  std::string all;
  {
    cli::Progress progress("extracting", 200.0, terminal.file());
    progress.at(100.0);
    all = terminal.written();
    CHECK(line_after(all) == "extracting [###############...............] 50 %");
    progress.at(500.0, "done");  // past the end, and shorter
    all += terminal.written();
    CHECK(line_after(all) == "done [##############################] 100 %");
    progress.clear();
    all += terminal.written();
    CHECK(line_after(all) == "");
    progress.at(0.0);
    all += terminal.written();
    CHECK(line_after(all) == "done [..............................] 0 %");
  }
  CHECK(line_after(all + terminal.written()) == "");
}

TEST_CASE("progress: at most ten lines a second") {
  Terminal terminal;
  constexpr int kCalls = 100000;
  const auto start = std::chrono::steady_clock::now();
  {
    cli::Progress progress("extracting", kCalls, terminal.file());
    for (int i = 0; i < kCalls; ++i) {
      progress.at(i);
    }
  }
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
  const std::string written = terminal.written();
  constexpr int kReturnsToClear = 2;
  const auto drawn = std::count(written.begin(), written.end(), '\r') - kReturnsToClear;
  CHECK(drawn >= 1);
  CHECK(drawn <= 1 + 10.0 * taken.count());
}

TEST_CASE("progress: a file that is no terminal stays empty") {
  std::FILE* file = std::tmpfile();
  REQUIRE(file != nullptr);
  {
    cli::Progress progress("extracting", 1.0, file);
    progress.at(0.5);
    progress.at(0.7, "still");
  }
  CHECK(std::ftell(file) == 0);
  std::fclose(file);
}

// Runs a line in the shell with its stdout and stderr on a terminal.
Outcome run_on_terminal(const std::string& line) {
  int outer = -1;
  const pid_t child = forkpty(&outer, nullptr, nullptr, nullptr);
  if (child == 0) {
    execl("/bin/sh", "sh", "-c", line.c_str(), nullptr);
    _exit(127);
  }
  Outcome outcome;
  char block[4096];
  for (ssize_t got = 0; (got = read(outer, block, sizeof(block))) > 0;) {
    outcome.text.append(block, static_cast<size_t>(got));
  }
  close(outer);
  int status = 0;
  waitpid(child, &status, 0);
  outcome.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return outcome;
}

TEST_CASE("progress: long work shows it on a terminal, nothing of it in a pipe") {
  const Workplace at;
  const std::string golden = LIGERO_SOURCE_DIR "/tests/golden/tiny";
  const std::string model = " --model " + at / "tiny.lgm ";
  const std::string extract = LIGERO_TOOL " extract" + model + "--profile " + at / "who.profile " +
                              at / "mix.wav" + " -o " + at / "out.wav";
  const std::string convert = LIGERO_CONVERT " " + golden + ".safetensors --config " + golden +
                              ".json --check -o " + at / "golden.lgm";
  const std::string lines[] = {LIGERO_TOOL " enroll" + model + at / "anchor.wav " + at / "mix.wav" +
                                   " -o " + at / "two.profile",
                               extract,
                               convert};
  for (const std::string& line : lines) {
    CAPTURE(line);
    const Outcome shown = run_on_terminal(line);
    CHECK(shown.code == 0);
    CHECK(shown.says("....] 0 %"));
    const Outcome piped = run_line(line);
    CHECK(piped.code == 0);
    CHECK_FALSE(piped.says("] 0 %"));
    CHECK_FALSE(piped.says("\r"));
  }
  CHECK(run_on_terminal(convert).says("] 88 %"));  // before the last of eight passes
  CHECK(run_on_terminal(extract + " --block 0.5").says("extracting [####"));
  CHECK_FALSE(run_line(extract + " --block 0.5").says("extracting ["));
}

}  // namespace
}  // namespace ligero::testing
