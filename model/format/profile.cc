// SPDX-License-Identifier: Apache-2.0
// Profile: making, checking and finding. Not: files on disk (profile_file.cc).
#include "model/format/profile.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <iterator>
#include <utility>

#include "model/format/file_header.h"
#include "model/format/loader.h"
#include "runtime/base/checked.h"

namespace ligero {
namespace {

constexpr char kProfileMagic[8] = {'L', 'I', 'G', 'E', 'R', 'O', 'P', '\0'};
constexpr uint16_t kProfileVersionMajor = 1;
constexpr uint16_t kProfileVersionMinor = 0;
constexpr size_t kFamilyBytes = kFamilyDigits / 2;
// Far above any profile of ours, so that sizes cannot overflow.
constexpr uint32_t kMaxTensors = 4096;
constexpr int64_t kMaxElements = int64_t{1} << 28;

struct ProfileHeader {
  char magic[8];
  uint16_t version_major;
  uint16_t version_minor;
  uint32_t num_tensors;
  uint64_t file_bytes;
  uint64_t checksum;
  uint8_t family[kFamilyBytes];
};
static_assert(sizeof(ProfileHeader) == 64);

struct ProfileRecord {
  char name[kMaxNameBytes + 1];
  uint32_t rank;
  int32_t dim[kMaxRank];
  uint32_t zero;
  uint64_t offset;
};
static_assert(sizeof(ProfileRecord) == 128);

constexpr size_t record_offset(size_t i) {
  return sizeof(ProfileHeader) + i * sizeof(ProfileRecord);
}

ProfileRecord read_record(std::span<const std::byte> bytes, size_t i) {
  ProfileRecord record;
  std::memcpy(&record, bytes.data() + record_offset(i), sizeof(record));
  return record;
}

std::string_view name_of(const ProfileRecord& record) {
  const char* const end = std::find(record.name, std::end(record.name), '\0');
  return {record.name, static_cast<size_t>(end - record.name)};
}

/// Elements of a record's tensor; 0 where its rank or a dimension is impossible.
int64_t elements_of(const ProfileRecord& record) {
  if (record.rank < 1 || record.rank > kMaxRank) {
    return 0;
  }
  int64_t n = 1;
  for (uint32_t i = 0; i < kMaxRank; ++i) {
    const bool used = i < record.rank;
    if (record.dim[i] < 1 || (!used && record.dim[i] != 1) || !checked_mul(n, record.dim[i], &n) ||
        n > kMaxElements) {
      return 0;
    }
  }
  return n;
}

bool all_finite(const float* values, int64_t count) {
  return std::all_of(values, values + count, [](float v) { return std::isfinite(v); });
}

bool all_zero(std::span<const std::byte> bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{0}; });
}

Status check_record(std::span<const std::byte> bytes, size_t i, uint64_t* end) {
  const int32_t index = static_cast<int32_t>(i);
  const int64_t where = static_cast<int64_t>(record_offset(i));
  const ProfileRecord record = read_record(bytes, i);
  const std::string_view name = name_of(record);
  LIGERO_CHECK(valid_name(name) &&
                   all_zero(bytes.subspan(record_offset(i) + name.size(),
                                          sizeof(record.name) - name.size())) &&
                   record.zero == 0,
               Code::kBadModel,
               "a tensor of the profile has no valid name",
               index,
               where);
  for (size_t k = 0; k < i; ++k) {
    const ProfileRecord other = read_record(bytes, k);
    LIGERO_CHECK(name_of(other) != name,
                 Code::kBadModel,
                 "two tensors of the profile have the same name",
                 index,
                 where);
  }
  const int64_t elements = elements_of(record);
  LIGERO_CHECK(elements > 0,
               Code::kBadModel,
               "a tensor of the profile has an impossible shape",
               index,
               where);
  const uint64_t size = static_cast<uint64_t>(elements) * sizeof(float);
  LIGERO_CHECK(record.offset == *end && align_up(size) <= bytes.size() - *end,
               Code::kBadModel,
               "a tensor of the profile does not lie where the one before it ends",
               index,
               where);
  const auto* values = reinterpret_cast<const float*>(bytes.data() + record.offset);
  LIGERO_CHECK(all_finite(values, elements),
               Code::kBadModel,
               "a tensor of the profile has a value that is not finite",
               index,
               static_cast<int64_t>(record.offset));
  *end += align_up(size);
  LIGERO_CHECK(all_zero(bytes.subspan(record.offset + size, *end - record.offset - size)),
               Code::kBadModel,
               "the profile has bytes that belong to no tensor",
               index,
               static_cast<int64_t>(record.offset + size));
  return {};
}

