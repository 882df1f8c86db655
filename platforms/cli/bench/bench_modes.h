// SPDX-License-Identifier: Apache-2.0
// What else `ligero bench` does than time one model: a device's report, a table of reports, a
// prediction. Not: its options as text (bench.cc).
#ifndef LIGERO_PLATFORMS_CLI_BENCH_BENCH_MODES_H_
#define LIGERO_PLATFORMS_CLI_BENCH_BENCH_MODES_H_

#include <string>
#include <vector>

#include "platforms/cli/bench/prediction.h"

namespace ligero::cli {

struct DeviceOptions {
  std::vector<std::string> models;  ///< files, and folders of .lgm; none: those of the archive
  std::string folder = "ligero-report";
  std::string label;      ///< what the device is, for people
  double seconds = 60.0;  ///< of sound, hop by hop
};

/// `--device`: measures, prints the page and writes it to `folder` as device.json and device.html,
/// both or neither. Throws Refusal.
void device_command(const DeviceOptions& options);

/// `--table`: prints the table of some reports, or puts it between the marker comments of the file
/// `into`. Throws Refusal.
void table_command(const std::vector<std::string>& reports, const std::string& into);

struct PredictOptions {
  std::string model;
  PredictedRun run;
  std::string core;  ///< a key; empty: all that there are
  double ghz = 0.0;
  double memory_gb_s = 0.0;
  bool check = false;  ///< this machine's prediction beside what is measured here
  bool json = false;
};

/// `--predict`. Throws Refusal.
void predict_command(const PredictOptions& options);

}  // namespace ligero::cli

#endif  // LIGERO_PLATFORMS_CLI_BENCH_BENCH_MODES_H_
