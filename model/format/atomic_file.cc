// SPDX-License-Identifier: Apache-2.0
// Atomic files on POSIX. Not: what is in the file.
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

/// Length of the folder's part of `path`, with its slash.
int folder_size(const char* path) {
  const char* slash = std::strrchr(path, '/');
  return slash == nullptr ? 0 : static_cast<int>(slash - path) + 1;
}

/// Calls make(name) with names in the folder of `target` until one is free. Returns what it gave.
template <typename Make>
int with_free_name(const char* target, char (&name)[PATH_MAX], Make make) {
  constexpr int kAttempts = 100;  // against leftovers of killed processes with our number
  int made = -1;
  for (int i = 0; i < kAttempts; ++i) {
    const int size = std::snprintf(name,
                                   sizeof(name),
                                   "%.*s.ligero-%ld-%d",
                                   folder_size(target),
                                   target,
                                   static_cast<long>(::getpid()),
                                   i);
    if (size >= PATH_MAX) {
      errno = ENAMETOOLONG;
      return -1;
    }
    made = make(static_cast<const char*>(name));
    if (made >= 0 || errno != EEXIST) {
      return made;
    }
  }
  return made;
}

constexpr char kOwnFiles[] = "/proc/self/fd/";  // through which a file without a name gets one

/// A new file without a name in `folder`; -1 where there is no such thing.
int open_nameless(const char* folder) {
#if defined(O_TMPFILE)
  if (::access(kOwnFiles, X_OK) == 0) {
    return ::open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0666);
  }
#endif
  (void)folder;
  return -1;
}

void folder_of(const char* path, char (&folder)[PATH_MAX]) {
  const int size = folder_size(path);
  std::snprintf(folder, sizeof(folder), "%.*s", size == 0 ? 1 : size, size == 0 ? "." : path);
}

/// The rename itself reaches the disk with the folder; where that fails the file is there all the
/// same.
void sync_folder(const char* path) {
  char folder[PATH_MAX];
  folder_of(path, folder);
  const int fd = ::open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd >= 0) {
    (void)::fsync(fd);
    (void)::close(fd);
  }
}

}  // namespace

AtomicFile::~AtomicFile() {
  if (fd_ >= 0) {
    ::close(fd_);
  }
  if (temporary_[0] != '\0') {
    ::unlink(temporary_);
  }
}

Status AtomicFile::create(const char* path) {
  struct stat existing {};
  const bool exists = ::stat(path, &existing) == 0;
  if (exists && S_ISDIR(existing.st_mode)) {
    errno = EISDIR;
    return refuse("the output is a folder");
  }
  if (exists && ::access(path, W_OK) != 0) {
    return refuse("the output file is there and write-protected");
  }
  device_ = exists && !S_ISREG(existing.st_mode);
  // Behind a symbolic link the file itself is replaced, not the link.
  if (exists && !device_) {
    if (::realpath(path, target_) == nullptr) {
      return refuse("cannot resolve the output's path");
    }
  } else if (std::snprintf(target_, sizeof(target_), "%s", path) >= PATH_MAX) {
    errno = ENAMETOOLONG;
    return refuse("the output's path is too long");
  }
  char folder[PATH_MAX];
  folder_of(device_ ? P_tmpdir "/" : target_, folder);
  fd_ = open_nameless(folder);
  if (fd_ < 0) {
    fd_ = with_free_name(device_ ? P_tmpdir "/" : target_, temporary_, [](const char* name) {
      return ::open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    });
  }
  if (fd_ < 0) {
    temporary_[0] = '\0';
    return refuse("cannot create a file in the output's folder");
  }
  const bool keeps_mode = exists && !device_;
  if (keeps_mode && ::fchmod(fd_, existing.st_mode & 07777) != 0) {
    return refuse("cannot write the output file");
  }
  return {};
}

/// For what is not a regular file: a device, a pipe.
Status AtomicFile::copy_to_device() const {
  const int to = ::open(target_, O_WRONLY | O_CLOEXEC);
  if (to < 0) {
    return refuse("cannot open the output for writing");
  }
  std::byte piece[1 << 16];
  ssize_t got = ::lseek(fd_, 0, SEEK_SET);
  while (got >= 0 && (got = ::read(fd_, piece, sizeof(piece))) > 0) {
    if (!write_all(to, {piece, static_cast<size_t>(got)})) {
      got = -1;
    }
  }
  const int reason = errno;
  const bool closed = ::close(to) == 0;
  if (got < 0) {
    errno = reason;
  }
  return got == 0 && closed ? Status{} : refuse("cannot write the output");
}

/// Gives a file without a name a temporary one, from which it can be moved over another file.
Status AtomicFile::name_it() {
  char self[64];
  std::snprintf(self, sizeof(self), "%s%d", kOwnFiles, fd_);
  const int linked = with_free_name(target_, temporary_, [&](const char* name) {
    return ::linkat(AT_FDCWD, self, AT_FDCWD, name, AT_SYMLINK_FOLLOW);
  });
  if (linked != 0) {
    temporary_[0] = '\0';
    return refuse("cannot create a file in the output's folder");
  }
  return {};
}

Status AtomicFile::commit(Sync sync) {
  if (device_) {
    return copy_to_device();
  }
  if (sync == Sync::kYes && ::fsync(fd_) != 0) {
    return refuse("cannot write the output file");
  }
  if (temporary_[0] == '\0') {
    LIGERO_RETURN_IF_ERROR(name_it());
  }
  const bool closed = ::close(fd_) == 0;
  fd_ = -1;
  if (!closed) {
    return refuse("cannot write the output file");
  }
  if (::rename(temporary_, target_) != 0) {
    return refuse("cannot move the written file to its name");
  }
  temporary_[0] = '\0';
  if (sync == Sync::kYes) {
    sync_folder(target_);
  }
  return {};
}

Status write_file_atomic(const char* path, std::span<const std::byte> bytes, Sync sync) {
  AtomicFile file;
  LIGERO_RETURN_IF_ERROR(file.create(path));
  LIGERO_CHECK(write_all(file.fd(), bytes), Code::kBadArgument, "cannot write the output file", -1, errno);
  return file.commit(sync);
}

}  // namespace ligero