Status check_header(std::span<const std::byte> file, ProfileHeader* header) {
  LIGERO_CHECK(file.size() >= sizeof(*header),
               Code::kBadModel,
               "the file is shorter than the 64-byte header of a profile",
               -1,
               static_cast<int64_t>(file.size()));
  std::memcpy(header, file.data(), sizeof(*header));
  LIGERO_CHECK(std::memcmp(header->magic, kProfileMagic, sizeof(header->magic)) == 0,
               Code::kBadModel,
               "not a ligero profile: it does not start with LIGEROP",
               -1,
               0);
  LIGERO_CHECK(header->version_major <= kProfileVersionMajor,
               Code::kNewerModel,
               "the profile is of a newer major version than this build reads",
               -1,
               header->version_major);
  LIGERO_CHECK(header->version_major == kProfileVersionMajor,
               Code::kUnsupportedModel,
               "the profile is of an older major version than this build reads",
               -1,
               header->version_major);
  LIGERO_CHECK(header->file_bytes == file.size(),
               Code::kBadModel,
               "the profile has not the length that its header states: truncated, or with "
               "trailing bytes",
               -1,
               static_cast<int64_t>(header->file_bytes));
  LIGERO_CHECK(hash_with_hole(file, offsetof(ProfileHeader, checksum)) == header->checksum,
               Code::kBadModel,
               "the profile is damaged: the checksum differs",
               -1,
               offsetof(ProfileHeader, checksum));
  LIGERO_CHECK(
      header->num_tensors <= kMaxTensors && record_offset(header->num_tensors) <= file.size(),
      Code::kBadModel,
      "the profile has more tensors than it can",
      -1,
      header->num_tensors);
  return {};
}

uint8_t digit_value(char c) {
  return static_cast<uint8_t>(c <= '9' ? c - '0' : c - 'a' + 10);
}

/// Checks the tensors for create() and adds up the file's bytes.
Status measure(std::span<const Tensor> tensors, uint64_t* bytes) {
  LIGERO_CHECK(tensors.size() <= kMaxTensors, Code::kBadArgument, "a profile of too many tensors");
  *bytes = record_offset(tensors.size());
  for (size_t i = 0; i < tensors.size(); ++i) {
    const Tensor& t = tensors[i];
    const int32_t index = static_cast<int32_t>(i);
    LIGERO_CHECK(t.kind == Kind::kConstant && t.type == Type::kF32 && t.data != nullptr &&
                     valid_name(t.name),
                 Code::kBadArgument,
                 "a profile takes named f32 constants only",
                 index);
    const auto twin = std::find_if(tensors.begin(), tensors.begin() + index, [&](const Tensor& u) {
      return u.name == t.name;
    });
    LIGERO_CHECK(twin == tensors.begin() + index,
                 Code::kBadArgument,
                 "two tensors for a profile have the same name",
                 index);
    ProfileRecord shape{};
    shape.rank = static_cast<uint32_t>(t.rank);
    std::copy(std::begin(t.dim), std::end(t.dim), shape.dim);
    const int64_t elements = elements_of(shape);
    LIGERO_CHECK(
        elements > 0, Code::kBadArgument, "a tensor for a profile has no valid shape", index);
    LIGERO_CHECK(all_finite(t.f32(), elements),
                 Code::kBadArgument,
                 "a tensor for a profile has a value that is not finite",
                 index);
    *bytes += align_up(static_cast<uint64_t>(elements) * sizeof(float));
  }
  return {};
}

}  // namespace

