// The command-line tool `ligero`. Not: what its commands do (commands.h).
#include <CLI/CLI.hpp>

#include "platforms/cli/commands/commands.h"
#include "platforms/cli/program.h"

int main(int argc, char** argv) {
  CLI::App app{"ligero: one enrolled person's voice out of what a microphone hears", "ligero"};
  app.require_subcommand(1);
  app.footer(
      "Example:\n"
      "  ligero enroll --model small.lgm ann_speaking.wav -o ann.profile\n"
      "  ligero extract --model small.lgm --profile ann.profile meeting.wav -o ann.wav\n"
      "`ligero COMMAND --help` has the options of a command. Exit codes: 0 done, 1 input refused,\n"
      "2 wrong usage.");
  for (const auto add : ligero::cli::kCommands) {
    add(&app);
  }
  return ligero::cli::run_program(&app, argc, argv);
}
