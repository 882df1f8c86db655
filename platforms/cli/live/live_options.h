// SPDX-License-Identifier: Apache-2.0
// What `ligero live` is asked to do. Not: how (live_audio.cc).
#ifndef LIGERO_PLATFORMS_CLI_LIVE_LIVE_OPTIONS_H_
#define LIGERO_PLATFORMS_CLI_LIVE_LIVE_OPTIONS_H_

#include <string>

#include "model/session/top_band.h"
#include "platforms/cli/block_options.h"
#include "platforms/cli/device_option.h"

namespace ligero::cli {

struct LiveOptions {
  std::string model;
  std::string profile;
  double enroll_seconds = 0.0;
  bool list_devices = false;
  int input = -1;   ///< -1: the system's default
  int output = -1;  ///< -1: the system's default
  int channel = 0;  ///< of the input, from 1; 0: a device's first, the mean of --raw's
  int rate_hz = 0;
  int period = 0;  ///< samples at a time of the device; 0: a hop
  Bandwidth bandwidth = Bandwidth::kFull;
  BlockOptions block;
  DeviceOption device;
  double seconds = 0.0;
  int limit_db = 100;
};

/// Runs until it has been long enough, or Ctrl-C. Throws Refusal.
void live_command(const LiveOptions& options);

}  // namespace ligero::cli

#endif  // LIGERO_PLATFORMS_CLI_LIVE_LIVE_OPTIONS_H_
