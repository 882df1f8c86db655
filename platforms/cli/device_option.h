// SPDX-License-Identifier: Apache-2.0
// The option --device (of bench, whose --device is another: --on). Not: devices (platforms/cuda/choose.h).
#ifndef LIGERO_PLATFORMS_CLI_DEVICE_OPTION_H_
#define LIGERO_PLATFORMS_CLI_DEVICE_OPTION_H_

#include <string>

#include "runtime/run.h"

namespace CLI {
class App;
}

namespace ligero::cli {

/// cpu, cuda or, where one computes and does not measure, auto.
struct DeviceOption {
  std::string name = "cpu";
  std::string option = "--device";
  bool automatic = true;

  /// Null: the processor alone. Refuses, with the reason, a GPU that cannot be used; auto reports its
  /// choice on stderr.
  const Backend* find() const;
};

void add_device_option(CLI::App* command, DeviceOption* option);

}  // namespace ligero::cli

#endif  // LIGERO_PLATFORMS_CLI_DEVICE_OPTION_H_
