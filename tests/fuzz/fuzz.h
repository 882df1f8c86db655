// SPDX-License-Identifier: Apache-2.0
// What every fuzz target is: one function, called with any bytes. It must come back; a sanitizer or
// an abort() says that it found something. Not: who calls it (libFuzzer, or replay.cc).
#ifndef LIGERO_TESTS_FUZZ_FUZZ_H_
#define LIGERO_TESTS_FUZZ_FUZZ_H_

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace ligero::fuzz {

/// Stops the run where a promise is broken that no sanitizer knows of.
inline void expect(bool kept) {
  if (!kept) {
    std::abort();
  }
}

inline std::span<const std::byte> bytes_of(const uint8_t* data, size_t size) {
  return std::as_bytes(std::span(data, size));
}

}  // namespace ligero::fuzz

#endif  // LIGERO_TESTS_FUZZ_FUZZ_H_
