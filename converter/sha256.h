// SPDX-License-Identifier: Apache-2.0
// SHA-256 (FIPS 180-4), for the family of a model. Not: a defence against anybody.
#ifndef LIGERO_CONVERTER_SHA256_H_
#define LIGERO_CONVERTER_SHA256_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace ligero {

/// Hashes bytes given in any number of pieces.
class Sha256 {
 public:
  void add(const void* bytes, size_t size);
  /// The hash as 64 hexadecimal digits; ends the use of the object.
  std::string finish();

 private:
  void block(const uint8_t* bytes);

  std::array<uint32_t, 8> state_ = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                    0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<uint8_t, 64> pending_ = {};
  uint64_t total_bytes_ = 0;
};

}  // namespace ligero

#endif  // LIGERO_CONVERTER_SHA256_H_
