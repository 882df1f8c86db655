// SPDX-License-Identifier: Apache-2.0
// A whole file, read-only in memory (POSIX). Not: what is in the file.
#ifndef LIGERO_MODEL_FORMAT_WHOLE_FILE_H_
#define LIGERO_MODEL_FORMAT_WHOLE_FILE_H_

#include <cstddef>
#include <span>

#include "runtime/base/status.h"

namespace ligero {

/// Owns the memory; movable. The bytes start on a page, so on a multiple of 64, and are valid until
/// the object ends. The first kReadBytes are a copy: whatever happens to the file afterwards, they
/// stay as they are. What lies beyond is mapped, so that huge weights need no memory of their own.
/// Such a file must not be written to meanwhile (a new one that is renamed over it is safe).
class WholeFile {
 public:
  /// More than any model that ships, and than the part of a file that holds offsets
  /// (Limits::metadata_bytes).
  static constexpr size_t kReadBytes = size_t{64} << 20;

  /// kBadArgument with errno in Status::where (0 where the system did not complain): no such file,
  /// not readable, not a regular file, empty, or changed while it was read. kTooLittleMemory: no
  /// room for it. Load time.
  static Result<WholeFile> open(const char* path);

  WholeFile() = default;
  WholeFile(WholeFile&& other) noexcept;
  WholeFile& operator=(WholeFile&& other) noexcept;
  ~WholeFile();

  std::span<const std::byte> bytes() const {
    return {data_, size_};
  }

 private:
  Status read(int fd, size_t size);

  const std::byte* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace ligero

#endif  // LIGERO_MODEL_FORMAT_WHOLE_FILE_H_
