// SPDX-License-Identifier: Apache-2.0
// Calls to the debugger or emulator that runs the program: files, text, the end. A product has
// none.
#ifndef LIGERO_PLATFORMS_CORTEX_M_SEMIHOSTING_H_
#define LIGERO_PLATFORMS_CORTEX_M_SEMIHOSTING_H_

#include <cstddef>
#include <cstdint>

namespace ligero::board {

enum class FileMode : uint32_t { kRead = 1, kWrite = 5 };

/// A file of the host; -1 where it cannot be opened.
int32_t open_file(const char* name, FileMode mode);
/// Bytes that were read or written.
size_t read_file(int32_t file, void* data, size_t bytes);
size_t write_file(int32_t file, const void* data, size_t bytes);
void close_file(int32_t file);

/// To the host's console.
void say(const char* text);
/// "name value\n".
void say(const char* name, int64_t value);

/// Ends the program with that exit code.
[[noreturn]] void finish(int code);

}  // namespace ligero::board

#endif  // LIGERO_PLATFORMS_CORTEX_M_SEMIHOSTING_H_
