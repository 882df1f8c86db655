// SPDX-License-Identifier: Apache-2.0
// The reader of PyTorch's checkpoints: layouts, views, types, and files that mean harm.
#include "converter/import/pytorch.h"

#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include "converter/import/import.h"
#include "tests/converter/archive.h"
#include "tests/converter/refusals.h"

namespace ligero::testing {
namespace {

using pickle::dict;
using pickle::kProto;
using pickle::tensor;

const std::string kSix = storage_of<float>({0, 1, 2, 3, 4, 5});

std::string archive(const std::string& root, std::vector<RawEntry> storages = {}) {
  storages.insert(storages.begin(), stored_entry("m/data.pkl", kProto + root + "."));
  storages.push_back(stored_entry("m/byteorder", "little"));
  return zip_of(storages);
}

std::string with_six(const std::string& root) {
  return archive(root, {stored_entry("m/data/0", kSix)});
}

Checkpoint read(const std::string& file) {
  return read_pytorch(bytes_of_text(file), "x.pt");
}

std::string refusal(const std::string& file) {
  return refusal_by([&] { read(file); });
}

using Values = std::vector<float>;

}  // namespace

TEST_CASE("pytorch: views of one storage, whole, strided, transposed, shifted, empty, a scalar") {
  const Checkpoint c = read(with_six(dict({{"whole", tensor("0", 6, {2, 3}, {3, 1})},
                                           {"transposed", tensor("0", 6, {3, 2}, {1, 3})},
                                           {"every_other", tensor("0", 6, {3}, {2})},
                                           {"shifted", tensor("0", 6, {2}, {1}, 4)},
                                           {"repeated", tensor("0", 6, {2, 2}, {0, 1})},
                                           {"empty", tensor("0", 6, {0, 9}, {9, 1})},
                                           {"scalar", tensor("0", 6, {}, {}, 5)}})));
  CHECK(c.at("whole").values == Values{0, 1, 2, 3, 4, 5});
  CHECK(c.at("whole").shape == std::vector<int64_t>{2, 3});
  CHECK(c.at("transposed").values == Values{0, 3, 1, 4, 2, 5});
  CHECK(c.at("every_other").values == Values{0, 2, 4});
  CHECK(c.at("shifted").values == Values{4, 5});
  CHECK(c.at("repeated").values == Values{0, 1, 0, 1});
  CHECK(c.at("empty").values.empty());
  CHECK(c.at("scalar").values == Values{5});
  CHECK(c.at("scalar").shape.empty());
}

TEST_CASE("pytorch: every type of element, stored and deflated") {
  const std::string root = dict({{"h", tensor("h", 2, {2}, {1}, 0, "HalfStorage")},
                                 {"b", tensor("b", 2, {2}, {1}, 0, "BFloat16Storage")},
                                 {"d", tensor("d", 2, {2}, {1}, 0, "DoubleStorage")},
                                 {"d2", tensor("d", 2, {1}, {1}, 1, "DoubleStorage")},
                                 {"l", tensor("l", 2, {2}, {1}, 0, "LongStorage")}});
  const Checkpoint c =
      read(archive(root,
                   {stored_entry("m/data/h", storage_of<uint16_t>({0x3e00, 0xc000})),
                    deflated_entry("m/data/b", storage_of<uint16_t>({0x3fc0, 0xc000})),
                    deflated_entry("m/data/d", storage_of<double>({1.5, -2.0})),
                    stored_entry("m/data/l", storage_of<int64_t>({3, -4}))}));
  for (const char* name : {"h", "b", "d"}) {
    CAPTURE(name);
    CHECK(c.at(name).values == Values{1.5f, -2.0f});
  }
  CHECK(c.at("d2").values == Values{-2.0f});
  CHECK(c.at("l").values == Values{3.0f, -4.0f});
}

TEST_CASE("pytorch: where the state dict lies, and what comes first") {
  const std::string one = dict({{"w", tensor("0", 6, {1}, {1}, 1)}, {"epoch", "K\x03"}});
  const std::string two = dict({{"w", tensor("0", 6, {1}, {1}, 2)}});
  const auto w = [](const std::string& root) { return read(with_six(root)).at("w").values; };
  CHECK(w(one) == Values{1});
  CHECK(w(dict({{"model", one}, {"step", "K\x01"}})) == Values{1});
  CHECK(w(dict({{"state_dict", one}})) == Values{1});
  CHECK(w(dict({{"average", two}, {"model", one}})) == Values{2});
  CHECK(w(dict({{"average", "N"}, {"model", one}})) == Values{1});
  CHECK(w(dict({{"model", dict({{"state_dict", two}})}, {"w", "N"}})) == Values{2});
  CHECK(w(dict({{"state_dict", two}, {"w", tensor("0", 6, {1}, {1}, 1)}})) == Values{2});
  CHECK(w(dict({{"weights", one}, {"epoch", "K\x01"}})) == Values{1});
  CHECK(w(dict({{"model_state_dict", two}, {"loss", tensor("0", 6, {1}, {1}, 1)}})) == Values{2});
  const std::string three =
      dict({{"w", tensor("0", 6, {1}, {1}, 3)}, {"v", tensor("0", 6, {1}, {1})}});
  CHECK(w(dict({{"net", three}, {"w", tensor("0", 6, {1}, {1}, 1)}, {"d", two}})) == Values{3});
  CHECK(has(refusal(with_six(dict({{"weights", "K\x02"}, {"epoch", "K\x01"}}))),
            "found at the top: epoch weights"));
  CHECK(has(refusal(with_six("N")), "found at the top: none"));
}

TEST_CASE("pytorch: dicts that hold themselves and each other are searched once") {
  // d = {"a": d, "w": tensor}, remembered as 1; and a thousand names of it.
  std::string root =
      "}q\x01(" + pickle::text("a") + "h\x01" + pickle::text("w") + tensor("0", 6, {1}, {1}, 4);
  for (int i = 0; i < 1000; ++i) {
    root += pickle::text(std::to_string(i)) + "h\x01";
  }
  CHECK(read(with_six(root + "u")).at("w").values == Values{4});
}

TEST_CASE("pytorch: integers and bools are tensors as well") {
  const Checkpoint c = read(archive(dict({{"i", tensor("i", 2, {2}, {1}, 0, "IntStorage")},
                                          {"s", tensor("s", 2, {2}, {1}, 0, "ShortStorage")},
                                          {"c", tensor("c", 2, {2}, {1}, 0, "CharStorage")},
                                          {"b", tensor("b", 2, {2}, {1}, 0, "ByteStorage")},
                                          {"t", tensor("t", 2, {2}, {1}, 0, "BoolStorage")}}),
                                    {stored_entry("m/data/i", storage_of<int32_t>({-5, 70000})),
                                     stored_entry("m/data/s", storage_of<int16_t>({-5, 700})),
                                     stored_entry("m/data/c", storage_of<int8_t>({-5, 7})),
                                     stored_entry("m/data/b", storage_of<uint8_t>({5, 250})),
                                     stored_entry("m/data/t", storage_of<uint8_t>({0, 1}))}));
  CHECK(c.at("i").values == Values{-5, 70000});
  CHECK(c.at("s").values == Values{-5, 700});
  CHECK(c.at("c").values == Values{-5, 7});
  CHECK(c.at("b").values == Values{5, 250});
  CHECK(c.at("t").values == Values{0, 1});
}

TEST_CASE("pytorch: views that leave their storage or repeat it absurdly are refused by name") {
  const auto one = [](const std::string& t) { return refusal(with_six(dict({{"w", t}}))); };
  constexpr int32_t kHuge = INT32_MAX;
  CHECK(has(one(tensor("0", 6, {7}, {1})), "tensor w: reaches past the 6 elements"));
  CHECK(has(one(tensor("0", 6, {2}, {6})), "reaches past the 6"));
  CHECK(has(one(tensor("0", 6, {2, 2}, {4, 2})), "reaches past the 6"));
  CHECK(has(one(tensor("0", 6, {1}, {1}, 6)), "reaches past the 6"));
  CHECK(has(one(tensor("0", 6, {1}, {1}, kHuge)), "reaches past the 6"));
  CHECK(has(one(tensor("0", 6, {2, 2, 2}, {kHuge, kHuge, kHuge})), "reaches past the 6"));
  CHECK(has(one(tensor("0", 6, {kHuge, kHuge, kHuge, kHuge}, {0, 0, 0, 0})), "more elements than"));
  CHECK(has(one(tensor("0", 6, {100000}, {0})), "more elements than"));
  CHECK(has(one(tensor("0", 6, std::vector<int32_t>(9, 1), std::vector<int32_t>(9, 1))),
            "more than 8 axes"));
  CHECK(has(one(tensor("0", 7, {1}, {1})), "has 24 bytes, expected 28"));
  CHECK(has(one(tensor("9", 6, {1}, {1})), "the archive has no m/data/9"));
  CHECK(has(one(tensor("../0", 6, {1}, {1})), "the archive has no m/data/../0"));
  std::vector<std::pair<std::string, std::string>> views;
  for (size_t i = 0; i < 2000; ++i) {
    views.emplace_back(std::to_string(i), tensor("0", 100000, {100000}, {1}));
  }
  CHECK(has(refusal(archive(dict(views), {stored_entry("m/data/0", std::string(400000, '\0'))})),
            "more elements than"));
}

TEST_CASE("pytorch: values that are not finite are refused by place") {
  const std::string root = dict({{"w", tensor("0", 3, {3}, {1})}});
  for (const float bad : {NAN, INFINITY, -INFINITY}) {
    const auto storage = stored_entry("m/data/0", storage_of<float>({0, 1, bad}));
    CHECK(has(refusal(archive(root, {storage})), "tensor w: element 2 is not a finite float"));
  }
}

TEST_CASE("pytorch: archives that are something else are refused") {
  const std::string good = kProto + dict({{"w", tensor("0", 6, {6}, {1})}}) + ".";
  const RawEntry data = stored_entry("m/data/0", kSix);
  CHECK(has(refusal(zip_of({stored_entry("a.txt", "x")})), "without a data.pkl"));
  CHECK(has(
      refusal(zip_of({stored_entry("m/data.pkl", good), stored_entry("n/data.pkl", good), data})),
      "has both m/data.pkl and n/data.pkl"));
  CHECK(has(refusal(zip_of(
                {stored_entry("m/data.pkl", good), stored_entry("m/constants.pkl", ""), data})),
            "TorchScript archive"));
  CHECK(has(
      refusal(zip_of({stored_entry("m/data.pkl", good), stored_entry("m/byteorder", "big"), data})),
      "says big, expected little"));
  CHECK(has(refusal(with_six(pickle::global("posix", "system") + pickle::text("x") + "\x85R")),
            "x.pt: m/data.pkl, byte 2: global posix.system"));
}

TEST_CASE("pytorch: no flipped byte does harm") {
  const std::string file = with_six(dict({{"w", tensor("0", 6, {2, 3}, {3, 1})}}));
  REQUIRE(refusal(file) == "");
  for (size_t at = 0; at < file.size(); ++at) {
    for (const int flip : {1, 4, 0x40, 0x80, 0xff}) {
      std::string damaged = file;
      damaged[at] = static_cast<char>(damaged[at] ^ flip);
      (void)refusal(damaged);
    }
  }
}

TEST_CASE("read_checkpoint: the content tells the format, not the name") {
  const std::string path =
      (std::filesystem::temp_directory_path() / "ligero-converter-test.safetensors").string();
  const auto read_back = [&](const std::string& content) {
    std::ofstream(path, std::ios::binary) << content;
    std::string message;
    try {
      message = std::to_string(read_checkpoint(path).size()) + " tensors";
    } catch (const ImportError& error) {
      message = error.what();
    }
    std::filesystem::remove(path);
    return message;
  };
  CHECK(read_back(with_six(dict({{"w", tensor("0", 6, {6}, {1})}}))) == "1 tensors");
  CHECK(read_back(little<uint64_t>(2) + "{}") == "0 tensors");
  CHECK(has(read_back("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.rest"),
            "PyTorch before 1.6"));
  CHECK(has(read_back("nonsense\1nonsense"), "not a .safetensors file"));
}

TEST_CASE("read_checkpoint: files of other programs are named for what they are") {
  const std::string path =
      (std::filesystem::temp_directory_path() / "ligero-converter-foreign.pt").string();
  const auto said = [&](const std::string& content) {
    std::ofstream(path, std::ios::binary) << content;
    const std::string message = refusal_by([&] { read_checkpoint(path); });
    std::filesystem::remove(path);
    return message;
  };
  const std::string rest(600, '\1');
  CHECK(has(said("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 83316686\n"),
            "a Git LFS pointer"));
  CHECK(has(said(std::string("\x08\x08\x12\x07pytorch\x1a\x05") + rest), "an ONNX model"));
  CHECK(has(said(std::string("\x08\x0a\x3a\xff\x02") + rest), "an ONNX model"));
  CHECK(has(said("\x89HDF\r\n\x1a\n" + rest), "an HDF5 file"));
  CHECK(has(said(std::string("\x1c\0\0\0TFL3", 8) + rest), "a TensorFlow Lite model"));
  CHECK(has(said("<!DOCTYPE html><html lang=\"en\">"), "an HTML page"));
  CHECK(has(said("\n  <html><body>404"), "an HTML page"));
  CHECK(has(said("<?xml version=\"1.0\"?><Error><Code>AccessDenied"), "an XML document"));
  CHECK(has(said("{\"system\": \"lgr_tse\"}"), "JSON text"));
  CHECK(has(said("\x80\x04\x95\x10" + rest), "a bare pickle"));
  CHECK(has(said("\x1f\x8b\x08" + rest), "compressed with gzip"));
  CHECK(has(said(std::string(257, 'a') + "ustar" + rest), "a tar archive"));
  CHECK(has(said(std::string("LIGEROM\0", 8) + rest), "a model file of ligero already"));
  CHECK(has(said(""), "the file is empty"));
  CHECK(has(said("Entry not found"), "plain text"));
  CHECK(has(said(std::string("PK\x05\x06") + std::string(18, '\0')), "a zip archive"));
  CHECK(has(said(zip_of({stored_entry("arr_0.npy", "x")})), "an archive of NumPy arrays"));
  CHECK(has(said(zip_of({stored_entry("model.weights.h5", "x")})), "a Keras model"));
}

}  // namespace ligero::testing
