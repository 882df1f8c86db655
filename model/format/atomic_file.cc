// write_file_atomic() on POSIX. Not: what is in the file.
#include "model/format/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace ligero {
namespace {

Status refuse(const char* message) {
  return error(Code::kBadArgument, message, -1, errno);
}

bool write_all(int fd, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n <= 0) {
      return false;
    }
    bytes = bytes.subspan(static_cast<size_t>(n));
  }
  return true;
}

/// For what is not a regular file: a device, a pipe.
Status write_directly(const char* path, std::span<const std::byte> bytes) {
  const int fd = ::open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) {
    return refuse("cannot open the output for writing");
  }
  const bool written = write_all(fd, bytes);
  const int reason = errno;
  const bool closed = ::close(fd) == 0;
  if (!written) {
    errno = reason;
  }
  return written && closed ? Status{} : refuse("cannot write the output");
}

/// Opens a new file in `folder` (empty, or ending in a slash) and writes its path to `name`.
int open_temporary(const char* folder, int folder_size, char (&name)[PATH_MAX]) {
  constexpr int kAttempts = 100;  // against leftovers of killed processes with our number
  for (int i = 0; i < kAttempts; ++i) {
    const int size = std::snprintf(name,
                                   sizeof(name),
                                   "%.*s.ligero-%ld-%d",
                                   folder_size,
                                   folder,
                                   static_cast<long>(::getpid()),
                                   i);
    if (size >= PATH_MAX) {
      errno = ENAMETOOLONG;
      return -1;
    }
    const int fd = ::open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd >= 0 || errno != EEXIST) {
      return fd;
    }
  }
  return -1;
}

/// Writes and closes `fd`, the new file `name`; removes it on failure. `mode`: null for the
/// default.
Status write_temporary(int fd,
                       const char* name,
                       const mode_t* mode,
                       std::span<const std::byte> bytes) {
  bool done =
      write_all(fd, bytes) && (mode == nullptr || ::fchmod(fd, *mode) == 0) && ::fsync(fd) == 0;
  int reason = errno;
  if (::close(fd) != 0 && done) {
    done = false;
    reason = errno;
  }
  if (!done) {
    ::unlink(name);
    errno = reason;
    return refuse("cannot write the output file");
  }
  return {};
}

/// The rename itself reaches the disk with the folder; where that fails the file is there all the
/// same.
void sync_folder(const char* folder) {
  const int fd = ::open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd >= 0) {
    (void)::fsync(fd);
    (void)::close(fd);
  }
}

}  // namespace

Status write_file_atomic(const char* path, std::span<const std::byte> bytes) {
  char target[PATH_MAX];
  struct stat existing {};
  const bool exists = ::stat(path, &existing) == 0;
  if (exists && S_ISDIR(existing.st_mode)) {
    errno = EISDIR;
    return refuse("the output is a folder");
  }
  if (exists && !S_ISREG(existing.st_mode)) {
    return write_directly(path, bytes);
  }
  if (exists && ::access(path, W_OK) != 0) {
    return refuse("the output file is there and write-protected");
  }
  // Behind a symbolic link the file itself is replaced, not the link.
  if (exists) {
    if (::realpath(path, target) == nullptr) {
      return refuse("cannot resolve the output's path");
    }
  } else if (std::snprintf(target, sizeof(target), "%s", path) >= PATH_MAX) {
    errno = ENAMETOOLONG;
    return refuse("the output's path is too long");
  }
  char temporary[PATH_MAX];
  const char* slash = std::strrchr(target, '/');
  const int folder_size = slash == nullptr ? 0 : static_cast<int>(slash - target) + 1;
  const int fd = open_temporary(target, folder_size, temporary);
  if (fd < 0) {
    return refuse("cannot create a file in the output's folder");
  }
  const mode_t mode = existing.st_mode & 07777;
  LIGERO_RETURN_IF_ERROR(write_temporary(fd, temporary, exists ? &mode : nullptr, bytes));
  if (::rename(temporary, target) != 0) {
    const int reason = errno;
    ::unlink(temporary);
    errno = reason;
    return refuse("cannot move the written file to its name");
  }
  target[folder_size] = '\0';
  sync_folder(folder_size == 0 ? "." : target);
  return {};
}

}  // namespace ligero
