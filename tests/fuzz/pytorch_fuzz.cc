// SPDX-License-Identifier: Apache-2.0
// A zip archive of torch.save; and its bytes as the pickle in one whose checksums are right.
#include <string>

#include "converter/import/pytorch.h"
#include "tests/converter/archive.h"
#include "tests/fuzz/checkpoint.h"

namespace ligero::fuzz {
namespace {

constexpr size_t kStorageBytes = 64;

void read(const std::string& file) {
  expect_checkpoint(
      [&](const std::string& source) {
        return read_pytorch(std::as_bytes(std::span(file)), source);
      },
      SIZE_MAX);
}

}  // namespace
}  // namespace ligero::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ligero;
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  fuzz::read(bytes);
  fuzz::read(testing::zip_of(
      {testing::stored_entry("archive/data.pkl", bytes),
       testing::stored_entry("archive/byteorder", "little"),
       testing::stored_entry("archive/data/0", std::string(fuzz::kStorageBytes, '\0'))}));
  return 0;
}
