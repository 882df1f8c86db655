// SPDX-License-Identifier: Apache-2.0
// The reader of zip archives: what is whole is read, what is not is refused by offset and name.
#include "converter/import/zip.h"

#include <doctest/doctest.h>

#include "tests/converter/archive.h"
#include "tests/converter/refusals.h"

namespace ligero::testing {
namespace {

std::string read_entry(const std::string& file, const std::string& name) {
  const ZipArchive archive(bytes_of_text(file), "x.pt");
  const ZipEntry* entry = archive.find(name);
  REQUIRE(entry);
  std::vector<std::byte> unpacked;
  const std::span<const std::byte> bytes = archive.read(*entry, &unpacked);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Opens and reads everything; the message of the refusal, or "".
std::string refusal(const std::string& file) {
  return refusal_by([&] {
    const ZipArchive archive(bytes_of_text(file), "x.pt");
    for (const ZipEntry& entry : archive.entries()) {
      std::vector<std::byte> unpacked;
      (void)archive.read(entry, &unpacked);
    }
  });
}

std::vector<RawEntry> three() {
  return {stored_entry("b", "second"), deflated_entry("a", "first"), stored_entry("c", "")};
}

using Damage = std::function<void(std::vector<RawEntry>&)>;

std::string refusal_of(const Damage& damage) {
  return refusal(zip_of(three(), damage));
}

}  // namespace

TEST_CASE("zip: stored, deflated and empty entries are read by name") {
  const std::string file = zip_of(three());
  CHECK(read_entry(file, "b") == "second");
  CHECK(read_entry(file, "a") == "first");
  CHECK(read_entry(file, "c").empty());
  CHECK(ZipArchive(bytes_of_text(file), "x").find("d") == nullptr);
}

TEST_CASE("zip: sizes may stand in the 64-bit extra field") {
  const std::string file = zip_of(three(), [](std::vector<RawEntry>& e) {
    e[0].extra = little<uint16_t>(7) + little<uint16_t>(1) + "x" + little<uint16_t>(1) +
                 little<uint16_t>(16) + little<uint64_t>(6) + little<uint64_t>(6);
    e[0].bytes = e[0].stored_bytes = 0xffffffff;
  });
  CHECK(read_entry(file, "b") == "second");
}

TEST_CASE("zip: what cannot be right is refused by name") {
  CHECK(has(refusal("PK"), "truncated, or not a zip archive"));
  CHECK(has(refusal_of([](auto& e) { e[2].header = e[1].header; }), "local header has another"));
  CHECK(has(refusal_of([](auto& e) { e[2] = e[0]; }), "occurs twice"));
  CHECK(has(refusal_of([](auto& e) { e[0].stored_bytes = e[0].bytes = 12; }), "overlaps b"));
  CHECK(has(refusal_of([](auto& e) { e[0].stored_bytes = e[0].bytes = 5000; }),
            "reach past the directory"));
  CHECK(has(refusal_of([](auto& e) { e[0].header = 0xfffffff0; }), "the file ends at"));
  CHECK(has(refusal_of([](auto& e) { e[0].bytes = 7; }), "has two sizes, 7 and 6"));
  CHECK(has(refusal_of([](auto& e) { e[0].flags = 1; }), "is encrypted"));
  CHECK(has(refusal_of([](auto& e) { e[0].method = 14; }), "method 14, expected 0"));
  CHECK(has(refusal_of([](auto& e) { e[0].crc ^= 1; }), "do not have the checksum"));
  CHECK(has(refusal_of([](auto& e) { e[1].bytes = 6; }), "cannot be unpacked to 6 bytes"));
  CHECK(has(refusal_of([](auto& e) { e[1].bytes = 4; }), "cannot be unpacked to 4 bytes"));
  CHECK(has(refusal_of([](auto& e) { e[0].bytes = 0xffffffff; }), "no 64-bit extra field"));
  CHECK(has(refusal_of([](auto& e) {
              e[0].bytes = 0xffffffff;
              e[0].extra = little<uint16_t>(1) + little<uint16_t>(4) + "1234";
            }),
            "extra field is too short"));
  CHECK(has(refusal_of([](auto& e) {
              e[0].bytes = 0xffffffff;
              e[0].extra = little<uint16_t>(1) + little<uint16_t>(400) + "1234";
            }),
            "reaches past its end"));
}

TEST_CASE("zip: a bomb is refused before it unpacks") {
  const std::string message = refusal_of([](auto& e) { e[1].bytes = 4'000'000'000; });
  CHECK(has(message, "a: would unpack 10 bytes to 4000000000"));
}

TEST_CASE("zip: every truncation and every damaged byte is refused or read, never more") {
  const std::string file = zip_of(three());
  for (size_t size = 0; size < file.size(); ++size) {
    CAPTURE(size);
    CHECK(refusal(file.substr(0, size)) != "");
  }
  for (size_t at = 0; at < file.size(); ++at) {
    for (const int flip : {1, 0x80, 0xff}) {
      std::string damaged = file;
      damaged[at] = static_cast<char>(damaged[at] ^ flip);
      (void)refusal(damaged);
    }
  }
}

}  // namespace ligero::testing