Result<Profile> Profile::create(std::string_view family, std::span<const Tensor> tensors) {
  LIGERO_CHECK(valid_family(family),
               Code::kBadArgument,
               "a profile's family must be 64 lower-case hexadecimal digits");
  ProfileHeader header{};
  LIGERO_RETURN_IF_ERROR(measure(tensors, &header.file_bytes));
  Profile profile;
  LIGERO_CHECK(profile.own_.allocate(header.file_bytes),
               Code::kTooLittleMemory,
               "not enough memory for a profile",
               -1,
               static_cast<int64_t>(header.file_bytes));
  profile.bytes_ = profile.own_.span();
  std::byte* out = profile.own_.data();
  uint64_t offset = record_offset(tensors.size());
  for (size_t i = 0; i < tensors.size(); ++i) {
    const Tensor& t = tensors[i];
    const size_t size = static_cast<size_t>(t.elements()) * sizeof(float);
    ProfileRecord record{};
    std::copy(t.name.begin(), t.name.end(), record.name);
    record.rank = static_cast<uint32_t>(t.rank);
    std::copy(std::begin(t.dim), std::end(t.dim), record.dim);
    record.offset = offset;
    std::memcpy(out + record_offset(i), &record, sizeof(record));
    std::memcpy(out + offset, t.data, size);
    offset += align_up(size);
  }
  std::memcpy(header.magic, kProfileMagic, sizeof(header.magic));
  header.version_major = kProfileVersionMajor;
  header.version_minor = kProfileVersionMinor;
  header.num_tensors = static_cast<uint32_t>(tensors.size());
  for (size_t i = 0; i < kFamilyBytes; ++i) {
    header.family[i] =
        static_cast<uint8_t>(digit_value(family[2 * i]) * 16 + digit_value(family[2 * i + 1]));
  }
  std::memcpy(out, &header, sizeof(header));
  header.checksum = hash_with_hole(profile.bytes(), offsetof(ProfileHeader, checksum));
  std::memcpy(out, &header, sizeof(header));
  profile.num_tensors_ = tensors.size();
  std::copy(family.begin(), family.end(), profile.family_);
  return profile;
}

Result<Profile> Profile::parse(std::span<const std::byte> file) {
  ProfileHeader header;
  LIGERO_RETURN_IF_ERROR(check_header(file, &header));
  Array<std::byte> own;
  LIGERO_CHECK(own.allocate(file.size()),
               Code::kTooLittleMemory,
               "not enough memory for a profile",
               -1,
               static_cast<int64_t>(file.size()));
  std::copy(file.begin(), file.end(), own.begin());
  Result<Profile> profile = view(own.span());
  if (profile.ok()) {
    profile.value().own_ = std::move(own);
  }
  return profile;
}

Result<Profile> Profile::view(std::span<const std::byte> file) {
  LIGERO_CHECK(reinterpret_cast<uintptr_t>(file.data()) % alignof(ProfileRecord) == 0,
               Code::kBadArgument,
               "a profile that is read in place must start on a multiple of 8 bytes in memory");
  ProfileHeader header;
  LIGERO_RETURN_IF_ERROR(check_header(file, &header));
  uint64_t end = record_offset(header.num_tensors);
  for (size_t i = 0; i < header.num_tensors; ++i) {
    LIGERO_RETURN_IF_ERROR(check_record(file, i, &end));
  }
  LIGERO_CHECK(end == file.size(),
               Code::kBadModel,
               "the profile has trailing bytes",
               -1,
               static_cast<int64_t>(end));
  Profile profile;
  profile.bytes_ = file;
  profile.num_tensors_ = header.num_tensors;
  constexpr char kDigits[] = "0123456789abcdef";
  for (size_t i = 0; i < kFamilyBytes; ++i) {
    profile.family_[2 * i] = kDigits[header.family[i] >> 4];
    profile.family_[2 * i + 1] = kDigits[header.family[i] & 15];
  }
  return profile;
}

Profile::Entry Profile::entry(size_t i) const {
  if (i >= num_tensors_) {
    return {};
  }
  const auto* record = reinterpret_cast<const ProfileRecord*>(bytes_.data() + record_offset(i));
  return Entry{name_of(*record),
               {record->dim, record->rank},
               {reinterpret_cast<const float*>(bytes_.data() + record->offset),
                static_cast<size_t>(elements_of(*record))}};
}

std::span<const float> Profile::find(std::string_view name) const {
  for (size_t i = 0; i < num_tensors_; ++i) {
    if (entry(i).name == name) {
      return entry(i).values;
    }
  }
  return {};
}

Status Profile::bind(const Model& model, const Graph& graph) const {
  LIGERO_CHECK(family() == model.family(),
               Code::kBadArgument,
               "profile of another family: it was enrolled with a model of another checkpoint");
  for (int32_t t : graph.inputs) {
    const Tensor& tensor = graph.tensors[static_cast<size_t>(t)];
    if (tensor.kind != Kind::kConstant) {
      continue;
    }
    size_t i = 0;
    while (i < num_tensors_ && entry(i).name != tensor.name) {
      ++i;
    }
    LIGERO_CHECK(
        i < num_tensors_, Code::kBadArgument, "the profile lacks a tensor that the model reads", t);
    const std::span<const int32_t> dims = entry(i).dims;
    LIGERO_CHECK(std::equal(dims.begin(), dims.end(), tensor.dim, tensor.dim + tensor.rank),
                 Code::kBadArgument,
                 "a tensor of the profile has another shape than the model reads",
                 t);
  }
  return {};
}

}  // namespace ligero
