// SPDX-License-Identifier: Apache-2.0
// Names to devices.
#include "platforms/cli/device_option.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>
#include <vector>

#include "platforms/cli/refusal.h"
#include "platforms/cuda/choose.h"

namespace ligero::cli {

const Backend* DeviceOption::find() const {
  const auto choice = name == "cuda"   ? cuda::Choice::kCuda
                      : name == "auto" ? cuda::Choice::kAuto
                                       : cuda::Choice::kCpu;
  const Result<const Backend*> found = cuda::choose_accelerator(choice);
  if (!found.ok()) {
    refuse_status(option + " cuda", found.status(), option + " cpu computes on the processor");
  }
  if (choice == cuda::Choice::kAuto) {
    const char* gpu = found.value() != nullptr ? found.value()->name() : nullptr;
    std::fprintf(stderr,
                 "ligero: computing on %s%s\n",
                 gpu != nullptr ? gpu : "the processor",
                 gpu != nullptr ? ", what it has no room for on the processor" : "");
  }
  return found.value();
}

void add_device_option(CLI::App* command, DeviceOption* option) {
  std::vector<std::string> names = {"cpu", "cuda"};
  std::string means = "cpu; cuda: an NVIDIA GPU";
  if (option->automatic) {
    names.emplace_back("auto");
    means += "; auto: that where there is one and it has the memory";
  }
  command->add_option(option->option, option->name, means)
      ->check(CLI::IsMember(names))
      ->capture_default_str();
}

}  // namespace ligero::cli
