// Writes a whole file or none of it. Not: what is in the file.
#ifndef LIGERO_MODEL_FORMAT_ATOMIC_FILE_H_
#define LIGERO_MODEL_FORMAT_ATOMIC_FILE_H_

#include <cstddef>
#include <span>

#include "runtime/base/status.h"

namespace ligero {

/// Replaces the file at `path` by `bytes`: writes a temporary file in the same folder, brings it to
/// the disk and renames it. On failure the temporary file is removed and whatever was at `path` is
/// as it was. kBadArgument with errno in Status::where: the folder is missing or not writable, the
/// disk is full, `path` is a folder or its name too long. Follows symbolic links at `path`. A
/// device or pipe at `path` (/dev/null) is written to directly. Load time.
Status write_file_atomic(const char* path, std::span<const std::byte> bytes);

}  // namespace ligero

#endif  // LIGERO_MODEL_FORMAT_ATOMIC_FILE_H_
