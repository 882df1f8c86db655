// SPDX-License-Identifier: Apache-2.0
// Profiles on disk. Not: what their bytes mean (profile.cc).
#include "model/format/atomic_file.h"
#include "model/format/profile.h"
#include "model/format/whole_file.h"

namespace ligero {

Result<Profile> Profile::load(const char* path) {
  const Result<WholeFile> file = WholeFile::open(path);
  if (!file.ok()) {
    return file.status();
  }
  return parse(file.value().bytes());
}

Status Profile::save(const char* path) const {
  LIGERO_CHECK(bytes_.size() > 0, Code::kBadState, "the profile is empty");
  return write_file_atomic(path, bytes());
}

}  // namespace ligero
