// Spectrograms one below the other, with axes. Not: letters and PNG (canvas.h).
#ifndef LIGERO_PLATFORMS_CLI_PLOT_H_
#define LIGERO_PLATFORMS_CLI_PLOT_H_

#include <span>
#include <string>
#include <vector>

#include "platforms/cli/canvas.h"

namespace ligero::cli {

struct Panel {
  std::string title;
  std::span<const float> samples;
};

/// The panels share their time axis and their colours: 0 to -70 dB below the loudest dot of them
/// all. At least one panel; all of 16 kHz.
Canvas plot_spectrograms(const std::string& title, const std::vector<Panel>& panels);

}  // namespace ligero::cli

#endif  // LIGERO_PLATFORMS_CLI_PLOT_H_
