// SPDX-License-Identifier: Apache-2.0
// A profile file, as it is and behind a correct checksum; what is accepted is written back as it
// was.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "model/format/file_header.h"
#include "model/format/profile.h"
#include "tests/fuzz/fuzz.h"

namespace ligero::fuzz {
namespace {

constexpr size_t kBytesAt = 16;
constexpr size_t kChecksumAt = 24;

void seal(std::vector<std::byte>* file) {
  const uint64_t size = file->size();
  std::memcpy(file->data() + kBytesAt, &size, sizeof(size));
  const uint64_t sum = hash_with_hole(*file, kChecksumAt);
  std::memcpy(file->data() + kChecksumAt, &sum, sizeof(sum));
}

void parse(const std::vector<std::byte>& file) {
  const Result<Profile> parsed = Profile::parse(file);
  if (!parsed.ok()) {
    return;
  }
  const Profile& profile = parsed.value();
  expect(std::ranges::equal(profile.bytes(), file));
  expect(valid_family(profile.family()));
  for (size_t i = 0; i < profile.size(); ++i) {
    const Profile::Entry e = profile.entry(i);
    expect(valid_name(e.name) && profile.find(e.name).data() == e.values.data());
    expect(std::ranges::all_of(e.values, [](float v) { return std::isfinite(v); }));
  }
}

}  // namespace
}  // namespace ligero::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ligero;
  std::vector<std::byte> file(size);
  std::copy_n(fuzz::bytes_of(data, size).begin(), size, file.begin());
  fuzz::parse(file);
  if (size >= sizeof(ModelHeader)) {
    fuzz::seal(&file);
    fuzz::parse(file);
  }
  return 0;
}
