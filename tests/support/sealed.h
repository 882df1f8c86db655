// SPDX-License-Identifier: Apache-2.0
// Correct headers for damaged model files, so that what comes after the header is tried.
#ifndef LIGERO_TESTS_SUPPORT_SEALED_H_
#define LIGERO_TESTS_SUPPORT_SEALED_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "model/format/file_header.h"
#include "runtime/base/checked.h"

namespace ligero::testing {

/// Makes magic, version, lengths and checksum of a model file right, whatever else it holds. At
/// least a header.
inline void seal_model(std::span<std::byte> file) {
  ModelHeader h;
  std::memcpy(&h, file.data(), sizeof(h));
  std::memcpy(h.magic, kModelMagic, sizeof(h.magic));
  h.version_major = kModelVersionMajor;
  h.file_bytes = file.size();
  h.metadata_offset = sizeof(ModelHeader);
  h.metadata_bytes = std::min<uint64_t>(h.metadata_bytes, file.size() - sizeof(ModelHeader));
  h.weights_offset = align_up(sizeof(ModelHeader) + h.metadata_bytes);
  if (h.weights_offset > file.size()) {
    return;
  }
  h.weights_bytes = file.size() - h.weights_offset;
  std::memcpy(file.data(), &h, sizeof(h));
  h.checksum = hash_with_hole(file.first(h.weights_offset), offsetof(ModelHeader, checksum));
  std::memcpy(file.data(), &h, sizeof(h));
}

}  // namespace ligero::testing

#endif  // LIGERO_TESTS_SUPPORT_SEALED_H_
