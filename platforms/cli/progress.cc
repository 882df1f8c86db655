// SPDX-License-Identifier: Apache-2.0
// The line is written over itself with a carriage return, which every terminal knows.
#include "platforms/cli/progress.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace ligero::cli {

namespace {

constexpr std::chrono::milliseconds kBetweenDraws(100);
constexpr double kSecondsToJudge = 2.0;  // before, the speed is a guess
constexpr int kBarWidth = 30;
constexpr double kPercent = 100.0;

std::string time_left(double seconds) {
  constexpr double kMinute = 60.0;
  const bool minutes = seconds >= 2 * kMinute;
  const double shown = std::ceil(minutes ? seconds / kMinute : seconds);
  return ", " + std::to_string(static_cast<long long>(shown)) + (minutes ? " min left" : " s left");
}

}  // namespace

Progress::Progress(std::string what, double total, std::FILE* to)
    : what_(std::move(what)),
      total_(total),
      to_(isatty(fileno(to)) == 1 ? to : nullptr),
      start_(Clock::now()),
      next_(start_) {}

Progress::~Progress() {
  clear();
}

void Progress::at(double done) {
  const Clock::time_point now = Clock::now();
  if (now >= next_) {
    draw(done, now);
  }
}

void Progress::at(double done, const std::string& what) {
  what_ = what;
  draw(done, Clock::now());
}

void Progress::clear() {
  if (width_ > 0) {
    std::fprintf(to_, "\r%*s\r", static_cast<int>(width_), "");
    std::fflush(to_);
  }
  width_ = 0;
  next_ = start_;
}

void Progress::draw(double done, Clock::time_point now) {
  if (to_ == nullptr) {
    return;
  }
  const double share = total_ > 0.0 ? std::clamp(done / total_, 0.0, 1.0) : 0.0;
  const int full = static_cast<int>(share * kBarWidth);
  std::string line = what_ + " [" + std::string(full, '#') + std::string(kBarWidth - full, '.') +
                     "] " + std::to_string(static_cast<int>(share * kPercent)) + " %";
  const double taken_s = std::chrono::duration<double>(now - start_).count();
  if (share > 0.0 && taken_s >= kSecondsToJudge) {
    line += time_left(taken_s * (1.0 - share) / share);
  }
  const size_t width = line.size();
  line.resize(std::max(width, width_), ' ');  // what the last line had more goes
  std::fprintf(to_, "\r%s", line.c_str());
  std::fflush(to_);
  width_ = width;
  next_ = now + kBetweenDraws;
}

}  // namespace ligero::cli
