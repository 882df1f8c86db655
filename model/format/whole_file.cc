// SPDX-License-Identifier: Apache-2.0
// WholeFile on POSIX. Not: what is in the file.
#include "model/format/whole_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <utility>

namespace ligero {
namespace {

/// Fills `to` from the file's beginning. False: the file is shorter (errno is 0), or the system's
/// error is in errno.
bool read_all(int fd, std::byte* to, size_t size) {
  for (size_t at = 0; at < size;) {
    const ssize_t n = ::pread(fd, to + at, size - at, static_cast<off_t>(at));
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n <= 0) {
      errno = n == 0 ? 0 : errno;
      return false;
    }
    at += static_cast<size_t>(n);
  }
  return true;
}

bool same_file(const struct stat& a, const struct stat& b) {
  return a.st_size == b.st_size && a.st_mtim.tv_sec == b.st_mtim.tv_sec &&
         a.st_mtim.tv_nsec == b.st_mtim.tv_nsec;
}

/// The size of a file that can be opened.
Result<size_t> size_of(const struct stat& info) {
  if (!S_ISREG(info.st_mode)) {
    return error(Code::kBadArgument, "not a regular file", -1, 0);
  }
  if (info.st_size == 0) {
    return error(Code::kBadArgument, "the file is empty", -1, 0);
  }
  if (static_cast<uintmax_t>(info.st_size) > SIZE_MAX) {
    return error(Code::kTooLittleMemory, "the file is too large for this machine's addresses");
  }
  return static_cast<size_t>(info.st_size);
}

}  // namespace

Result<WholeFile> WholeFile::open(const char* path) {
  // Non-blocking, so that a pipe without a writer does not hold us up before it is refused.
  const int fd = ::open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) {
    const bool missing = errno == ENOENT || errno == ENOTDIR;
    return error(Code::kBadArgument, missing ? "no such file" : "cannot read the file", -1, errno);
  }
  struct stat before {};
  struct stat after {};
  WholeFile file;
  Status status;
  if (::fstat(fd, &before) != 0) {
    status = error(Code::kBadArgument, "cannot read the file", -1, errno);
  } else {
    const Result<size_t> size = size_of(before);
    status = size.ok() ? file.read(fd, size.value()) : size.status();
  }
  if (status.ok() && (::fstat(fd, &after) != 0 || !same_file(before, after))) {
    status = error(Code::kBadArgument,
                   "the file was written to while it was read: put it in place with install or mv",
                   -1,
                   0);
  }
  ::close(fd);
  if (!status.ok()) {
    return status;
  }
  return file;
}

/// Allocates memory for the whole file, reads the first kReadBytes into it, and maps the rest over
/// what follows.
Status WholeFile::read(int fd, size_t size) {
  void* const memory =
      ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    return error(Code::kTooLittleMemory, "no memory for the file", -1, errno);
  }
  data_ = static_cast<const std::byte*>(memory);
  size_ = size;
  const size_t copied = std::min(size, kReadBytes);  // kReadBytes is a whole number of pages
  auto* const bytes = static_cast<std::byte*>(memory);
  if (!read_all(fd, bytes, copied)) {
    return errno == 0
               ? error(Code::kBadArgument, "the file became shorter while it was read", -1, 0)
               : error(Code::kBadArgument, "cannot read the file", -1, errno);
  }
  if (size > copied && ::mmap(bytes + copied,
                              size - copied,
                              PROT_READ,
                              MAP_PRIVATE | MAP_FIXED,
                              fd,
                              static_cast<off_t>(copied)) == MAP_FAILED) {
    return error(Code::kTooLittleMemory, "cannot map the file into memory", -1, errno);
  }
  ::mprotect(bytes, copied, PROT_READ);
  return {};
}

WholeFile::WholeFile(WholeFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

WholeFile& WholeFile::operator=(WholeFile&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

WholeFile::~WholeFile() {
  if (data_ != nullptr) {
    ::munmap(const_cast<std::byte*>(data_), size_);
  }
}

}  // namespace ligero
