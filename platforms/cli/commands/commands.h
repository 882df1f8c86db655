// SPDX-License-Identifier: Apache-2.0
// The list of the tool's commands, one source file each. Not: what they share (sound, npy, report).
#ifndef LIGERO_PLATFORMS_CLI_COMMANDS_COMMANDS_H_
#define LIGERO_PLATFORMS_CLI_COMMANDS_COMMANDS_H_

#include <initializer_list>
#include <string>

namespace CLI {
class App;
}

namespace ligero::cli {

/// Each adds its command, with options and what it does, to `app`. What a command does throws
/// Refusal for input that it does not take. A new command: one file, one line here, one in
/// kCommands.
void add_info(CLI::App* app);     ///< what a model file holds
void add_enroll(CLI::App* app);   ///< recordings of one person -> profile
void add_extract(CLI::App* app);  ///< profile and mixture -> that person's voice
void add_score(CLI::App* app);    ///< SI-SNR of one file against another
void add_run(CLI::App* app);      ///< tensors in, tensors out
void add_verify(CLI::App* app);   ///< profile and recording -> same person or not
void add_live(CLI::App* app);     ///< microphone -> that person's voice, at once
void add_bench(CLI::App* app);    ///< how long a model takes on this machine

inline constexpr void (*kCommands[])(CLI::App*) = {
    add_info, add_enroll, add_extract, add_score, add_run, add_verify, add_live,
    add_bench};

/// Keeps stdout for data (files.h) where JSON or an output named "-" asks for it; both at once are wrong
/// usage. Called before the first line is printed.
void share_stdout(bool json, std::initializer_list<std::string> outputs);

/// The tool's main function: runs the command that the arguments name. Returns the exit code
/// (program.h).
int run_commands(int argc, char** argv);

}  // namespace ligero::cli

#endif  // LIGERO_PLATFORMS_CLI_COMMANDS_COMMANDS_H_
