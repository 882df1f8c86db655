// SPDX-License-Identifier: Apache-2.0
// Profiles: what was enrolled comes back, bound to its family, and no damage gets through.
#include "model/format/profile.h"

#include <doctest/doctest.h>

#include <array>
#include <cstdio>
#include <limits>

#include "model/format/file_header.h"
#include "tests/model/toy_model.h"

namespace ligero {
namespace {

constexpr size_t kChecksumAt = 24;
constexpr size_t kRecordsAt = 64;
constexpr size_t kRecordBytes = 128;

Tensor constant(std::string_view name,
                const std::vector<float>& values,
                std::vector<int32_t> dims) {
  Tensor t;
  t.name = name;
  t.kind = Kind::kConstant;
  t.rank = static_cast<int32_t>(dims.size());
  std::copy(dims.begin(), dims.end(), t.dim);
  t.data = values.data();
  return t;
}

/// Two tensors: voice [1, 160] and bias [3, 5].
Profile sample() {
  const std::vector<float> voice = testing::Random(1).floats(160);
  const std::vector<float> bias = testing::Random(2).floats(15);
  const Tensor tensors[] = {constant("voice", voice, {1, 160}), constant("bias", bias, {3, 5})};
  auto profile = Profile::create(toy_model::kFamily, tensors);
  REQUIRE(profile.ok());
  return std::move(profile.value());
}

std::vector<std::byte> sample_bytes() {
  const Profile profile = sample();
  return {profile.bytes().begin(), profile.bytes().end()};
}

void seal(std::vector<std::byte>& bytes) {
  const uint64_t sum = hash_with_hole(bytes, kChecksumAt);
  std::memcpy(bytes.data() + kChecksumAt, &sum, sizeof(sum));
}

void use(const Profile& profile) {
  for (size_t i = 0; i < profile.size(); ++i) {
    const Profile::Entry e = profile.entry(i);
    CHECK(profile.find(e.name).data() == e.values.data());
    const auto* end = reinterpret_cast<const std::byte*>(e.values.data() + e.values.size());
    REQUIRE(end <= profile.bytes().data() + profile.bytes().size());
  }
}

TEST_CASE("Profile: tensors come back through bytes and through a file") {
  const Profile made = sample();
  const char* path = "ligero-profile-test.profile";
  REQUIRE(made.save(path).ok());
  auto parsed = Profile::parse(made.bytes());
  auto loaded = Profile::load(path);
  CHECK(std::remove(path) == 0);
  REQUIRE(parsed.ok());
  REQUIRE(loaded.ok());
  for (const Profile* p :
       std::initializer_list<const Profile*>{&made, &parsed.value(), &loaded.value()}) {
    CHECK(p->family() == toy_model::kFamily);
    REQUIRE(p->size() == 2);
    CHECK(p->entry(1).name == "bias");
    CHECK(std::vector<int32_t>(p->entry(1).dims.begin(), p->entry(1).dims.end()) ==
          std::vector<int32_t>{3, 5});
    const auto bias = p->find("bias");
    CHECK(std::vector<float>(bias.begin(), bias.end()) == testing::Random(2).floats(15));
    const auto voice = p->find("voice");
    CHECK(std::vector<float>(voice.begin(), voice.end()) == testing::Random(1).floats(160));
    CHECK(p->find("nobody").empty());
    CHECK(p->entry(2).values.empty());
    use(*p);
  }
}

TEST_CASE("Profile: a view has the file's own bytes, and refuses what a copy refuses") {
  const std::vector<std::byte> bytes = sample_bytes();
  const auto viewed = Profile::view(bytes);
  REQUIRE(viewed.ok());
  CHECK(viewed.value().bytes().data() == bytes.data());
  const auto bias = viewed.value().find("bias");
  CHECK(std::vector<float>(bias.begin(), bias.end()) == testing::Random(2).floats(15));
  use(viewed.value());
  std::vector<std::byte> moved(bytes.size() + 1);
  std::copy(bytes.begin(), bytes.end(), moved.begin() + 1);
  CHECK(Profile::view(std::span(moved).subspan(1)).status().code == Code::kBadArgument);
  std::vector<std::byte> damaged = bytes;
  damaged[bytes.size() - 1] ^= std::byte{1};
  CHECK(Profile::view(damaged).status().code == Code::kBadModel);
}

TEST_CASE("Profile: every flipped bit is refused") {
  std::vector<std::byte> bytes = sample_bytes();
  for (size_t i = 0; i < bytes.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      bytes[i] ^= static_cast<std::byte>(1 << bit);
      CHECK_FALSE(Profile::parse(bytes).ok());
      bytes[i] ^= static_cast<std::byte>(1 << bit);
    }
  }
  CHECK(Profile::parse(bytes).ok());
}

TEST_CASE("Profile: a file cut short or longer is refused") {
  const std::vector<std::byte> bytes = sample_bytes();
  for (size_t size = 0; size < bytes.size(); ++size) {
    const std::vector<std::byte> cut(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(size));
    CHECK(Profile::parse(cut).status().code == Code::kBadModel);
  }
  std::vector<std::byte> longer = bytes;
  longer.resize(longer.size() + 64);
  CHECK(Profile::parse(longer).status().code == Code::kBadModel);
  const uint64_t stated = longer.size();
  std::memcpy(longer.data() + 16, &stated, sizeof(stated));
  seal(longer);
  const Status status = Profile::parse(longer).status();
  CHECK(status.code == Code::kBadModel);
  CHECK(std::string_view(status.message) == "the profile has trailing bytes");
}

TEST_CASE("Profile: damage behind a correct checksum never does harm") {
  const std::vector<std::byte> original = sample_bytes();
  for (size_t i = 0; i < original.size(); ++i) {
    for (int value : {0x01, 0x04, 0x10, 0x80, 0xFF}) {
      std::vector<std::byte> bytes = original;
      bytes[i] ^= static_cast<std::byte>(value);
      seal(bytes);
      const auto profile = Profile::parse(bytes);
      if (profile.ok()) {
        use(profile.value());
      }
    }
  }
}

TEST_CASE("Profile: every wrong field is refused by name") {
  const auto says = [](const char* part, size_t at, auto value) {
    std::vector<std::byte> bytes = sample_bytes();
    std::memcpy(bytes.data() + at, &value, sizeof(value));
    seal(bytes);
    const auto profile = Profile::parse(bytes);
    REQUIRE_FALSE(profile.ok());
    CAPTURE(profile.status().message);
    CHECK(std::string_view(profile.status().message).find(part) != std::string_view::npos);
  };
  constexpr size_t kSecond = kRecordsAt + kRecordBytes;
  constexpr size_t kRank = 96, kDims = 100, kZero = 116, kOffset = 120;
  says("not a ligero profile", 0, 'M');
  says("newer", 8, uint16_t{2});
  says("older", 8, uint16_t{0});
  says("more tensors", 12, uint32_t{10000000});
  says("more tensors", 12, uint32_t{100});
  says("does not lie", 12, uint32_t{1});
  says("length", 16, uint64_t{64});
  says("valid name", kRecordsAt, char{0});
  says("valid name", kRecordsAt, '/');
  says("valid name", kRecordsAt + 90, 'x');
  says("valid name", kRecordsAt + kZero, uint32_t{1});
  says("same name", kSecond, std::array<char, 6>{'v', 'o', 'i', 'c', 'e', 0});
  says("shape", kRecordsAt + kRank, uint32_t{0});
  says("shape", kRecordsAt + kRank, uint32_t{5});
  says("shape", kRecordsAt + kRank, uint32_t{1});
  says("shape", kRecordsAt + kDims, int32_t{0});
  says("shape", kRecordsAt + kDims, int32_t{-1});
  says("shape", kRecordsAt + kDims, INT32_MAX);
  says("does not lie", kRecordsAt + kDims, int32_t{1000});
  says("does not lie", kSecond + kOffset, uint64_t{320});
  says("does not lie", kSecond + kOffset, ~uint64_t{63});
  says("not finite", 64 + 2 * kRecordBytes + 8, std::numeric_limits<float>::infinity());
  says("belong to no tensor", sample_bytes().size() - 1, char{1});
}

TEST_CASE("Profile: create refuses what a profile cannot hold") {
  const std::vector<float> values(160, 0.5f);
  const std::vector<float> bad(160, std::numeric_limits<float>::quiet_NaN());
  const auto code = [](std::string_view family, std::vector<Tensor> tensors) {
    return Profile::create(family, tensors).status().code;
  };
  const Tensor good = constant("a", values, {160});
  CHECK(code(toy_model::kFamily, {good}) == Code::kOk);
  CHECK(code(toy_model::kFamily, {}) == Code::kOk);
  CHECK(code("1234", {good}) == Code::kBadArgument);
  CHECK(code(toy_model::kFamily, {good, good}) == Code::kBadArgument);
  CHECK(code(toy_model::kFamily, {constant("a b", values, {160})}) == Code::kBadArgument);
  CHECK(code(toy_model::kFamily, {constant("a", bad, {160})}) == Code::kBadArgument);
  CHECK(code(toy_model::kFamily, {constant("a", values, {0})}) == Code::kBadArgument);
  Tensor sequence = good;
  sequence.kind = Kind::kSequence;
  CHECK(code(toy_model::kFamily, {sequence}) == Code::kBadArgument);
  Tensor empty = good;
  empty.data = nullptr;
  CHECK(code(toy_model::kFamily, {empty}) == Code::kBadArgument);
}

TEST_CASE("Profile: binds to its family and to equal names and shapes only") {
  const auto file = toy_model::image();
  auto model = file.open();
  REQUIRE(model.ok());
  const Graph& graph = *model.value().graph("extract");
  const std::vector<float> values(160, 0.5f);
  const auto bound =
      [&](std::string_view family, std::string_view name, std::vector<int32_t> dims) {
        const Tensor tensor = constant(name, values, std::move(dims));
        auto profile = Profile::create(family, {&tensor, 1});
        REQUIRE(profile.ok());
        return profile.value().bind(model.value(), graph);
      };
  CHECK(bound(toy_model::kFamily, "voice", {1, 160}).ok());
  const Status other = bound(std::string(64, 'a'), "voice", {1, 160});
  CHECK(other.code == Code::kBadArgument);
  CHECK(std::string_view(other.message).starts_with("profile of another family"));
  const Status missing = bound(toy_model::kFamily, "voices", {1, 160});
  CHECK(missing.code == Code::kBadArgument);
  CHECK(tensor_name(graph, missing.index) == "voice");
  CHECK(bound(toy_model::kFamily, "voice", {160}).code == Code::kBadArgument);
  CHECK(bound(toy_model::kFamily, "voice", {160, 1}).code == Code::kBadArgument);
  CHECK(sample().bind(model.value(), graph).ok());
}

TEST_CASE("Profile: a path that cannot be read or written is refused") {
  CHECK(Profile::load("no/such/file").status().code == Code::kBadArgument);
  CHECK(sample().save("no/such/folder/p").code == Code::kBadArgument);
  CHECK(Profile{}.save("p").code == Code::kBadState);
  CHECK(Profile{}.size() == 0);
}

}  // namespace
}  // namespace ligero
