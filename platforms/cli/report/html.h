// SPDX-License-Identifier: Apache-2.0
// What all pages share. Not: any page.
#ifndef LIGERO_PLATFORMS_CLI_REPORT_HTML_H_
#define LIGERO_PLATFORMS_CLI_REPORT_HTML_H_

#include <string>

namespace ligero::cli {

/// Plain text for HTML, attributes included.
std::string escaped(const std::string& plain);

}  // namespace ligero::cli

#endif  // LIGERO_PLATFORMS_CLI_REPORT_HTML_H_
