// A model file: opened, verified, planned in every mode and run, as it is and behind a correct
// header. Not: whether its values make sense.
#include <algorithm>
#include <cstring>

#include "model/format/file_header.h"
#include "model/format/loader.h"
#include "ops/table.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/aligned.h"
#include "tests/support/exercise.h"

namespace ligero::fuzz {
namespace {

constexpr int64_t kMostElements = 1 << 14;  // so that many inputs can be tried

// Makes lengths and checksum right, so that what comes after them is tried.
void seal(std::span<std::byte> file) {
  ModelHeader h;
  std::memcpy(&h, file.data(), sizeof(h));
  std::memcpy(h.magic, kModelMagic, sizeof(h.magic));
  h.version_major = kModelVersionMajor;
  h.file_bytes = file.size();
  h.metadata_offset = sizeof(ModelHeader);
  h.metadata_bytes = std::min<uint64_t>(h.metadata_bytes, file.size() - sizeof(ModelHeader));
  h.weights_offset = (sizeof(ModelHeader) + h.metadata_bytes + 63) / 64 * 64;
  if (h.weights_offset > file.size()) {
    return;
  }
  h.weights_bytes = file.size() - h.weights_offset;
  std::memcpy(file.data(), &h, sizeof(h));
  h.checksum = hash_with_hole(file.first(h.weights_offset), offsetof(ModelHeader, checksum));
  std::memcpy(file.data(), &h, sizeof(h));
}

void open(std::span<const std::byte> file) {
  Limits limits;
  limits.elements = kMostElements;
  limits.dimension = static_cast<int32_t>(kMostElements);
  Fault fault;
  const Result<Model> model = Model::open(file, all_ops(), limits, &fault);
  expect(std::memchr(fault.text, 0, sizeof(fault.text)) != nullptr);
  if (model.ok()) {
    testing::exercise(model.value());
  } else {
    expect(model.status().message != nullptr && model.status().message[0] != '\0');
  }
}

}  // namespace
}  // namespace ligero::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ligero;
  const TestBlock block = test_block(size);
  const std::span<std::byte> file(static_cast<std::byte*>(block.get()), size);
  std::copy_n(fuzz::bytes_of(data, size).begin(), size, file.begin());
  fuzz::open(file);
  if (size >= sizeof(ModelHeader)) {
    fuzz::seal(file);
    fuzz::open(file);
  }
  return 0;
}
