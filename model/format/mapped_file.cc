// MappedFile on POSIX. Not: what is in the file.
#include "model/format/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <utility>

namespace ligero {

Result<MappedFile> MappedFile::open(const char* path) {
  // Non-blocking, so that a pipe without a writer does not hold us up before it is refused.
  const int fd = ::open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) {
    const bool missing = errno == ENOENT || errno == ENOTDIR;
    return error(Code::kBadArgument, missing ? "no such file" : "cannot read the file", -1, errno);
  }
  struct stat info {};
  Status status;
  if (::fstat(fd, &info) != 0) {
    status = error(Code::kBadArgument, "cannot read the file", -1, errno);
  } else if (!S_ISREG(info.st_mode)) {
    status = error(Code::kBadArgument, "not a regular file", -1, 0);
  } else if (info.st_size == 0) {
    status = error(Code::kBadArgument, "the file is empty", -1, 0);
  } else if (static_cast<uintmax_t>(info.st_size) > SIZE_MAX) {
    status = error(Code::kTooLittleMemory, "the file is too large for this machine's addresses");
  }
  MappedFile file;
  if (status.ok()) {
    const size_t size = static_cast<size_t>(info.st_size);
    void* data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (data == MAP_FAILED) {
      status = error(Code::kTooLittleMemory, "cannot map the file into memory", -1, errno);
    } else {
      file.data_ = static_cast<const std::byte*>(data);
      file.size_ = size;
    }
  }
  ::close(fd);
  if (!status.ok()) {
    return status;
  }
  return file;
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) {
    ::munmap(const_cast<std::byte*>(data_), size_);
  }
}

}  // namespace ligero
