// SPDX-License-Identifier: Apache-2.0
// Reads zip archives in memory, stored and deflated entries. Treats them as hostile.
// Not: what the entries hold.
#ifndef LIGERO_CONVERTER_IMPORT_ZIP_H_
#define LIGERO_CONVERTER_IMPORT_ZIP_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "converter/import/error.h"

namespace ligero {

struct ZipEntry {
  std::string name;
  bool deflated = false;
  uint32_t crc = 0;
  uint64_t stored_bytes = 0;  ///< in the archive
  uint64_t bytes = 0;         ///< unpacked
  uint64_t header = 0;        ///< offset of the local header
  uint64_t data = 0;          ///< offset of the stored bytes
};

/// An archive whose directory was checked: one disk, no encryption, distinct names, every entry
/// inside the file and none overlapping another, no entry that unpacks to absurdly many bytes.
class ZipArchive {
 public:
  /// `file` must outlive the archive; `source` names it in messages. Throws ImportError.
  ZipArchive(std::span<const std::byte> file, std::string source);

  /// By name.
  const std::vector<ZipEntry>& entries() const {
    return entries_;
  }
  /// The entry of that name, or nullptr.
  const ZipEntry* find(const std::string& name) const;
  /// The entry's content: a part of the file, or of `*unpacked` where it was deflated. Throws
  /// ImportError where it cannot be unpacked to the stated size or has another checksum.
  std::span<const std::byte> read(const ZipEntry& entry, std::vector<std::byte>* unpacked) const;

 private:
  std::span<const std::byte> file_;
  std::string source_;
  std::vector<ZipEntry> entries_;
};

}  // namespace ligero

#endif  // LIGERO_CONVERTER_IMPORT_ZIP_H_
