// SPDX-License-Identifier: Apache-2.0
// What the format is made of: checksum, half precision, packing, the writer, files on disk.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <stdexcept>
#include <thread>

#include "model/format/file_header.h"
#include "model/format/half.h"
#include "model/format/whole_file.h"
#include "model/format/writer.h"
#include "tests/model/toy_model.h"

namespace ligero {
namespace {

namespace fs = std::filesystem;

std::span<const std::byte> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

/// A folder that ends with the test.
struct Folder {
  Folder() {
    std::string name = (fs::temp_directory_path() / "ligero-test-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~Folder() {
    fs::permissions(path, fs::perms::owner_all);
    fs::remove_all(path);
  }
  std::string operator/(const char* name) const {
    return (path / name).string();
  }
  size_t entries() const {
    return static_cast<size_t>(std::distance(fs::directory_iterator(path), {}));
  }
  fs::path path;
};

std::string contents(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST_CASE("hash_bytes: the published values of XXH64") {
  CHECK(hash_bytes({}) == 0xEF46DB3751D8E999u);
  CHECK(hash_bytes(bytes_of("a")) == 0xD24EC4F1A98C6E5Bu);
  CHECK(hash_bytes(bytes_of("abc")) == 0x44BC2CF5AD770999u);
  CHECK(hash_bytes(bytes_of("The quick brown fox jumps over the lazy dog")) == 0x0B242D361FDA71BCu);
}

TEST_CASE("hash_with_hole: as if the hole were zero, for every length") {
  testing::Random random(1);
  for (size_t size = 16; size < 300; ++size) {
    std::vector<std::byte> data(size);
    for (std::byte& b : data) {
      b = static_cast<std::byte>(random.integer(0, 255));
    }
    std::vector<std::byte> zeroed = data;
    std::fill(zeroed.begin() + 8, zeroed.begin() + 16, std::byte{0});
    CHECK(hash_with_hole(data, 8) == hash_bytes(zeroed));
  }
}

TEST_CASE("half: every half comes back, every float goes to the nearest, ties to even") {
  for (uint32_t h = 0; h < 0x10000u; ++h) {
    const uint16_t half = static_cast<uint16_t>(h);
    const float value = float_from_half(half);
    if ((h & 0x7C00u) == 0x7C00u && (h & 0x3FFu) != 0) {
      CHECK(std::isnan(value));
      CHECK(std::isnan(float_from_half(half_from_float(value))));
      continue;
    }
    CHECK(half_from_float(value) == half);
    if ((h & 0x7FFFu) >= 0x7BFFu) {
      continue;  // the largest, and infinity
    }
    // Between this half and the next away from zero.
    const uint16_t next = static_cast<uint16_t>(half + 1);
    const float middle = (value + float_from_half(next)) / 2;  // exact in float
    const float away = std::copysign(std::numeric_limits<float>::infinity(), value);
    CHECK(half_from_float(middle) == ((half & 1u) == 0 ? half : next));
    CHECK(half_from_float(std::nextafter(middle, 0.0f)) == half);
    CHECK(half_from_float(std::nextafter(middle, away)) == next);
  }
  CHECK(half_from_float(65519.996f) == 0x7BFF);
  CHECK(half_from_float(65520.0f) == 0x7C00);
  CHECK(half_from_float(1e30f) == 0x7C00);
  CHECK(half_from_float(-std::numeric_limits<float>::infinity()) == 0xFC00);
  CHECK(half_from_float(1e-30f) == 0);
}

const Tensor& weight(const Model& model, const char* name) {
  const Graph* g = model.graph("extract");
  return g->tensors[static_cast<size_t>(find_tensor(*g, name))];
}

const TensorDraft& drafted(const ModelDraft& model, const char* name) {
  for (const TensorDraft& t : model.graphs[1].tensors) {
    if (t.name == name) {
      return t;
    }
  }
  throw std::logic_error(name);
}

TEST_CASE("writer: weights lie in panels of 16 outputs, the last filled up with zeros") {
  const ModelDraft draft = toy_model::model();
  const auto file = toy_model::image(draft);
  auto model = file.open();
  REQUIRE(model.ok());
  for (const char* name : {"half", "single"}) {
    const Tensor& t = weight(model.value(), name);
    const TensorDraft& from = drafted(draft, name);
    const int inner = t.dim[0], outputs = t.dim[1];
    for (int p = 0; p * 16 < outputs; ++p) {
      for (int i = 0; i < inner; ++i) {
        for (int o = p * 16; o < p * 16 + 16; ++o) {
          const size_t at = static_cast<size_t>((p * inner + i) * 16 + o % 16);
          const float natural =
              o < outputs ? from.values[static_cast<size_t>(i * outputs + o)] : 0.0f;
          if (t.type == Type::kF16) {
            CHECK(static_cast<const uint16_t*>(t.data)[at] == half_from_float(natural));
          } else {
            CHECK(t.f32()[at] == natural);
          }
        }
      }
    }
  }
  const Tensor& plain = weight(model.value(), "half_vector");
  CHECK(static_cast<const uint16_t*>(plain.data)[2] ==
        half_from_float(drafted(draft, "half_vector").values[2]));
}

TEST_CASE("writer: 8-bit weights lie in groups of 4 inner rows, within half a scale") {
  const ModelDraft draft = toy_model::model();
  const auto file = toy_model::image(draft);
  auto model = file.open();
  REQUIRE(model.ok());
  const Tensor& t = weight(model.value(), "bytes");
  const TensorDraft& from = drafted(draft, "bytes");
  const int inner = t.dim[0], outputs = t.dim[1], groups = (inner + 3) / 4;
  for (int o = 0; o < 32; ++o) {
    int largest = 0;
    for (int i = 0; i < groups * 4; ++i) {
      const int at = (((o / 16) * groups + i / 4) * 16 + o % 16) * 4 + i % 4;
      const int q = static_cast<const int8_t*>(t.data)[at];
      largest = std::max(largest, std::abs(q));
      if (o >= outputs || i >= inner) {
        CHECK(q == 0);
        continue;
      }
      const float natural = from.values[static_cast<size_t>(i * outputs + o)];
      CHECK(std::fabs(static_cast<float>(q) * t.scale[o] - natural) <= 0.5001f * t.scale[o]);
    }
    CHECK(largest == (o < outputs ? 127 : 0));
  }
}

TEST_CASE("writer: refuses a draft that contradicts itself, and says where") {
  const auto refusal = [](auto&& change) -> std::string {
    ModelDraft draft = toy_model::model();
    change(draft);
    try {
      (void)write_model(draft, toy_model::table());
    } catch (const std::invalid_argument& e) {
      return e.what();
    }
    return "";
  };
  const auto says = [](const std::string& text, const char* part) {
    INFO(text);
    CHECK(text.find(part) != std::string::npos);
  };
  says(refusal([](ModelDraft& m) { m.graphs[0].tensors[1].values.pop_back(); }),
       "graph \"enroll\", tensor 1 \"scaled.weight\": has 159 values");
  says(refusal([](ModelDraft& m) { m.graphs[0].tensors[1].values[3] = NAN; }), "not finite");
  says(refusal([](ModelDraft& m) { m.graphs[1].tensors[2].values[3] = 7e4f; }), "half precision");
  says(refusal([](ModelDraft& m) { m.graphs[1].tensors[2].dims = {140}; }), "not a matrix");
  says(refusal([](ModelDraft& m) { m.graphs[0].tensors[0].dims[1] = 0; }), "a dimension is 0");
  says(refusal([](ModelDraft& m) { m.graphs[0].tensors[0].values = {1}; }), "is not a weight");
  says(refusal([](ModelDraft& m) { m.graphs[0].tensors[0].dims = {160}; }), "[bins, channels]");
  says(refusal([](ModelDraft& m) { m.graphs[0].tensors[2].name = "hops"; }), "is taken");
  says(refusal([](ModelDraft& m) { m.graphs[0].tensors[2].name = "../x"; }), "characters");
  says(refusal([](ModelDraft& m) { m.graphs[1].name = "enroll"; }), "is taken");
  says(refusal([](ModelDraft& m) { m.graphs[0].nodes[1].name = "scaled"; }), "is taken");
  says(refusal([](ModelDraft& m) { m.graphs[0].nodes[0].op = "sclae"; }), "no op \"sclae\"");
  says(refusal([](ModelDraft& m) { m.graphs[0].nodes[0].inputs[0] = 99; }), "does not exist");
  says(refusal([](ModelDraft& m) { m.graphs[0].nodes[0].outputs[0] = 1; }), "made twice");
  says(refusal([](ModelDraft& m) { m.graphs[0].nodes[0].floats["factor"] = {INFINITY}; }),
       "\"factor\" is not finite");
  says(refusal([](ModelDraft& m) { m.graphs[0].nodes[0].ints["factor"] = {1}; }), "there twice");
  says(refusal([](ModelDraft& m) { std::swap(m.graphs[0].nodes[0], m.graphs[0].nodes[1]); }),
       "read before it is produced");
  says(refusal([](ModelDraft& m) { m.graphs[0].outputs = {}; }), "no outputs");
  says(refusal([](ModelDraft& m) { m.family[0] = 'G'; }), "family");
  says(refusal([](ModelDraft& m) { m.graphs.clear(); }), "no graph");
}

TEST_CASE("write_file_atomic: the whole file, with nothing beside it") {
  const Folder folder;
  const std::string path = folder / "a.bin";
  REQUIRE(write_file_atomic(path.c_str(), bytes_of("first")).ok());
  CHECK(contents(path) == "first");
  REQUIRE(::chmod(path.c_str(), 0640) == 0);
  REQUIRE(write_file_atomic(path.c_str(), bytes_of("second")).ok());
  CHECK(contents(path) == "second");
  struct stat info {};
  REQUIRE(::stat(path.c_str(), &info) == 0);
  CHECK((info.st_mode & 07777) == 0640);
  const std::string link = folder / "link";
  fs::create_symlink("a.bin", link);
  REQUIRE(write_file_atomic(link.c_str(), bytes_of("third")).ok());
  CHECK(fs::is_symlink(link));
  CHECK(contents(path) == "third");
  CHECK(folder.entries() == 2);
  CHECK(write_file_atomic("/dev/null", bytes_of("gone")).ok());
}

TEST_CASE("write_file_atomic: an unwritable path is refused and leaves nothing") {
  const Folder folder;
  const auto refused = [](const std::string& path, int64_t reason) {
    const Status status = write_file_atomic(path.c_str(), bytes_of("x"));
    CHECK(status.code == Code::kBadArgument);
    CHECK(status.where == reason);
  };
  refused(folder / "no/such/folder.bin", ENOENT);
  refused(folder.path.string(), EISDIR);
  refused(folder / std::string(300, 'n').c_str(), ENAMETOOLONG);
  refused(folder / std::string(5000, 'n').c_str(), ENAMETOOLONG);
  refused("", ENOENT);
  if (fs::exists("/dev/full")) {
    refused("/dev/full", ENOSPC);
  }
  CHECK(folder.entries() == 0);
  if (::geteuid() != 0) {
    fs::permissions(folder.path, fs::perms::owner_read | fs::perms::owner_exec);
    refused(folder / "a.bin", EACCES);
  }
}

TEST_CASE("WholeFile: says why a file cannot be read") {
  const Folder folder;
  CHECK(std::string_view(WholeFile::open((folder / "none").c_str()).status().message) ==
        "no such file");
  CHECK(std::string_view(WholeFile::open(folder.path.c_str()).status().message) ==
        "not a regular file");
  const std::string path = folder / "file";
  std::ofstream(path).close();
  CHECK(std::string_view(WholeFile::open(path.c_str()).status().message) == "the file is empty");
  const std::string pipe = folder / "pipe";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  CHECK(WholeFile::open(pipe.c_str()).status().code == Code::kBadArgument);
  std::ofstream(path) << "hello";
  auto opened = WholeFile::open(path.c_str());
  REQUIRE(opened.ok());
  const WholeFile file = std::move(opened.value());
  CHECK(file.bytes().size() == 5);
  CHECK(file.bytes()[4] == std::byte{'o'});
  CHECK(reinterpret_cast<uintptr_t>(file.bytes().data()) % kAlignment == 0);
  CHECK(opened.value().bytes().empty());
  // Whatever is written to it afterwards, what has been read stays.
  std::ofstream(path) << "J";
  CHECK(file.bytes()[4] == std::byte{'o'});
}

TEST_CASE("WholeFile: a file that is written to while it is read is refused") {
  const Folder folder;
  const std::string path = folder / "busy";
  std::ofstream(path) << "begin";
  fs::resize_file(path, size_t{16} << 20);
  std::atomic<bool> done{false};
  std::thread writer([&] {
    std::fstream file(path, std::ios::in | std::ios::out);
    while (!done) {
      file.seekp(0);
      file.put('b').flush();
    }
  });
  constexpr int kMostTries =
      1000;  // the clock of a file's changes may stand still while it is read
  bool refused = false;
  for (int i = 0; i < kMostTries && !refused; ++i) {
    const Status status = WholeFile::open(path.c_str()).status();
    refused = std::string_view(status.message).find("was written to while it was read") !=
              std::string_view::npos;
  }
  done = true;
  writer.join();
  CHECK(refused);
}

TEST_CASE("WholeFile: beyond what is copied a file is mapped, with every byte at its place") {
  const Folder folder;
  const std::string path = folder / "large";
  constexpr size_t kSize = WholeFile::kReadBytes + 5000;
  std::ofstream(path) << "begin";
  fs::resize_file(path, kSize - 3);
  std::ofstream(path, std::ios::app) << "end";
  const auto opened = WholeFile::open(path.c_str());
  REQUIRE(opened.ok());
  const std::span<const std::byte> bytes = opened.value().bytes();
  REQUIRE(bytes.size() == kSize);
  CHECK(bytes[0] == std::byte{'b'});
  CHECK(bytes[WholeFile::kReadBytes] == std::byte{0});
  CHECK(bytes[kSize - 1] == std::byte{'d'});
}

}  // namespace
}  // namespace ligero
