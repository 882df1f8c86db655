// SPDX-License-Identifier: Apache-2.0
// The script of a page to listen with. Not: the page (listen_page.h).
#ifndef LIGERO_PLATFORMS_CLI_REPORT_LISTEN_SCRIPT_H_
#define LIGERO_PLATFORMS_CLI_REPORT_LISTEN_SCRIPT_H_

namespace ligero::cli {

/// JavaScript. Draws in each <canvas> the spectrogram of the <audio> behind it, moves a line along
/// while it plays, and plays from where the canvas is clicked. One player at a time.
extern const char* const kListenScript;

}  // namespace ligero::cli

#endif  // LIGERO_PLATFORMS_CLI_REPORT_LISTEN_SCRIPT_H_
