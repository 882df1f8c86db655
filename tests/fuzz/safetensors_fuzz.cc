// SPDX-License-Identifier: Apache-2.0
// A .safetensors file; and its bytes as the header of one that is long enough.
#include <sstream>
#include <string>

#include "converter/import/safetensors.h"
#include "tests/fuzz/checkpoint.h"

namespace ligero::fuzz {
namespace {

constexpr size_t kDataBytes = 64;

void read(const std::string& file) {
  expect_checkpoint(
      [&](const std::string& source) {
        std::istringstream stream(file);
        return read_safetensors(stream, file.size(), source);
      },
      file.size());
}

}  // namespace
}  // namespace ligero::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  ligero::fuzz::read(bytes);
  std::string length(8, '\0');
  for (size_t i = 0; i < length.size(); ++i) {
    length[i] = static_cast<char>(size >> (8 * i));
  }
  ligero::fuzz::read(length + bytes + std::string(ligero::fuzz::kDataBytes, '\0'));
  return 0;
}
