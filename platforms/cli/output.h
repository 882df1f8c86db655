// Checks and writes of the tool's output files, with messages for people. Not: formats.
#ifndef LIGERO_PLATFORMS_CLI_OUTPUT_H_
#define LIGERO_PLATFORMS_CLI_OUTPUT_H_

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace ligero::cli {

/// Refuses a name that cannot be written: no such folder, no permission, a folder itself. Called
/// before long work, so that the user need not wait for the refusal; writes nothing.
void check_output(const std::string& path);

/// Refuses an output that is one of `others`, by whatever name or link: the files that the same
/// command reads, and what else it writes. Empty names do not count.
void check_apart(const std::string& path, const std::vector<std::string>& others);

/// Writes the whole file or nothing.
void write_output(const std::string& path, std::span<const std::byte> bytes);

}  // namespace ligero::cli

#endif  // LIGERO_PLATFORMS_CLI_OUTPUT_H_
