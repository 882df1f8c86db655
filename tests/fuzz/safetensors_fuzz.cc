// A .safetensors file; and its bytes as the header of one that is long enough.
#include <cmath>
#include <sstream>
#include <string>

#include "converter/import/safetensors.h"
#include "tests/fuzz/fuzz.h"

namespace ligero::fuzz {
namespace {

constexpr size_t kDataBytes = 64;

void read(const std::string& file) {
  try {
    std::istringstream stream(file);
    for (const auto& [name, tensor] : read_safetensors(stream, file.size(), "fuzz")) {
      size_t elements = 1;
      for (const int64_t n : tensor.shape) {
        elements *= static_cast<size_t>(n);
      }
      expect(tensor.values.size() == elements && elements <= file.size());
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
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  ligero::fuzz::read(bytes);
  std::string length(8, '\0');
  for (size_t i = 0; i < length.size(); ++i) {
    length[i] = static_cast<char>(size >> (8 * i));
  }
  ligero::fuzz::read(length + bytes + std::string(ligero::fuzz::kDataBytes, '\0'));
  return 0;
}
