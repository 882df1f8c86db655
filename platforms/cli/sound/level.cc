// SPDX-License-Identifier: Apache-2.0
// Sums over tenths of a second, and sentences about them.
#include "platforms/cli/sound/level.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace ligero::cli {
namespace {

constexpr double kQuietDb = -50.0;
constexpr double kSilentDb = -90.0;
/// A mix so far below its loudest channel has lost sound.
constexpr double kMuchBelowDb = 6.0;
constexpr double kMostBelowDb = 60.0;

}  // namespace

double Level::frame_energy() const {
  return count_ > 0 ? std::max(0.0, squares_ - sum_ * sum_ / count_) : 0.0;
}

void Level::close_frame() {
  const double energy = frame_energy();
  closed_ += energy;
  loudest_ = std::max(loudest_, energy / frame_);
  count_ = 0;
  sum_ = 0.0;
  squares_ = 0.0;
}

void report_quiet(const std::string& name, double mean_square) {
  const double db = mean_square > 0.0 ? 10.0 * std::log10(mean_square) : 2.0 * kSilentDb;
  if (db > kSilentDb && db < kQuietDb) {
    std::fprintf(
        stderr,
        "ligero: '%s' is very quiet: at its loudest it has %.0f dB; below %.0f dB a network "
        "does not make up for it, so turn the microphone up\n",
        name.c_str(),
        db,
        kQuietDb);
  }
}

void report_mix(const std::string& name, std::span<const Level> channels, const Level& mix) {
  double loudest = 0.0;
  for (const Level& channel : channels) {
    loudest = std::max(loudest, channel.energy());
  }
  const double below_db =
      std::min(10.0 * std::log10(loudest / std::max(mix.energy(), 1e-300)), kMostBelowDb);
  if (loudest > 0.0 && below_db >= kMuchBelowDb) {
    std::fprintf(stderr,
                 "ligero: '%s': the mix is %.0f dB below its loudest channel: channels cancel or "
                 "are silent in turn; --channel N takes one alone\n",
                 name.c_str(),
                 below_db);
  }
}

}  // namespace ligero::cli
