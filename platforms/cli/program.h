// SPDX-License-Identifier: Apache-2.0
// What the tools' main functions share: how they end. Not: any option.
#ifndef LIGERO_PLATFORMS_CLI_PROGRAM_H_
#define LIGERO_PLATFORMS_CLI_PROGRAM_H_

namespace CLI {
class App;
}

namespace ligero::cli {

/// Parses the arguments and runs the callbacks of `app`. Returns the exit code: 0 done (and
/// --help, --version), 1 input refused, 2 wrong usage, or that of a CLI::RuntimeError that a callback throws; what is refused is said on stderr, after the app's
/// name.
int run_program(CLI::App* app, int argc, char** argv);

}  // namespace ligero::cli

#endif  // LIGERO_PLATFORMS_CLI_PROGRAM_H_
