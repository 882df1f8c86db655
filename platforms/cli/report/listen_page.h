// SPDX-License-Identifier: Apache-2.0
// A page to look at and to listen to: one HTML file with spectrograms and players, and nothing
// loaded from elsewhere. Not: reports of devices (bench/device_page.h).
#ifndef LIGERO_PLATFORMS_CLI_REPORT_LISTEN_PAGE_H_
#define LIGERO_PLATFORMS_CLI_REPORT_LISTEN_PAGE_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

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

/// Of longer recordings the page has the beginning, and says so: it holds the sound itself, as 16
/// bits in base64.
inline constexpr double kMostPageSeconds = 600.0;

/// The whole file. Panels share their time axis and their colours: 0 to -70 dB below the loudest
/// dot of them all. At least one panel.
std::string listen_page(const std::string& title, std::span<const Panel> panels);

}  // namespace ligero::cli

#endif  // LIGERO_PLATFORMS_CLI_REPORT_LISTEN_PAGE_H_
