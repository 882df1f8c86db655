// SPDX-License-Identifier: Apache-2.0
// The report of a device: what it is, how fast, and for each model whether it fits. A JSON object
// of a stated format. Not: its pages (device_page.h).
#ifndef LIGERO_PLATFORMS_CLI_BENCH_DEVICE_REPORT_H_
#define LIGERO_PLATFORMS_CLI_BENCH_DEVICE_REPORT_H_

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace ligero::cli {

/// A report has it as `format`; it changes with what a reader needs to know of.
inline constexpr int kDeviceReportFormat = 1;
/// More hops than this share that take longer than their sound are heard.
inline constexpr double kMissedShare = 1e-3;

/// Measures the models of those files: format, label, machine, kernels, mhz and celsius (before,
/// after), peaks (one thread; all), models: name, file, weight_bytes, live_refused (why it cannot
/// run hop by hop), runs (what time_model() gives, with mode and threads; refused where it failed)
/// and verdict (add_verdicts()). `seconds` of sound hop by hop. Says on stderr what it is at.
/// Refuses a file that is no model before it measures any.
nlohmann::ordered_json measure_device(const std::vector<std::string>& models,
                                      const std::string& label,
                                      double seconds);

/// Gives each model of `report` a verdict: fits, spare (the share of a hop that the 99th of 100
/// hops leaves, or of the recording's length), mode, threads and text. On one thread where that
/// does, live where the model can. A model that does not fit is told which does.
void add_verdicts(nlohmann::ordered_json* report);

/// A report as read from a file. Refuses what is none, and other formats.
nlohmann::ordered_json read_device_report(const std::string& path);

}  // namespace ligero::cli

#endif  // LIGERO_PLATFORMS_CLI_BENCH_DEVICE_REPORT_H_
