// The command-line tool `ligero`. Exit codes: 0 done, 1 input refused, 2 wrong usage.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <new>

#include "platforms/cli/commands.h"

int main(int argc, char** argv) {
  constexpr int kRefused = 1;
  constexpr int kWrongUsage = 2;
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
  try {
    app.parse(argc, argv);
    return 0;
  } catch (const CLI::ParseError& problem) {
    return app.exit(problem) == 0 ? 0 : kWrongUsage;
  } catch (const std::bad_alloc&) {
    std::fprintf(stderr, "ligero: there is not enough memory for this input\n");
  } catch (const std::exception& problem) {
    std::fprintf(stderr, "ligero: %s\n", problem.what());
  }
  return kRefused;
}
