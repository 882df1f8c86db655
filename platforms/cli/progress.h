// SPDX-License-Identifier: Apache-2.0
// A line on the terminal that says how far long work has come. Not: what the work is.
#ifndef LIGERO_PLATFORMS_CLI_PROGRESS_H_
#define LIGERO_PLATFORMS_CLI_PROGRESS_H_

#include <chrono>
#include <cstdio>
#include <string>

namespace ligero::cli {

/// Draws "extracting [######......] 50 %, 12 s left" on a terminal, at most ten times a second, and
/// takes it away at the end. Writes nothing where `to` is no terminal: pipes and log files stay
/// clean. One thread; load time.
class Progress {
 public:
  /// `what` is being done; `total` is where at() ends, in any unit: frames, files, 1.0.
  Progress(std::string what, double total, std::FILE* to = stderr);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// `done` of the total is done.
  void at(double done);
  /// The same, of work that is called something else from here on; always drawn.
  void at(double done, const std::string& what);
  /// Takes the line away, before something else is printed; the next at() draws it anew.
  void clear();

 private:
  using Clock = std::chrono::steady_clock;
  void draw(double done, Clock::time_point now);

  std::string what_;
  double total_;
  std::FILE* to_;  ///< null: no terminal
  Clock::time_point start_;
  Clock::time_point next_;  ///< not drawn again before
  size_t width_ = 0;        ///< of the line that stands; 0: none
};

}  // namespace ligero::cli

#endif  // LIGERO_PLATFORMS_CLI_PROGRESS_H_
