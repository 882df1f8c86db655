// SPDX-License-Identifier: Apache-2.0
// Whole model files of the real ops, damaged byte by byte: refused, or they run and give numbers.
// Not: the fields of the format one by one (tests/model), files that fuzzing found (tests/fuzz).
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "model/format/loader.h"
#include "model/format/writer.h"
#include "model/session/recording.h"
#include "ops/table.h"
#include "tests/support/aligned.h"
#include "tests/support/exercise.h"
#include "tests/support/random.h"
#include "tests/support/test_run.h"
#include "tests/support/random_network.h"
#include "tests/support/sealed.h"
#include "tests/support/seed_models.h"

namespace ligero::testing {
namespace {

/// A file in memory as a mapping has it, of exactly its size.
class Image {
 public:
  explicit Image(std::span<const std::byte> bytes)
      : block_(test_block(bytes.size())), size_(bytes.size()) {
    std::copy(bytes.begin(), bytes.end(), this->bytes().begin());
  }
  std::span<std::byte> bytes() const {
    return {static_cast<std::byte*>(block_.get()), size_};
  }
  Result<Model> open() const {
    return Model::open(bytes(), all_ops());
  }
  size_t weights_at() const {
    ModelHeader h;
    std::memcpy(&h, bytes().data(), sizeof(h));
    return h.weights_offset;
  }

 private:
  TestBlock block_;
  size_t size_;
};

const std::vector<std::byte>& small() {
  static const std::vector<std::byte> bytes =
      pretrained_network(LIGERO_SOURCE_DIR, "lgr-tse-small");
  return bytes;
}

TEST_CASE("damage: in small files of every op, each byte wrong is refused or runs") {
  constexpr size_t kMostBytes = 20480;
  for (const auto& seed : seed_models()) {
    const std::string& name = seed.first;
    CAPTURE(name);
    const std::vector<std::byte> whole = write_model(seed.second);
    REQUIRE(whole.size() <= kMostBytes);
    const Image image(whole);
    const size_t weights_at = image.weights_at();
    REQUIRE(image.open().ok());
    Random random(whole.size());
    for (size_t at = 0; at < whole.size(); ++at) {
      image.bytes()[at] ^= static_cast<std::byte>(random.integer(1, 255));
      const Result<Model> plain = image.open();
      REQUIRE((!plain.ok() || at >= weights_at));
      if (!plain.ok() && at >= sizeof(ModelHeader)) {
        seal_model(image.bytes());
      }
      if (const Result<Model> sealed = image.open(); sealed.ok()) {
        exercise(sealed.value());
      }
      std::copy_n(whole.begin(), weights_at, image.bytes().begin());
      image.bytes()[at] = whole[at];
    }
  }
}

TEST_CASE("damage: a network's file with any byte of header or metadata wrong is refused") {
  const Image image(small());
  const size_t end = image.weights_at();
  REQUIRE(image.open().ok());
  Random random(1);
  for (size_t at = 0; at < end; ++at) {
    const std::byte good = image.bytes()[at];
    image.bytes()[at] ^= static_cast<std::byte>(random.integer(1, 255));
    REQUIRE_FALSE(image.open().ok());
    image.bytes()[at] = good;
  }
  CHECK(image.open().ok());
}

TEST_CASE("damage: a network's file cut short in header or metadata is refused") {
  const Image whole(small());
  const size_t end = whole.weights_at();
  for (size_t size = 0; size < end; ++size) {
    const Image cut(whole.bytes().first(size));
    REQUIRE(cut.open().status().code == Code::kBadModel);
  }
  const Image cut(whole.bytes().first(whole.bytes().size() - 1));
  CHECK(cut.open().status().code == Code::kBadModel);
}

TEST_CASE("damage: a network's metadata wrong behind a correct checksum never does harm") {
  constexpr int kRounds = 400;
  const Image image(small());
  const size_t end = image.weights_at();
  Random random(2);
  int opened = 0;
  for (int round = 0; round < kRounds; ++round) {
    const int at = random.integer(sizeof(ModelHeader), static_cast<int>(end) - 1);
    image.bytes()[at] ^= static_cast<std::byte>(random.integer(1, 255));
    seal_model(image.bytes());
    if (const Result<Model> model = image.open(); model.ok()) {
      ++opened;
      exercise(model.value(), {.macs = 0});
    }
    std::copy_n(small().begin(), end, image.bytes().begin());
  }
  MESSAGE("opened all the same: ", opened, " of ", kRounds);
}

/// A byte of `graph`'s weights, each as likely.
std::byte* any_weight_byte(const Graph& graph, const Image& image, Random* random) {
  const int first = static_cast<int>(image.weights_at());
  const int last = static_cast<int>(image.bytes().size()) - 1;
  for (;;) {
    std::byte* at = image.bytes().data() + random->integer(first, last);
    for (const Tensor& t : graph.tensors) {
      const auto* begin = static_cast<const std::byte*>(t.data);
      if (t.kind == Kind::kWeight && at >= begin && at < begin + stored_bytes(t)) {
        return at;
      }
    }
  }
}

TEST_CASE("damage: a network with wrong weights gives numbers, or is refused for giving none") {
  constexpr int kRounds = 2000;
  constexpr int kEnrolments = 40;  // one takes as long as 40 extractions
  const Image image(small());
  Random random(3);
  const std::vector<float> anchor = random.floats(kSampleRateHz, -0.1f, 0.1f);
  const std::vector<float> mixture = random.floats(10 * kHopSamples, -0.1f, 0.1f);
  const Result<Model> sound = image.open();
  REQUIRE(sound.ok());
  const Result<Profile> profile = enroll(sound.value(), anchor);
  REQUIRE(profile.ok());
  int refused = 0;
  for (int round = 0; round < kRounds; ++round) {
    const bool enrols = round % (kRounds / kEnrolments) == 0;
    const Graph& graph = *sound.value().graph(enrols ? "enroll" : "extract");
    std::byte* at = any_weight_byte(graph, image, &random);
    CAPTURE(at - image.bytes().data());
    const std::byte good = *at;
    *at ^= static_cast<std::byte>(random.integer(1, 255));
    const Result<Model> model = image.open();
    REQUIRE(model.ok());
    std::vector<float> voice(mixture.size());
    const Status status = enrols ? enroll(model.value(), anchor).status()
                                 : extract(model.value(), &profile.value(), mixture, voice);
    REQUIRE((status.ok() || status.code == Code::kInternal));
    REQUIRE(std::all_of(voice.begin(), voice.end(), [](float v) { return std::isfinite(v); }));
    refused += status.ok() ? 0 : 1;
    *at = good;
  }
  MESSAGE("refused for what they gave: ", refused, " of ", kRounds);
}

}  // namespace
}  // namespace ligero::testing
