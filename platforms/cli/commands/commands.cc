// All commands under one name. Not: what they do.
#include "platforms/cli/commands/commands.h"

#include <CLI/CLI.hpp>

#include "platforms/cli/program.h"

namespace ligero::cli {

int run_commands(int argc, char** argv) {
  CLI::App app{"ligero: one enrolled person's voice out of what a microphone hears", "ligero"};
  app.require_subcommand(1);
  app.footer(
      "Example:\n"
      "  ligero extract --enroll ann.wav meeting.wav -o ann_only.wav\n"
      "`ligero COMMAND --help` has the options of a command. \"-\" is stdin or stdout, where sound is read or\n"
      "a file written. Exit codes: 0 done, 1 input refused, 2 wrong usage; of verify 3 as well, another\n"
      "person.");
  for (const auto add : kCommands) {
    add(&app);
  }
  return run_program(&app, argc, argv);
}

}  // namespace ligero::cli
