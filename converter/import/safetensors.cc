// SPDX-License-Identifier: Apache-2.0
// The reader of .safetensors files. Not: their meaning.
#include "converter/import/safetensors.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <istream>
#include <nlohmann/json.hpp>
#include <set>

#include "converter/import/elements.h"

namespace ligero {
namespace {

using Json = nlohmann::json;

constexpr uint64_t kLengthBytes = 8;
constexpr uint64_t kMaxHeaderBytes = 100'000'000;  // the format's own limit
constexpr size_t kMaxTensors = 65536;
constexpr size_t kMaxNameBytes = 1024;
constexpr size_t kMaxAxes = 8;

struct Entry {
  std::string name;
  ElementType type = ElementType::kF32;
  std::vector<int64_t> shape;
  uint64_t begin = 0;
  uint64_t end = 0;
};

[[noreturn]] void refuse(const std::string& source, const std::string& what) {
  throw ImportError(source + ": " + what);
}

[[noreturn]] void refuse_tensor(const std::string& source,
                                const std::string& name,
                                const std::string& what) {
  refuse(source, "tensor " + name + ": " + what);
}

std::string shown(const Json& json) {
  return json.dump(-1, ' ', true, Json::error_handler_t::replace).substr(0, 80);
}

// Parses the header; a name that occurs twice is an error, which a plain parse would hide.
Json parse_header(const std::string& text, const std::string& source) {
  std::set<std::string> names;
  std::string doubled;
  const auto callback = [&](int depth, Json::parse_event_t event, Json& parsed) {
    if (event == Json::parse_event_t::key && depth == 1 && parsed.is_string() &&
        !names.insert(parsed.get<std::string>()).second) {
      doubled = parsed.get<std::string>();
    }
    return true;
  };
  Json header;
  try {
    header = Json::parse(text, callback);
  } catch (const Json::exception& e) {
    refuse(source, std::string("the header is not JSON: ") + e.what());
  }
  if (!doubled.empty()) {
    refuse_tensor(source, doubled, "occurs twice in the header");
  }
  if (!header.is_object()) {
    refuse(source, "the header is " + shown(header) + ", expected a JSON object");
  }
  return header;
}

ElementType element_type(const Json& json, const std::string& name, const std::string& source) {
  const std::pair<const char*, ElementType> kTypes[] = {{"F32", ElementType::kF32},
                                                        {"F16", ElementType::kF16},
                                                        {"BF16", ElementType::kBf16},
                                                        {"F64", ElementType::kF64},
                                                        {"I64", ElementType::kI64},
                                                        {"I32", ElementType::kI32},
                                                        {"I16", ElementType::kI16},
                                                        {"I8", ElementType::kI8},
                                                        {"U8", ElementType::kU8},
                                                        {"BOOL", ElementType::kU8}};
  for (const auto& [text, type] : kTypes) {
    if (json == text) {
      return type;
    }
  }
  refuse_tensor(source, name, "dtype is " + shown(json) + ", expected F32, F16, BF16, F64, I64, I32, I16, I8, U8 or BOOL");
}

bool is_count(const Json& json) {
  return json.is_number_unsigned() && json.get<uint64_t>() <= uint64_t{INT64_MAX};
}

Entry parse_entry(const std::string& name,
                  const Json& json,
                  uint64_t data_bytes,
                  const std::string& source) {
  Entry entry;
  entry.name = name;
  if (!json.is_object() || json.size() != 3 || !json.contains("dtype") || !json.contains("shape") ||
      !json.contains("data_offsets")) {
    refuse_tensor(
        source, name, "the header has " + shown(json) + ", expected dtype, shape and data_offsets");
  }
  entry.type = element_type(json["dtype"], name, source);
  const Json& shape = json["shape"];
  if (!shape.is_array() || shape.size() > kMaxAxes ||
      !std::all_of(shape.begin(), shape.end(), is_count)) {
    refuse_tensor(
        source,
        name,
        "shape is " + shown(shape) + ", expected at most " + std::to_string(kMaxAxes) + " counts");
  }
  // At most data_bytes elements can be right, so that no product overflows.
  uint64_t elements = 1;
  for (const Json& axis : shape) {
    const auto n = axis.get<uint64_t>();
    if (n > 0 && elements > data_bytes / n) {
      refuse_tensor(source, name, "shape " + shown(shape) + " has more elements than the file");
    }
    elements *= n;
    entry.shape.push_back(static_cast<int64_t>(n));
  }
  const Json& offsets = json["data_offsets"];
  if (!offsets.is_array() || offsets.size() != 2 ||
      !std::all_of(offsets.begin(), offsets.end(), is_count)) {
    refuse_tensor(source, name, "data_offsets is " + shown(offsets) + ", expected two offsets");
  }
  entry.begin = offsets[0].get<uint64_t>();
  entry.end = offsets[1].get<uint64_t>();
  if (entry.begin > entry.end || entry.end > data_bytes) {
    refuse_tensor(source,
                  name,
                  "data_offsets " + shown(offsets) + " lie outside the " +
                      std::to_string(data_bytes) + " bytes of data");
  }
  if (entry.end - entry.begin != elements * bytes_of(entry.type)) {
    refuse_tensor(source,
                  name,
                  "data_offsets span " + std::to_string(entry.end - entry.begin) +
                      " bytes, expected " + std::to_string(elements * bytes_of(entry.type)) +
                      " for " + shown(json["dtype"]) + " " + shown(shape));
  }
  return entry;
}

void check_metadata(const Json& json, const std::string& source) {
  const bool texts = json.is_object() && std::all_of(json.begin(), json.end(), [](const Json& v) {
                       return v.is_string();
                     });
  if (!texts) {
    refuse(source, "__metadata__ is " + shown(json) + ", expected an object of strings");
  }
}

// Entries by offset, covering the data without gap, overlap or rest.
std::vector<Entry> parse_entries(const Json& header,
                                 uint64_t data_bytes,
                                 const std::string& source) {
  if (header.size() > kMaxTensors) {
    refuse(source,
           "the header has " + std::to_string(header.size()) + " entries, expected at most " +
               std::to_string(kMaxTensors));
  }
  std::vector<Entry> entries;
  for (const auto& [name, json] : header.items()) {
    if (name == "__metadata__") {
      check_metadata(json, source);
    } else if (name.empty() || name.size() > kMaxNameBytes) {
      refuse(source,
             "a tensor's name has " + std::to_string(name.size()) + " bytes, expected 1 to " +
                 std::to_string(kMaxNameBytes));
    } else {
      entries.push_back(parse_entry(name, json, data_bytes, source));
    }
  }
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return a.begin != b.begin ? a.begin < b.begin : a.end < b.end;
  });
  uint64_t expected = 0;
  for (const Entry& entry : entries) {
    if (entry.begin != expected) {
      refuse_tensor(source,
                    entry.name,
                    "begins at data offset " + std::to_string(entry.begin) + ", expected " +
                        std::to_string(expected) +
                        (entry.begin < expected ? " (overlaps the one before)"
                                                : " (bytes that belong to no tensor)"));
    }
    expected = entry.end;
  }
  if (expected != data_bytes) {
    refuse(source, std::to_string(data_bytes - expected) + " surplus bytes after the last tensor");
  }
  return entries;
}

