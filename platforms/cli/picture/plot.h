// Spectrograms one below the other, with axes. Not: letters and PNG (canvas.h).
#ifndef LIGERO_PLATFORMS_CLI_PICTURE_PLOT_H_
#define LIGERO_PLATFORMS_CLI_PICTURE_PLOT_H_

#include <span>
#include <string>
#include <vector>

#include "platforms/cli/picture/canvas.h"

namespace ligero::cli {

/// Samples `begin` to `end` of a panel, `end` left out.
struct Stretch {
  size_t begin = 0;
  size_t end = 0;
};

struct Panel {
  std::string title;
  std::span<const float> samples;
  std::vector<Stretch> marks = {};  ///< shown as a bar above
  int32_t rate_hz = 16000;
};

/// The panels share their time axis and their colours: 0 to -70 dB below the loudest dot of them
/// all. At least one panel; all of one rate.
Canvas plot_spectrograms(const std::string& title, const std::vector<Panel>& panels);

}  // namespace ligero::cli

#endif  // LIGERO_PLATFORMS_CLI_PICTURE_PLOT_H_
