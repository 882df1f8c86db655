// SPDX-License-Identifier: Apache-2.0
// The tool on a network that needs no speaker, at a rate and hop of its own.
#include "tests/support/denoiser.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "model/format/atomic_file.h"
#include "model/format/writer.h"
#include "platforms/cli/sound/sound.h"
#include "tests/cli/tool.h"

namespace ligero::testing {
namespace {

struct Denoiser : Workplace {
  std::string model = (*this) / "denoiser.lgm";
  Denoiser() {
    const std::vector<std::byte> bytes = write_model(denoiser());
    REQUIRE(write_file_atomic(model.c_str(), bytes).ok());
  }
};

void check_half(const std::string& got, const std::string& mixture) {
  const cli::Sound y = cli::read_sound(got);
  const cli::Sound x = cli::read_sound(mixture);
  REQUIRE(y.samples.size() == x.samples.size());
  double worst = 0.0;
  for (size_t i = 2000; i + 2000 < x.samples.size(); ++i) {  // 16 kHz to 24 kHz and back
    worst = std::fmax(worst, std::fabs(y.samples[i] - 0.5f * x.samples[i]));
  }
  CHECK(worst < 0.01);
}

TEST_CASE("extract: a network that needs no speaker runs without a profile, whole and live") {
  const Denoiser at;
  for (const char* how : {"", " --stream 333", " --block 0.5"}) {
    const Outcome done = run_tool("extract --model " + at.model + how + " --samples float " +
                                  at / "mix.wav" + " -o " + at / "out.wav");
    INFO(done.text);
    REQUIRE(done.code == 0);
    check_half(at / "out.wav", at / "mix.wav");
  }
}

/// The denoiser, whose level is named as if it were the person's activity.
std::string telling_model(const Workplace& at) {
  ModelDraft draft = denoiser();
  for (TensorDraft& tensor : draft.graphs[0].tensors) {
    tensor.name = tensor.name == "level" ? "activity" : tensor.name;
  }
  const std::string path = at / "telling.lgm";
  REQUIRE(write_file_atomic(path.c_str(), write_model(draft)).ok());
  return path;
}

TEST_CASE("extract --activity: a row for each hop, whole, frame by frame and in blocks") {
  const Workplace at;
  const std::string model = telling_model(at);
  std::vector<float> x(73000);  // 304.2 hops at 24 kHz, each at a level of its own
  for (size_t i = 0; i < x.size(); ++i) {
    const double level = 0.1 + 0.001 * static_cast<double>(i / 240 * 37 % 300);
    x[i] = static_cast<float>(level * std::sin(0.7853981633974483 * static_cast<double>(i)));
  }
  write_wav(at / "in.wav", x, {.rate_hz = 24000, .coding = SF_FORMAT_FLOAT});
  for (const char* how : {"", " --stream 333", " --block 0.5", " --block 0.07 --look-ahead 0"}) {
    CAPTURE(std::string(how));
    const Outcome done = run_tool("extract --model " + model + how + " " + at / "in.wav" + " -o " +
                                  at / "out.wav" + " --activity " + at / "told.csv");
    INFO(done.text);
    REQUIRE(done.code == 0);
    std::istringstream table(read_file(at / "told.csv"));
    std::string line;
    std::getline(table, line);
    CHECK(line == "seconds,activity");
    size_t hop = 0;
    for (; std::getline(table, line); ++hop) {
      double second = -1.0;
      double value = -1.0;
      REQUIRE(std::sscanf(line.c_str(), "%lf,%lf", &second, &value) == 2);
      CHECK(second == doctest::Approx(0.01 * static_cast<double>(hop)));
      if (hop < 304) {  // the last one is not whole
        const double level = 0.1 + 0.001 * static_cast<double>(hop * 37 % 300);
        CHECK(value == doctest::Approx(level / std::sqrt(2.0)).epsilon(0.03));
      }
    }
    CHECK(hop == 305);
  }
}

TEST_CASE("extract --activity: refusals name what is wrong, and nothing is written") {
  const Denoiser at;
  const std::string telling = telling_model(at);
  const std::string mix = at / "mix.wav";
  const struct {
    std::string line;
    const char* says;
  } cases[] = {
      {at.model + " " + mix + " -o " + at / "out.wav" + " --activity " + at / "told.csv",
       "does not tell whether the person speaks"},
      {telling + " " + mix + " " + at / "anchor.wav" + " -o " + at / "many" + " --activity " +
           at / "told.csv",
       "takes one recording"},
      {telling + " " + mix + " -o " + at / "out.wav" + " --activity " + at / "no/told.csv",
       "told.csv"},
      {telling + " " + mix + " -o " + at / "out.wav" + " --activity " + mix, "mix.wav"},
  };
  const std::set<std::string> before = at.folder.names();
  for (const auto& [line, says] : cases) {
    const Outcome done = run_tool("extract --model " + line);
    INFO(done.text);
    CHECK(done.code != 0);
    CHECK(done.says(says));
    CHECK(at.folder.names() == before);
  }
}

TEST_CASE("extract: a profile that the network does not take is refused by name") {
  const Denoiser at;
  for (const std::string& who :
       {" --profile " + at / "who.profile", " --enroll " + at / "anchor.wav"}) {
    const Outcome done = run_tool("extract --model " + at.model + who + " " + at / "mix.wav" +
                                  " -o " + at / "out.wav");
    CHECK(done.code == 1);
    CHECK(done.says("takes no profile"));
    CHECK(done.says("denoiser.lgm"));
    CHECK_FALSE(std::filesystem::exists(at / "out.wav"));
  }
}

TEST_CASE("enroll: a network that needs no speaker cannot enrol, and says so") {
  const Denoiser at;
  const Outcome done =
      run_tool("enroll --model " + at.model + " " + at / "anchor.wav" + " -o " + at / "p");
  CHECK(done.code == 1);
  CHECK(done.says("needs no profile"));
}

TEST_CASE("info: says rate, hop, that no profile is taken, and the side outputs") {
  const Denoiser at;
  const Outcome done = run_tool("info --json " + at.model);
  CHECK(done.code == 0);
  CHECK(done.says("\"rate_hz\": 24000"));
  CHECK(done.says("\"hop_samples\": 240"));
  CHECK(done.says("\"takes_profile\": false"));
  const Outcome page = run_tool("info " + at.model);
  CHECK(page.says("none needed, no profile"));
  CHECK_FALSE(page.says("bytes of profile"));
  CHECK(done.says("\"level\""));
}

TEST_CASE("bench: a network that needs no speaker is timed, and its hop is its own") {
  const Denoiser at;
  const Outcome done =
      run_tool("bench --model " + at.model + " --mode stream --seconds 0.2 --json");
  INFO(done.text);
  CHECK(done.code == 0);
  CHECK(done.says("\"hop_ms\": 10.0"));
}

TEST_CASE("live --raw: a network that needs no speaker passes from program to program") {
  const Denoiser at;
  const Outcome done = run_line("(head -c 96000 /dev/zero | " + std::string(LIGERO_TOOL) +
                                " live --model " + at.model + " --raw 48000 | wc -c)");
  INFO(done.text);
  CHECK(done.code == 0);
  const Outcome who =
      run_line("(head -c 96000 /dev/zero | " + std::string(LIGERO_TOOL) + " live --model " +
               at.model + " --profile " + at / "who.profile" + " --raw 48000 | wc -c)");
  CHECK(who.says("takes no profile"));
}

}  // namespace
}  // namespace ligero::testing
