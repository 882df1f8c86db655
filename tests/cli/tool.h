// SPDX-License-Identifier: Apache-2.0
// Runs the built tool on files in a folder of its own. Not: any check.
#ifndef LIGERO_TESTS_CLI_TOOL_H_
#define LIGERO_TESTS_CLI_TOOL_H_

#include <sndfile.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <numbers>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "model/draft.h"
#include "model/format/writer.h"

namespace ligero::testing {

/// A temporary folder; everything in it goes with it.
class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "ligero-cli-XXXXXX").string();
    path_ = mkdtemp(name.data());
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::string operator/(const std::string& name) const {
    return (path_ / name).string();
  }
  std::set<std::string> names() const {
    std::set<std::string> out;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path_)) {
      out.insert(std::filesystem::relative(entry.path(), path_).string());
    }
    return out;
  }

 private:
  std::filesystem::path path_;
};

struct Outcome {
  int code = -1;
  std::string text;  ///< stdout and stderr together
  bool says(const std::string& part) const {
    return text.find(part) != std::string::npos;
  }
};

/// Runs a line in the shell.
inline Outcome run_line(const std::string& line) {
  Outcome outcome;
  std::FILE* pipe = popen((line + " 2>&1").c_str(), "r");
  std::array<char, 4096> block;
  for (size_t got = 0; (got = fread(block.data(), 1, block.size(), pipe)) > 0;) {
    outcome.text.append(block.data(), got);
  }
  const int status = pclose(pipe);
  outcome.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return outcome;
}

/// Runs `ligero` with `arguments`.
inline Outcome run_tool(const std::string& arguments) {
  return run_line(LIGERO_TOOL " " + arguments);
}

inline std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

inline void write_file(const std::string& path, const std::string& content) {
  std::ofstream(path, std::ios::binary) << content;
}

struct WavFormat {
  int rate_hz = 16000;
  int channels = 1;
  int coding = SF_FORMAT_PCM_16;
  int container = SF_FORMAT_WAV;
};

inline void write_wav(const std::string& path,
                      std::span<const float> samples,
                      WavFormat format = {}) {
  SF_INFO info = {};
  info.samplerate = format.rate_hz;
  info.channels = format.channels;
  info.format = format.container | format.coding;
  SNDFILE* file = sf_open(path.c_str(), SFM_WRITE, &info);
  sf_write_float(file, samples.data(), static_cast<sf_count_t>(samples.size()));
  sf_close(file);
}

/// A tone with a slow swell, at most `peak`.
inline std::vector<float> tone(size_t samples, float hz, float peak = 0.3f) {
  std::vector<float> out(samples);
  for (size_t i = 0; i < samples; ++i) {
    const double seconds = static_cast<double>(i) / 16000.0;
    const double swell = 0.6 + 0.4 * std::sin(2.0 * std::numbers::pi * 3.0 * seconds);
    out[i] = peak * static_cast<float>(swell * std::sin(2.0 * std::numbers::pi * hz * seconds));
  }
  return out;
}

/// A model of five nodes. enroll: mean power of each of the 160 places of a hop, and its root,
/// which extract does not take; extract: hop times a weight (100) times the mean power.
inline ModelDraft tiny_model(char family_digit = 'a') {
  const auto sequence = [](const char* name) {
    return TensorDraft{.name = name, .dims = {1, 160}, .values = {}};
  };
  const auto constant = [](const char* name) {
    return TensorDraft{.name = name, .kind = Kind::kConstant, .dims = {1, 160}, .values = {}};
  };
  const TensorDraft gain{.name = "gain",
                         .kind = Kind::kWeight,
                         .dims = {1, 160},
                         .values = std::vector<float>(160, 100.0f)};
  const auto node = [](const char* name, const char* op, std::vector<int> inputs, int output) {
    return NodeDraft{name, op, std::move(inputs), {output}, {}, {}};
  };
  GraphDraft enroll;
  enroll.name = "enroll";
  enroll.tensors = {sequence("hops"), sequence("power"), constant("speaker"), constant("loudness")};
  enroll.nodes = {node("power", "square", {0}, 1),
                  node("speaker", "time_mean", {1}, 2),
                  node("loudness", "sqrt", {2}, 3)};
  enroll.inputs = {0};
  enroll.outputs = {2, 3};
  GraphDraft extract;
  extract.name = "extract";
  extract.tensors = {
      sequence("hops"), constant("speaker"), gain, sequence("layer.scaled"), sequence("voice")};
  extract.nodes = {node("layer.scaled", "multiply", {0, 2}, 3),
                   node("voice", "multiply", {3, 1}, 4)};
  extract.inputs = {0, 1};
  extract.outputs = {4};
  ModelDraft model;
  model.graphs = {enroll, extract};
  model.metadata = {{"name", "tiny"},
                    {"system", "test"},
                    {"form", "none"},
                    {"licence", "Apache-2.0"},
                    {"training_data", "none"}};
  model.family = std::string(64, family_digit);
  return model;
}

inline void write_model_file(const std::string& path, const ModelDraft& model) {
  const std::vector<std::byte> bytes = write_model(model);
  write_file(path, std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

/// A folder with all that a good run needs: tiny.lgm, anchor.wav (2 s), mix.wav (1 s and 77
/// samples), who.profile.
struct Workplace {
  Folder folder;
  Workplace() {
    write_model_file(folder / "tiny.lgm", tiny_model());
    write_wav(folder / "anchor.wav", tone(32000, 220.0f));
    write_wav(folder / "mix.wav", tone(16077, 330.0f));
    run_tool("enroll --model " + folder / "tiny.lgm " + folder / "anchor.wav" + " -o " +
             folder / "who.profile");
  }
  std::string operator/(const std::string& name) const {
    return folder / name;
  }
};

}  // namespace ligero::testing

#endif  // LIGERO_TESTS_CLI_TOOL_H_
