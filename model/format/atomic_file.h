// SPDX-License-Identifier: Apache-2.0
// Writes a whole file or none of it, at once or piece by piece. Not: what is in the file.
#ifndef LIGERO_MODEL_FORMAT_ATOMIC_FILE_H_
#define LIGERO_MODEL_FORMAT_ATOMIC_FILE_H_

#include <climits>
#include <cstddef>
#include <span>

#include "runtime/base/status.h"

namespace ligero {

/// Whether a file is brought to the disk before it gets its name. Without it a file is whole or absent
/// whatever becomes of the process, but a power cut may leave it empty: for hundreds of files that can
/// be made again.
enum class Sync { kYes, kNo };

/// Replaces the file at `path` by `bytes`: writes a temporary file in the same folder, brings it to
/// the disk and renames it. On failure the temporary file is removed and whatever was at `path` is
/// as it was. kBadArgument with errno in Status::where: the folder is missing or not writable, the
/// disk is full, `path` is a folder or its name too long. Follows symbolic links at `path`. A
/// device or pipe at `path` (/dev/null) is written to directly. Load time.
Status write_file_atomic(const char* path, std::span<const std::byte> bytes, Sync sync = Sync::kYes);

/// The same for a file that is written piece by piece: nothing is at `path` before commit(), nor ever
/// without it. Where the file system can, the file has no name until then, so that not even a killed
/// process leaves one. Load time.
class AtomicFile {
 public:
  AtomicFile() = default;
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  /// Once. Errors as write_file_atomic().
  Status create(const char* path);
  /// To write to, at any place, and to read; this object's own.
  int fd() const {
    return fd_;
  }
  /// Brings it to the disk and to its name; a device or pipe gets all of it here.
  Status commit(Sync sync = Sync::kYes);

 private:
  Status name_it();
  Status copy_to_device() const;

  char target_[PATH_MAX] = "";
  char temporary_[PATH_MAX] = "";  ///< empty: the file has no name yet
  int fd_ = -1;
  bool device_ = false;
};

}  // namespace ligero

#endif  // LIGERO_MODEL_FORMAT_ATOMIC_FILE_H_
