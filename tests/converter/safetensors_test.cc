// SPDX-License-Identifier: Apache-2.0
// The checkpoint reader on sound and hostile files. Not: what tensors mean.
#include "converter/import/safetensors.h"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <sstream>

namespace ligero {
namespace {

std::string file_of(const std::string& header, const std::string& data) {
  const uint64_t size = header.size();
  std::string file(sizeof size, '\0');
  std::memcpy(file.data(), &size, sizeof size);
  return file + header + data;
}

Checkpoint read(const std::string& file) {
  std::istringstream stream(file);
  return read_safetensors(stream, file.size(), "x.safetensors");
}

std::string refusal(const std::string& file) {
  try {
    read(file);
  } catch (const ImportError& e) {
    return e.what();
  }
  return "";
}

template <typename T>
std::string bytes(std::initializer_list<T> values) {
  std::string out;
  for (T v : values) {
    out.append(reinterpret_cast<const char*>(&v), sizeof v);
  }
  return out;
}

// One tensor "w" of four bytes.
std::string entry(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return R"({"w":{"dtype":)" + dtype + R"(,"shape":)" + shape + R"(,"data_offsets":)" + offsets +
         "}}";
}

void check_refused(const std::string& file, const std::string& part) {
  const std::string message = refusal(file);
  CAPTURE(message);
  CHECK(message.find(part) != std::string::npos);
  CHECK(message.starts_with("x.safetensors: "));
}

TEST_CASE("safetensors: every element type becomes float, in order of offset") {
  const std::string data = bytes<float>({1.5f, -2.0f}) + bytes<uint16_t>({0x3c00, 0xc001, 0x0001}) +
                           bytes<uint16_t>({0x3fc0}) + bytes<double>({0.25}) + bytes<int64_t>({-7});
  const Checkpoint got =
      read(file_of(R"({"__metadata__":{"licence":"x"},)"
                   R"("i":{"dtype":"I64","shape":[],"data_offsets":[24,32]},)"
                   R"("f":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},)"
                   R"("h":{"dtype":"F16","shape":[3],"data_offsets":[8,14]},)"
                   R"("b":{"dtype":"BF16","shape":[1],"data_offsets":[14,16]},)"
                   R"("d":{"dtype":"F64","shape":[1],"data_offsets":[16,24]}}  )",
                   data));
  REQUIRE(got.size() == 5);
  CHECK(got.at("f").shape == std::vector<int64_t>{2, 1});
  CHECK(got.at("f").values == std::vector<float>{1.5f, -2.0f});
  CHECK(got.at("h").values == std::vector<float>{1.0f, -2.001953125f, std::ldexp(1.0f, -24)});
  CHECK(got.at("b").values == std::vector<float>{1.5f});
  CHECK(got.at("d").values == std::vector<float>{0.25f});
  CHECK(got.at("i").values == std::vector<float>{-7.0f});
  CHECK(got.at("i").shape.empty());
}

TEST_CASE("safetensors: a file that is cut at any byte is refused") {
  const std::string file = file_of(entry(R"("F32")", "[2]", "[0,8]"), bytes<float>({1.0f, 2.0f}));
  REQUIRE(read(file).at("w").values.size() == 2);
  for (size_t n = 0; n < file.size(); ++n) {
    CAPTURE(n);
    CHECK(!refusal(file.substr(0, n)).empty());
  }
}

TEST_CASE("safetensors: a header length beyond the file is refused before anything is allocated") {
  for (uint64_t length : {uint64_t{9}, uint64_t{1} << 40, UINT64_MAX}) {
    check_refused(std::string(reinterpret_cast<const char*>(&length), 8) + "{}", "header's length");
  }
}

TEST_CASE("safetensors: headers that are not what they should be are refused") {
  check_refused(file_of("", ""), "not JSON");
  check_refused(file_of("{\"w\":", ""), "not JSON");
  check_refused(file_of("[]", ""), "expected a JSON object");
  check_refused(file_of(std::string(50000, '['), ""), "not JSON");
  check_refused(file_of("{\"\xff\":1}", ""), "not JSON");
  check_refused(file_of(R"({"w":[]})", ""), "tensor w");
  check_refused(file_of(R"({"w":{"dtype":"F32","shape":[]}})", ""), "data_offsets");
  check_refused(file_of(R"({"__metadata__":{"a":1}})", ""), "__metadata__");
  check_refused(file_of(R"({"":{}})", ""), "name");
}

TEST_CASE("safetensors: entries with nonsense in them are refused by the tensor's name") {
  const std::string four(4, '\0');
  for (const char* dtype : {"\"F8\"", "\"f32\"", "4", "null"}) {
    check_refused(file_of(entry(dtype, "[1]", "[0,4]"), four), "tensor w: dtype");
  }
  for (const char* shape :
       {"[-1]", "1", "[1.0]", "[\"1\"]", "[1,1,1,1,1,1,1,1,1]", "[18446744073709551615]"}) {
    check_refused(file_of(entry("\"F32\"", shape, "[0,4]"), four), "tensor w: shape");
  }
  check_refused(file_of(entry("\"F32\"", "[4294967296,4294967296]", "[0,4]"), four),
                "more elements");
  for (const char* offsets : {"[0]", "[0,4,8]", "4", "[-4,0]", "[0,\"4\"]", "[4,0]", "[0,8]"}) {
    check_refused(file_of(entry("\"F32\"", "[1]", offsets), four), "tensor w: data_offsets");
  }
  check_refused(file_of(entry("\"F32\"", "[2]", "[0,4]"), four), "expected 8");
}

TEST_CASE("safetensors: gaps, overlaps, surplus bytes and doubled names are refused") {
  const auto two = [](const char* second) {
    return std::string(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":)") +
           R"({"dtype":"F32","shape":[1],"data_offsets":)" + second + "}}";
  };
  const std::string twelve(12, '\0');
  CHECK(read(file_of(two("[4,8]"), twelve.substr(0, 8))).size() == 2);
  check_refused(file_of(two("[8,12]"), twelve), "tensor b: begins at data offset 8, expected 4");
  check_refused(file_of(two("[0,4]"), twelve.substr(0, 4)), "overlaps");
  check_refused(file_of(two("[4,8]"), twelve), "4 surplus bytes");
  const std::string one = R"("a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]})";
  check_refused(file_of("{" + one + "," + one + "}", twelve.substr(0, 4)),
                "tensor a: occurs twice");
}

TEST_CASE("safetensors: values that are not finite are refused with their index") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  check_refused(file_of(entry("\"F32\"", "[2]", "[0,8]"), bytes<float>({1.0f, nan})),
                "tensor w: element 1");
  check_refused(file_of(entry("\"F16\"", "[2]", "[0,4]"), bytes<uint16_t>({0x7c00, 0})),
                "tensor w: element 0");
  check_refused(file_of(entry("\"F64\"", "[1]", "[0,8]"), bytes<double>({1e300})),
                "tensor w: element 0");
}

TEST_CASE("safetensors: a file that is not there is refused with the reason") {
  CHECK_THROWS_WITH_AS(
      read_safetensors("/nowhere/x.safetensors"), doctest::Contains("No such file"), ImportError);
}

}  // namespace
}  // namespace ligero
