// SPDX-License-Identifier: Apache-2.0
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
#include "tests/support/sealed.h"

namespace ligero::fuzz {
namespace {

constexpr int64_t kMostElements = 1 << 14;  // so that many inputs can be tried

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
    testing::seal_model(file);
    fuzz::open(file);
  }
  return 0;
}
