// SPDX-License-Identifier: Apache-2.0
// What model and profile files have in common: header, names, checksum. Not: either file's content.
#ifndef LIGERO_MODEL_FORMAT_FILE_HEADER_H_
#define LIGERO_MODEL_FORMAT_FILE_HEADER_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "runtime/base/target.h"

namespace ligero {

inline constexpr char kModelMagic[8] = {'L', 'I', 'G', 'E', 'R', 'O', 'M', '\0'};
/// Version 2 states rate and hop; a file of version 1 is at 16 kHz with hops of 160 samples, and is
/// still written where that is so, for readers that know no other.
inline constexpr uint32_t kModelVersionMajor = 2;
inline constexpr uint32_t kOldestModelVersionMajor = 1;

/// The first 64 bytes of a model file.
struct ModelHeader {
  char magic[8];
  uint32_t version_major;    ///< readers refuse a higher one
  uint32_t version_minor;    ///< rises with additions that older readers may pass over
  uint64_t file_bytes;       ///< of the whole file
  uint64_t metadata_offset;  ///< always 64
  uint64_t metadata_bytes;
  uint64_t weights_offset;  ///< the next multiple of 64 after the metadata
  uint64_t weights_bytes;   ///< a multiple of 64
  uint64_t checksum;        ///< XXH64 of all bytes before the weights, this field taken as zero
};
static_assert(sizeof(ModelHeader) == 64);

/// XXH64 with seed 0.
uint64_t hash_bytes(std::span<const std::byte> bytes);

/// XXH64 of `bytes` as if the 8 bytes at `hole` (a multiple of 8 below 64) were zero.
uint64_t hash_with_hole(std::span<const std::byte> bytes, size_t hole);

/// Longest name of a tensor, node or graph.
inline constexpr size_t kMaxNameBytes = 95;

/// 1 to kMaxNameBytes characters of A-Z a-z 0-9 _ . - with no leading dot, so that names can be
/// printed, and made file names, as they are.
bool valid_name(std::string_view name);

inline constexpr size_t kFamilyDigits = 64;

/// 64 lower-case hexadecimal digits.
bool valid_family(std::string_view family);

}  // namespace ligero

#endif  // LIGERO_MODEL_FORMAT_FILE_HEADER_H_
