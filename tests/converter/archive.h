// SPDX-License-Identifier: Apache-2.0
// Zip archives and pickles written by hand, right or wrong in any field. Not: any check.
#ifndef LIGERO_TESTS_CONVERTER_ARCHIVE_H_
#define LIGERO_TESTS_CONVERTER_ARCHIVE_H_

#include <cstdint>
#include <cstring>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace ligero::testing {

/// Little-endian bytes of a number.
template <typename T>
std::string little(T value) {
  std::string out(sizeof value, '\0');
  std::memcpy(out.data(), &value, sizeof value);
  return out;
}

inline std::span<const std::byte> bytes_of_text(const std::string& text) {
  return std::as_bytes(std::span(text));
}

/// CRC-32 of zip archives.
inline uint32_t crc32_of(const std::string& text) {
  uint32_t crc = 0xffffffff;
  for (const char c : text) {
    crc ^= static_cast<uint8_t>(c);
    for (int bit = 0; bit < 8; ++bit) {
      crc = (crc >> 1) ^ (crc & 1 ? 0xedb88320u : 0u);
    }
  }
  return ~crc;
}

/// One entry; what is stated may differ from what is there.
struct RawEntry {
  std::string name;
  std::string stored;
  uint16_t method = 0;
  uint16_t flags = 0;
  uint32_t crc = 0;
  uint32_t stored_bytes = 0;
  uint32_t bytes = 0;
  uint32_t header = 0;
  std::string extra;       ///< in the directory
  std::string local_name;  ///< in the local header
};

inline RawEntry stored_entry(const std::string& name, const std::string& content) {
  const auto size = static_cast<uint32_t>(content.size());
  return {name, content, 0, 0, crc32_of(content), size, size, 0, "", name};
}

/// The same, deflated as one block that is stored.
inline RawEntry deflated_entry(const std::string& name, const std::string& content) {
  RawEntry entry = stored_entry(name, content);
  const auto size = static_cast<uint16_t>(content.size());
  entry.stored =
      std::string("\x01") + little(size) + little(static_cast<uint16_t>(~size)) + content;
  entry.stored_bytes = static_cast<uint32_t>(entry.stored.size());
  entry.method = 8;
  return entry;
}

/// An archive; `damage` changes entries once their places are known.
inline std::string zip_of(std::vector<RawEntry> entries,
                          const std::function<void(std::vector<RawEntry>&)>& damage = {}) {
  std::string file;
  for (RawEntry& e : entries) {
    e.header = static_cast<uint32_t>(file.size());
    file += std::string("PK\x03\x04") + little<uint16_t>(20) + little(e.flags) + little(e.method) +
            std::string(4, '\0') + little(e.crc) + little(e.stored_bytes) + little(e.bytes) +
            little(static_cast<uint16_t>(e.local_name.size())) + std::string(2, '\0') +
            e.local_name + e.stored;
  }
  if (damage) {
    damage(entries);
  }
  const auto begin = static_cast<uint32_t>(file.size());
  for (const RawEntry& e : entries) {
    file += std::string("PK\x01\x02") + little<uint16_t>(20) + little<uint16_t>(20) +
            little(e.flags) + little(e.method) + std::string(4, '\0') + little(e.crc) +
            little(e.stored_bytes) + little(e.bytes) +
            little(static_cast<uint16_t>(e.name.size())) +
            little(static_cast<uint16_t>(e.extra.size())) + std::string(10, '\0') +
            little(e.header) + e.name + e.extra;
  }
  const auto count = static_cast<uint16_t>(entries.size());
  const auto size = static_cast<uint32_t>(file.size()) - begin;
  return file + std::string("PK\x05\x06") + std::string(4, '\0') + little(count) + little(count) +
         little(size) + little(begin) + std::string(2, '\0');
}

namespace pickle {

inline const std::string kProto = "\x80\x02";

inline std::string text(const std::string& value) {
  return std::string("X") + little(static_cast<uint32_t>(value.size())) + value;
}
inline std::string integer(int32_t value) {
  return std::string("J") + little(value);
}
inline std::string global(const std::string& module, const std::string& name) {
  return "c" + module + "\n" + name + "\n";
}
inline std::string counts(const std::vector<int32_t>& values) {
  std::string out = "(";
  for (const int32_t value : values) {
    out += integer(value);
  }
  return out + "t";
}
/// _rebuild_tensor_v2 of storage `key`.
inline std::string tensor(const std::string& key,
                          int32_t elements,
                          const std::vector<int32_t>& size,
                          const std::vector<int32_t>& stride,
                          int32_t offset = 0,
                          const std::string& type = "FloatStorage") {
  return global("torch._utils", "_rebuild_tensor_v2") + "((" + text("storage") +
         global("torch", type) + text(key) + text("cpu") + integer(elements) + "tQ" +
         integer(offset) + counts(size) + counts(stride) + "\x89" +
         global("collections", "OrderedDict") + ")RtR";
}
/// A dict of texts to values.
inline std::string dict(const std::vector<std::pair<std::string, std::string>>& items) {
  std::string out = "}(";
  for (const auto& [key, value] : items) {
    out += text(key) + value;
  }
  return out + "u";
}

}  // namespace pickle

/// Elements as a storage holds them.
template <typename T>
std::string storage_of(const std::vector<T>& values) {
  std::string out;
  for (const T value : values) {
    out += little(value);
  }
  return out;
}

}  // namespace ligero::testing

#endif  // LIGERO_TESTS_CONVERTER_ARCHIVE_H_
