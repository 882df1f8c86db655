// A read-only memory map of a whole file (POSIX). Not: what is in the file.
#ifndef LIGERO_MODEL_FORMAT_MAPPED_FILE_H_
#define LIGERO_MODEL_FORMAT_MAPPED_FILE_H_

#include <cstddef>
#include <span>

#include "runtime/base/status.h"

namespace ligero {

/// Owns the map; movable. The bytes start on a page, so on a multiple of 64, and are valid until
/// the object ends. The file must not be shortened meanwhile (replacing it by a rename is safe).
class MappedFile {
 public:
  /// kBadArgument with errno in Status::where (0 where the system did not complain): no such file,
  /// not readable, not a regular file, empty. kTooLittleMemory: no room to map it. Load time.
  static Result<MappedFile> open(const char* path);

  MappedFile() = default;
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  std::span<const std::byte> bytes() const {
    return {data_, size_};
  }

 private:
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace ligero

#endif  // LIGERO_MODEL_FORMAT_MAPPED_FILE_H_
