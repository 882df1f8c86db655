// SPDX-License-Identifier: Apache-2.0
// The int8 files that ship: whole, small, and what the converter makes of the weights beside them.
#include <doctest/doctest.h>

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "converter/convert.h"
#include "converter/import/import.h"
#include "converter/open_draft.h"
#include "model/format/writer.h"

namespace ligero {
namespace {

const std::string kFolder = LIGERO_SOURCE_DIR "/model/pretrained/";

std::string read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST_CASE("pretrained: the int8 files are those that --weights int8 makes, and small") {
  for (const std::string name : {"bsrnn-live", "lgr-tse-small", "lgr-tse-small-live"}) {
    CAPTURE(name);
    ConvertOptions options;
    options.passes.weights = Type::kQ8;
    const Conversion conversion = convert(read(kFolder + name + ".json"),
                                          name,
                                          read_checkpoint(kFolder + name + ".safetensors"),
                                          options);
    const std::vector<std::byte> made = write_model(conversion.model);
    const std::string shipped = read(kFolder + name + "-int8.lgm");
    REQUIRE(shipped.size() == made.size());
    CHECK(std::equal(made.begin(), made.end(), shipped.begin(), [](std::byte a, char b) {
      return a == static_cast<std::byte>(b);
    }));
    CHECK(shipped.size() <= 3'500'000);
    int64_t audio_path = 0;
    const OpenDraft opened(conversion.model);
    for (const Tensor& t : opened.model().graph("extract")->tensors) {
      if (t.kind == Kind::kWeight) {
        audio_path += t.elements() * (t.type == Type::kF32 ? 4 : t.type == Type::kF16 ? 2 : 1);
      }
    }
    CHECK(audio_path <= 1'300'000);
  }
}

}  // namespace
}  // namespace ligero
