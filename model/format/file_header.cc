// SPDX-License-Identifier: Apache-2.0
// XXH64 (Yann Collet's specification 0.1.1), and the rules of names. Not: reading files.
#include "model/format/file_header.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace ligero {
namespace {

// The five primes of the specification.
constexpr uint64_t kPrime1 = 0x9E3779B185EBCA87u;
constexpr uint64_t kPrime2 = 0xC2B2AE3D27D4EB4Fu;
constexpr uint64_t kPrime3 = 0x165667B19E3779F9u;
constexpr uint64_t kPrime4 = 0x85EBCA77C2B2AE63u;
constexpr uint64_t kPrime5 = 0x27D4EB2F165667C5u;
constexpr size_t kStripe = 32;

template <typename T>
T read(const std::byte* p) {
  T value;
  std::memcpy(&value, p, sizeof(value));
  return value;
}

uint64_t round(uint64_t lane, uint64_t input) {
  return std::rotl(lane + input * kPrime2, 31) * kPrime1;
}

uint64_t merge(uint64_t hash, uint64_t lane) {
  return (hash ^ round(0, lane)) * kPrime1 + kPrime4;
}

/// Four lanes over whole stripes; what is left goes through finish().
struct Lanes {
  uint64_t lane[4] = {kPrime1 + kPrime2, kPrime2, 0, 0 - kPrime1};

  void stripes(const std::byte* p, size_t count) {
    for (size_t s = 0; s < count; ++s) {
      for (int i = 0; i < 4; ++i, p += 8) {
        lane[i] = round(lane[i], read<uint64_t>(p));
      }
    }
  }
  uint64_t joined() const {
    uint64_t hash = std::rotl(lane[0], 1) + std::rotl(lane[1], 7) + std::rotl(lane[2], 12) +
                    std::rotl(lane[3], 18);
    for (uint64_t l : lane) {
      hash = merge(hash, l);
    }
    return hash;
  }
};

uint64_t finish(uint64_t hash, const std::byte* p, size_t left) {
  for (; left >= 8; left -= 8, p += 8) {
    hash = std::rotl(hash ^ round(0, read<uint64_t>(p)), 27) * kPrime1 + kPrime4;
  }
  if (left >= 4) {
    hash = std::rotl(hash ^ (read<uint32_t>(p) * kPrime1), 23) * kPrime2 + kPrime3;
    left -= 4;
    p += 4;
  }
  for (; left > 0; --left, ++p) {
    hash = std::rotl(hash ^ (std::to_integer<uint64_t>(*p) * kPrime5), 11) * kPrime1;
  }
  hash = (hash ^ (hash >> 33)) * kPrime2;
  hash = (hash ^ (hash >> 29)) * kPrime3;
  return hash ^ (hash >> 32);
}

}  // namespace

uint64_t hash_bytes(std::span<const std::byte> bytes) {
  const size_t stripes = bytes.size() / kStripe;
  uint64_t hash = kPrime5;
  if (stripes > 0) {
    Lanes lanes;
    lanes.stripes(bytes.data(), stripes);
    hash = lanes.joined();
  }
  const size_t done = stripes * kStripe;
  return finish(hash + bytes.size(), bytes.data() + done, bytes.size() - done);
}

uint64_t hash_with_hole(std::span<const std::byte> bytes, size_t hole) {
  std::byte head[2 * kStripe] = {};
  if (bytes.size() < sizeof(head)) {
    std::copy(bytes.begin(), bytes.end(), head);
    std::memset(head + hole, 0, 8);
    return hash_bytes({head, bytes.size()});
  }
  std::memcpy(head, bytes.data(), sizeof(head));
  std::memset(head + hole, 0, 8);
  const size_t stripes = bytes.size() / kStripe;
  Lanes lanes;
  lanes.stripes(head, 2);
  lanes.stripes(bytes.data() + sizeof(head), stripes - 2);
  const size_t done = stripes * kStripe;
  return finish(lanes.joined() + bytes.size(), bytes.data() + done, bytes.size() - done);
}

bool valid_name(std::string_view name) {
  if (name.empty() || name.size() > kMaxNameBytes || name[0] == '.') {
    return false;
  }
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '-';
  });
}

bool valid_family(std::string_view family) {
  return family.size() == kFamilyDigits && std::all_of(family.begin(), family.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

}  // namespace ligero
