// SPDX-License-Identifier: Apache-2.0
// Names files of other programs that people hand to ligero by mistake. Not: reading them.
#ifndef LIGERO_MODEL_FORMAT_FOREIGN_FILE_H_
#define LIGERO_MODEL_FORMAT_FOREIGN_FILE_H_

#include <cstddef>
#include <span>

namespace ligero {

/// What a file is that no reader of ligero takes, and what to do, to go on after "this is ": "a Git
/// LFS pointer, not the file: run git lfs pull". nullptr where the first bytes do not tell. Any
/// thread, any time; looks at 512 bytes at most.
const char* foreign_file(std::span<const std::byte> bytes) noexcept;

}  // namespace ligero

#endif  // LIGERO_MODEL_FORMAT_FOREIGN_FILE_H_
