// SPDX-License-Identifier: Apache-2.0
// FNV-1a over bytes: results that are to be the same on every processor, as one number. Not: safe
// against anybody.
#ifndef LIGERO_TESTS_SUPPORT_HASH_H_
#define LIGERO_TESTS_SUPPORT_HASH_H_

#include <cstddef>
#include <cstdint>

namespace ligero::testing {

class Hash {
 public:
  void add(const void* data, size_t bytes) {
    for (size_t i = 0; i < bytes; ++i) {
      value_ = (value_ ^ static_cast<const unsigned char*>(data)[i]) * 0x100000001B3u;
    }
  }
  uint64_t value() const {
    return value_;
  }

 private:
  uint64_t value_ = 0xCBF29CE484222325u;
};

}  // namespace ligero::testing

#endif  // LIGERO_TESTS_SUPPORT_HASH_H_