CheckpointTensor read_tensor(std::istream& stream, const Entry& entry, const std::string& source) {
  CheckpointTensor tensor;
  tensor.shape = entry.shape;
  const uint64_t size = bytes_of(entry.type);
  const uint64_t count = (entry.end - entry.begin) / size;
  tensor.values.resize(count);
  constexpr uint64_t kChunk = 1 << 16;
  std::vector<char> buffer(kChunk * size);
  for (uint64_t done = 0; done < count;) {
    const uint64_t now = std::min(kChunk, count - done);
    stream.read(buffer.data(), static_cast<std::streamsize>(now * size));
    if (!stream) {
      refuse_tensor(source, entry.name, "cannot be read");
    }
    for (uint64_t i = 0; i < now; ++i) {
      const float value = element(entry.type, buffer.data() + i * size);
      if (!std::isfinite(value)) {
        refuse_tensor(
            source, entry.name, "element " + std::to_string(done + i) + " is not a finite float");
      }
      tensor.values[done + i] = value;
    }
    done += now;
  }
  return tensor;
}

}  // namespace

Checkpoint read_safetensors(std::istream& stream, uint64_t file_bytes, const std::string& source) {
  char length_bytes[kLengthBytes];
  if (file_bytes < kLengthBytes || !stream.read(length_bytes, sizeof length_bytes)) {
    refuse(source,
           "has " + std::to_string(file_bytes) +
               " bytes, expected a .safetensors file (at least 8 bytes)");
  }
  const auto header_bytes = load_little<uint64_t>(length_bytes);
  const uint64_t most = std::min(file_bytes - kLengthBytes, kMaxHeaderBytes);
  if (header_bytes > most) {
    refuse(source,
           "not a .safetensors file, or truncated: the header's length at offset 0 is " +
               std::to_string(header_bytes) + ", expected at most " + std::to_string(most));
  }
  std::string text(header_bytes, '\0');
  if (!stream.read(text.data(), static_cast<std::streamsize>(text.size()))) {
    refuse(source, "the header cannot be read");
  }
  const Json header = parse_header(text, source);
  const uint64_t data_bytes = file_bytes - kLengthBytes - header_bytes;
  Checkpoint checkpoint;
  for (const Entry& entry : parse_entries(header, data_bytes, source)) {
    checkpoint[entry.name] = read_tensor(stream, entry, source);
  }
  return checkpoint;
}

Checkpoint read_safetensors(const std::string& path) {
  std::error_code failed;
  const uint64_t size = std::filesystem::file_size(path, failed);
  if (failed) {
    refuse(path, "cannot be read: " + failed.message());
  }
  errno = 0;
  std::ifstream stream(path, std::ios::binary);
  if (!stream) {
    refuse(path, std::string("cannot be read: ") + std::strerror(errno));
  }
  return read_safetensors(stream, size, path);
}

}  // namespace ligero
