// SPDX-License-Identifier: Apache-2.0
// What the tools read and write whole, with messages for people. Not: formats.
#ifndef LIGERO_PLATFORMS_CLI_FILES_H_
#define LIGERO_PLATFORMS_CLI_FILES_H_

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "model/format/atomic_file.h"

namespace ligero::cli {

/// Makes stdout carry data alone: from the first call on, what is printed goes to stderr. Called before
/// the first line is printed, by commands that write "-" or JSON.
void keep_stdout_for_data();

/// Writes to the stdout that keep_stdout_for_data() keeps.
void write_stdout(std::span<const std::byte> bytes);

/// Refuses a name that cannot be written: no such folder, no permission, a folder itself; and one
/// that is one of `inputs`, which the same command reads, or another output, by whatever name or
/// link. Empty names do not count. Called before long work, so that the user need not wait for the
/// refusal; writes nothing. "-" is stdin among the inputs and stdout among the outputs, each at most once.
void check_outputs(const std::vector<std::string>& outputs, std::vector<std::string> inputs);

/// All of a file's bytes; it may be a pipe.
std::string read_input(const std::string& path);

/// Writes the whole file or nothing; "-": stdout.
void write_output(const std::string& path, std::span<const std::byte> bytes, Sync sync = Sync::kYes);

}  // namespace ligero::cli

#endif  // LIGERO_PLATFORMS_CLI_FILES_H_
