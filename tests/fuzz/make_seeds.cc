// SPDX-License-Identifier: Apache-2.0
// The first inputs of the fuzz targets, made by ligero's own writers:
//   ligero_fuzz_seeds FOLDER      writes FOLDER/<target>/<name>
// Not: the models' graphs (support/seed_models.cc), what fuzzing has found since (corpus/).
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <span>
#include <stdexcept>
#include <string>

#include "model/format/profile.h"
#include "model/format/writer.h"
#include "tests/converter/archive.h"
#include "tests/support/random.h"
#include "tests/support/seed_models.h"

namespace {

using namespace ligero;  // NOLINT: a program of one file
using testing::Random;

class Folder {
 public:
  Folder(const std::filesystem::path& path) : path_(path) {
    std::filesystem::create_directories(path_);
  }
  void write(const std::string& name, std::span<const std::byte> bytes) const {
    std::ofstream file(path_ / name, std::ios::binary);
    file.write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
    if (!file.flush()) {
      throw std::runtime_error("cannot write " + (path_ / name).string());
    }
  }
  void write(const std::string& name, const std::string& text) const {
    write(name, std::as_bytes(std::span(text)));
  }

 private:
  std::filesystem::path path_;
};

void write_models(const Folder& to) {
  for (const auto& [name, model] : testing::seed_models()) {
    to.write(name + ".lgm", write_model(model));
  }
}

void write_profiles(const Folder& to) {
  const std::vector<float> values = Random(3).floats(24);
  std::vector<Tensor> tensors(2);
  for (size_t i = 0; i < tensors.size(); ++i) {
    tensors[i].name = i == 0 ? "speaker" : "local.map";
    tensors[i].kind = Kind::kConstant;
    tensors[i].rank = 2;
    tensors[i].dim[0] = i == 0 ? 1 : 3;
    tensors[i].dim[1] = 8;
    tensors[i].data = values.data();
  }
  for (size_t count = 0; count <= tensors.size(); ++count) {
    const auto profile = Profile::create(testing::kSeedFamily, std::span(tensors).first(count));
    to.write(std::to_string(count) + ".profile", profile.value().bytes());
  }
}

std::string safetensors(const std::string& header, size_t data_bytes) {
  return testing::little(static_cast<uint64_t>(header.size())) + header +
         std::string(data_bytes, '\x3c');
}

void write_checkpoints(const Folder& safe, const Folder& torch) {
  const std::string header =
      R"({"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},)"
      R"("b":{"dtype":"F16","shape":[4],"data_offsets":[24,32]},)"
      R"("c":{"dtype":"I64","shape":[],"data_offsets":[32,40]},)"
      R"("d":{"dtype":"BF16","shape":[2,1,2],"data_offsets":[40,48]},)"
      R"("e":{"dtype":"F64","shape":[2],"data_offsets":[48,64]}})";
  safe.write("every_type.safetensors", safetensors(header, 64));
  safe.write("header.json", header);
  using namespace testing::pickle;  // NOLINT
  const std::string state = dict({{"w", tensor("0", 6, {2, 3}, {3, 1})},
                                  {"t", tensor("0", 6, {3, 2}, {1, 3})},
                                  {"h", tensor("1", 2, {2}, {1}, 0, "HalfStorage")}});
  const std::string pickle = kProto +
                             dict({{"epoch", "K\x03"},
                                   {"rate", "G?\xf0" + std::string(6, '\0')},
                                   {"state_dict", state},
                                   {"names", "](X\x01" + std::string(3, '\0') + "aNe"}}) +
                             ".";
  torch.write("state.pkl", pickle);
  torch.write("state.pt",
              testing::zip_of({testing::stored_entry("a/data.pkl", pickle),
                               testing::deflated_entry("a/byteorder", "little"),
                               testing::stored_entry("a/data/0", std::string(24, '\x3c')),
                               testing::deflated_entry("a/data/1", std::string(4, '\x3c'))}));
}

// RIFF with one or two more chunks than it needs; arrays of two versions; words of --raw.
void write_sounds(const Folder& to) {
  using testing::little;
  const auto chunk = [](const std::string& name, const std::string& content) {
    return name + little(static_cast<uint32_t>(content.size())) + content +
           std::string(content.size() % 2, '\0');
  };
  const auto wav = [&](uint16_t coding, uint16_t channels, uint16_t bits) {
    const auto frame = static_cast<uint16_t>(channels * bits / 8);
    const std::string format = little(coding) + little(channels) + little<uint32_t>(16000) +
                               little<uint32_t>(16000u * frame) + little(frame) + little(bits);
    const std::string chunks = chunk("LIST", "abc") + chunk("fmt ", format) +
                               chunk("data", std::string(static_cast<size_t>(frame) * 8, '\x21'));
    return "RIFF" + little(static_cast<uint32_t>(chunks.size() + 4)) + "WAVE" + chunks;
  };
  to.write("pcm.wav", wav(1, 2, 16));
  to.write("float.wav", wav(3, 1, 32));
  const std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3, ), }";
  const std::string text = header + std::string(117 - header.size(), ' ') + "\n";
  const std::string magic = "\x93NUMPY";
  to.write("version_1.npy",
           magic + '\x01' + '\0' + little(static_cast<uint16_t>(text.size())) + text +
               std::string(24, '\x3c'));
  to.write("version_2.npy",
           magic + '\x02' + '\0' + little(static_cast<uint32_t>(text.size())) + text +
               std::string(24, '\x3c'));
  to.write("option", "48000:2:s16");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "ligero_fuzz_seeds: expected the folder to write to\n");
    return 2;
  }
  try {
    const std::filesystem::path folder(argv[1]);
    write_models(folder / "model");
    write_profiles(folder / "profile");
    write_checkpoints(folder / "safetensors", folder / "pytorch");
    write_sounds(folder / "sound");
  } catch (const std::exception& problem) {
    std::fprintf(stderr, "ligero_fuzz_seeds: %s\n", problem.what());
    return 1;
  }
  return 0;
}
