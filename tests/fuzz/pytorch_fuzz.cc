// A zip archive of torch.save; and its bytes as the pickle in one whose checksums are right.
#include <cmath>
#include <string>

#include "converter/import/pytorch.h"
#include "tests/converter/archive.h"
#include "tests/fuzz/fuzz.h"

namespace ligero::fuzz {
namespace {

constexpr size_t kStorageBytes = 64;

void read(const std::string& file) {
  try {
    for (const auto& [name, tensor] : read_pytorch(std::as_bytes(std::span(file)), "fuzz")) {
      size_t elements = 1;
      for (const int64_t n : tensor.shape) {
        elements *= static_cast<size_t>(n);
      }
      expect(tensor.values.size() == elements);
      for (const float value : tensor.values) {
        expect(std::isfinite(value));
      }
    }
  } catch (const ImportError& refusal) {
    expect(std::string(refusal.what()).starts_with("fuzz"));
  }
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
