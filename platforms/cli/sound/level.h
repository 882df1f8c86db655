// SPDX-License-Identifier: Apache-2.0
// How loud a signal is, and what is said of a signal that is too quiet or cancels itself. Not: the
// levels of an anchor (model/session/anchor.h).
#ifndef LIGERO_PLATFORMS_CLI_SOUND_LEVEL_H_
#define LIGERO_PLATFORMS_CLI_SOUND_LEVEL_H_

#include <cstdint>
#include <span>
#include <string>

namespace ligero::cli {

/// Level of one channel. Each tenth of a second is measured about its own mean, so a DC offset and
/// the pulse of a switch-on count as silence.
class Level {
 public:
  explicit Level(int32_t rate_hz) : frame_(rate_hz / 10) {}

  void add(double sample) {
    sum_ += sample;
    squares_ += sample * sample;
    if (++count_ == frame_) {
      close_frame();
    }
  }
  /// Sum of squares of all samples.
  double energy() const {
    return closed_ + frame_energy();
  }
  /// Mean square of the loudest tenth of a second; 0 for a shorter signal.
  double loudest() const {
    return loudest_;
  }

 private:
  double frame_energy() const;
  void close_frame();

  int32_t frame_;
  int32_t count_ = 0;  ///< samples of the current frame
  double sum_ = 0.0;
  double squares_ = 0.0;
  double closed_ = 0.0;  ///< energy of the frames before
  double loudest_ = 0.0;
};

/// Says on stderr that even the loudest tenth of a second is below the level up to which the
/// networks amplify (-50 dB, op input_level). Silence is not reported.
void report_quiet(const std::string& name, double mean_square);

/// Says on stderr that the mean of channels has much less energy than the loudest of them.
void report_mix(const std::string& name, std::span<const Level> channels, const Level& mix);

}  // namespace ligero::cli

#endif  // LIGERO_PLATFORMS_CLI_SOUND_LEVEL_H_
