// SPDX-License-Identifier: Apache-2.0
// A device's report for people: text, a page of HTML that needs nothing else, a line of the table
// of all devices. Not: what is in a report (device_report.h).
#ifndef LIGERO_PLATFORMS_CLI_BENCH_DEVICE_PAGE_H_
#define LIGERO_PLATFORMS_CLI_BENCH_DEVICE_PAGE_H_

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace ligero::cli {

/// For a terminal.
std::string device_text(const nlohmann::ordered_json& report);

/// One file, without scripts.
std::string device_html(const nlohmann::ordered_json& report);

/// Markdown, a line for each model of each report. Throws nlohmann's exception where a report lacks
/// something.
std::string device_table(const std::vector<nlohmann::ordered_json>& reports);

}  // namespace ligero::cli

#endif  // LIGERO_PLATFORMS_CLI_BENCH_DEVICE_PAGE_H_
