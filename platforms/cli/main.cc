// SPDX-License-Identifier: Apache-2.0
// The command-line tool `ligero`. Not: its commands (commands/).
#include "platforms/cli/commands/commands.h"

int main(int argc, char** argv) {
  return ligero::cli::run_commands(argc, argv);
}
