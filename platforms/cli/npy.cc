// SPDX-License-Identifier: Apache-2.0
// Header text and raw values. Not: what the tensors mean.
#include "platforms/cli/npy.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "platforms/cli/files.h"
#include "platforms/cli/refusal.h"
#include "runtime/base/checked.h"

namespace ligero::cli {

namespace {

constexpr char kMagic[] = "\x93NUMPY";
constexpr size_t kMagicBytes = 6;
constexpr size_t kHeaderUnit = 64;  // the format asks for values that start on such a boundary
constexpr size_t kMaxRankRead = 8;

// Length and place of the header text.
std::string header_of(const std::string& path, const std::string& bytes, size_t* values_at) {
  if (bytes.size() < 12 || std::memcmp(bytes.data(), kMagic, kMagicBytes) != 0) {
    refuse("'", path, "' is not a .npy file");
  }
  const auto byte = [&bytes](size_t i) {
    return static_cast<size_t>(static_cast<uint8_t>(bytes[i]));
  };
  const size_t version = byte(6);
  if (version != 1 && version != 2) {
    refuse("'", path, "' has .npy version ", version, "; expected 1 or 2");
  }
  const size_t text_at = version == 1 ? 10 : 12;
  size_t length = byte(8) | byte(9) << 8;
  if (version == 2) {
    length |= byte(10) << 16 | byte(11) << 24;
  }
  if (length > bytes.size() - text_at) {
    refuse("'", path, "' is truncated inside its header");
  }
  *values_at = text_at + length;
  return bytes.substr(text_at, length);
}

// The text of the value behind 'key':, or empty.
std::string value_of(const std::string& header, const std::string& key) {
  const size_t at = header.find("'" + key + "':");
  if (at == std::string::npos) {
    return "";
  }
  const size_t from = header.find_first_not_of(' ', at + key.size() + 3);
  return from == std::string::npos ? "" : header.substr(from);
}

std::vector<int64_t> parse_shape(const std::string& path, const std::string& header) {
  const std::string value = value_of(header, "shape");
  std::vector<int64_t> shape;
  const char* at = value.c_str();
  bool good = *at == '(';
  at += good ? 1 : 0;
  while (good && *at != ')') {
    char* end = nullptr;
    errno = 0;
    const long long dimension = std::strtoll(at, &end, 10);
    good = end != at && errno == 0 && dimension >= 0 && shape.size() < kMaxRankRead;
    shape.push_back(dimension);
    at = end;
    while (*at == ',' || *at == ' ') {
      ++at;
    }
    good = good && *at != '\0';
  }
  if (!good) {
    refuse("'", path, "' has a header whose shape cannot be read: ", header);
  }
  return shape;
}

}  // namespace

std::string shape_text(std::span<const int64_t> shape) {
  std::string out = "[";
  for (size_t i = 0; i < shape.size(); ++i) {
    out += text(i == 0 ? "" : ", ", shape[i]);
  }
  return out + "]";
}

NpyArray read_npy(const std::string& path) {
  const std::string bytes = read_input(path);
  size_t values_at = 0;
  const std::string header = header_of(path, bytes, &values_at);
  if (value_of(header, "descr").rfind("'<f4'", 0) != 0) {
    refuse("'", path, "' does not hold little-endian float32: ", header, "; expected '<f4'");
  }
  if (value_of(header, "fortran_order").rfind("False", 0) != 0) {
    refuse("'", path, "' is in Fortran order; expected C order");
  }
  NpyArray array;
  array.shape = parse_shape(path, header);
  int64_t count = sizeof(float);
  bool fits = true;
  for (const int64_t dimension : array.shape) {
    fits = fits && checked_mul(count, dimension, &count);
  }
  if (!fits || static_cast<uint64_t>(count) != bytes.size() - values_at) {
    refuse("'",
           path,
           "' holds ",
           bytes.size() - values_at,
           " bytes of values; shape ",
           shape_text(array.shape),
           " expects ",
           fits ? text(count) : "more than there can be");
  }
  array.values.resize(static_cast<size_t>(count) / sizeof(float));
  std::copy_n(bytes.data() + values_at,
              static_cast<size_t>(count),  // 0 where there are no values, nor memory for them
              reinterpret_cast<char*>(array.values.data()));
  return array;
}

void write_npy(const std::string& path,
               std::span<const int64_t> shape,
               std::span<const float> values) {
  std::string dimensions;
  for (const int64_t dimension : shape) {
    dimensions += text(dimension, ", ");
  }
  std::string header =
      text("{'descr': '<f4', 'fortran_order': False, 'shape': (", dimensions, "), }");
  const size_t unpadded = kMagicBytes + 4 + header.size() + 1;
  header.append(align_up(unpadded, kHeaderUnit) - unpadded, ' ');
  header += '\n';
  std::string bytes(kMagic, kMagicBytes);
  bytes += '\x01';
  bytes += '\0';
  bytes += static_cast<char>(header.size() & 0xff);
  bytes += static_cast<char>(header.size() >> 8);
  bytes += header;
  bytes.append(reinterpret_cast<const char*>(values.data()), values.size_bytes());
  write_output(path, std::as_bytes(std::span<const char>(bytes)), Sync::kNo);
}

}  // namespace ligero::cli
