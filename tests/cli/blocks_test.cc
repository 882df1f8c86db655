// SPDX-License-Identifier: Apache-2.0
// Extraction in blocks and piece by piece: the same samples, whatever the length and the rate. Not:
// what a block sees (tests/runtime, tests/stream).
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "model/session/resampler.h"
#include "platforms/cli/sound/sound.h"
#include "tests/cli/tool.h"

namespace ligero::testing {
namespace {

const std::string kGolden = std::string(LIGERO_SOURCE_DIR) + "/tests/golden/";
constexpr size_t kFadeSamples = 160;  // a model without an inverse STFT has no hop to fade in over

std::string extract_line(const Workplace& at, const std::string& mixture) {
  return "extract --model " + at / "tiny.lgm" + " --profile " + at / "who.profile" + " " +
         at / mixture + " ";
}

double largest_difference(const std::vector<float>& a, const std::vector<float>& b, size_t from) {
  REQUIRE(a.size() == b.size());
  double most = 0.0;
  for (size_t i = from; i < a.size(); ++i) {
    most = std::max(most, std::fabs(static_cast<double>(a[i]) - static_cast<double>(b[i])));
  }
  return most;
}

TEST_CASE("extract --block: as many samples as come in, each where it was, at any rate") {
  const Workplace at;
  const bool converts = Resampler::kConverts;
  for (const int rate_hz :
       converts ? std::vector<int>{16000, 48000, 44100, 8000} : std::vector<int>{16000}) {
    CAPTURE(rate_hz);
    write_wav(at / "in.wav", tone(16077, 330.0f), {.rate_hz = rate_hz});
    REQUIRE(run_tool(extract_line(at, "in.wav") + "--samples float -o " + at / "whole.wav").code ==
            0);
    for (const char* block : {"0.01", "0.3 --look-ahead 0.1 --context 0", "60 --look-ahead 60"}) {
      CAPTURE(std::string(block));
      const Outcome done = run_tool(extract_line(at, "in.wav") + "--samples float -o " +
                                    at / "blocks.wav" + " --block " + block);
      INFO(done.text);
      REQUIRE(done.code == 0);
      const cli::Sound whole = cli::read_sound(at / "whole.wav");
      const cli::Sound blocks = cli::read_sound(at / "blocks.wav");
      CHECK(blocks.file_samples == 16077);
      CHECK(blocks.file_hz == rate_hz);
      // The share of the top remembers the fade-in, by half each 10 ms.
      CHECK(largest_difference(blocks.samples, whole.samples, 8 * kFadeSamples) < 1e-5);
    }
  }
}

TEST_CASE(
    "extract --block: a model that needs the whole recording gets it, if the block holds it") {
  const Folder folder;
  const std::string model = folder / "golden.lgm";
  REQUIRE(run_line(std::string(LIGERO_CONVERT) + " " + kGolden + "tiny.safetensors --config " +
                   kGolden + "tiny.json -o " + model)
              .code == 0);
  const std::string extract = "extract --model " + model + " --enroll " + kGolden + "anchor.flac " +
                              kGolden + "mixture.flac --samples float -o ";
  REQUIRE(run_tool(extract + folder / "whole.wav").code == 0);
  const cli::Sound whole = cli::read_sound(folder / "whole.wav");
  for (const char* block : {"20 --context 0 --look-ahead 0", "0.1 --context 20 --look-ahead 20"}) {
    REQUIRE(run_tool(extract + folder / "blocks.wav" + " --block " + block).code == 0);
    const cli::Sound blocks = cli::read_sound(folder / "blocks.wav");
    CHECK(largest_difference(blocks.samples, whole.samples, 0) < 1e-5);
  }
  REQUIRE(run_tool(extract + folder / "near.wav" + " --block 0.2 --context 0.5 --look-ahead 0.2")
              .code == 0);
  const cli::Sound near = cli::read_sound(folder / "near.wav");
  CHECK(largest_difference(near.samples, whole.samples, 0) > 1e-5);
}

TEST_CASE("extract: more than a minute runs frame by frame by itself, says so, and is no other") {
  const Workplace at;
  const std::vector<float> minute = tone(61 * 16000 + 33, 330.0f);
  write_wav(at / "long.wav", minute);
  const Outcome done = run_tool(extract_line(at, "long.wav") + "-o " + at / "out.wav");
  INFO(done.text);
  REQUIRE(done.code == 0);
  CHECK(done.says("is longer than 60 s and runs frame by frame"));
  const cli::Sound all = cli::read_sound(at / "out.wav");
  REQUIRE(all.samples.size() == minute.size());
  const size_t part = 59 * 16000;
  write_wav(at / "part.wav", std::span(minute).first(part));
  const Outcome brief = run_tool(extract_line(at, "part.wav") + "-o " + at / "part_out.wav");
  CHECK(!brief.says("is longer"));
  const cli::Sound head = cli::read_sound(at / "part_out.wav");
  CHECK(largest_difference(
            {all.samples.begin(), all.samples.begin() + part}, head.samples, kFadeSamples) < 1e-4);
}

TEST_CASE("extract: a model that cannot run frame by frame runs more than a minute in blocks") {
  const Folder folder;
  const std::string model = folder / "golden.lgm";
  REQUIRE(run_line(std::string(LIGERO_CONVERT) + " " + kGolden + "tiny.safetensors --config " +
                   kGolden + "tiny.json -o " + model)
              .code == 0);
  write_wav(folder / "long.wav", tone(61 * 16000 + 33, 330.0f));
  const Outcome done = run_tool("extract --model " + model + " --enroll " + kGolden +
                                "anchor.flac " + folder / "long.wav" + " -o " + folder / "out.wav");
  INFO(done.text);
  REQUIRE(done.code == 0);
  CHECK(done.says("is longer than 60 s and runs in blocks of 10 s, 2 s before and 2 s after each"));
  CHECK(cli::read_sound(folder / "out.wav").samples.size() == 61 * 16000 + 33);
}

#if !defined(__SANITIZE_ADDRESS__)
TEST_CASE("extract: ten minutes fit into memory that could not hold them") {
  const Workplace at;
  write_wav(at / "long.wav", tone(600 * 16000, 330.0f));
  const std::string line = extract_line(at, "long.wav") + "--samples pcm16 -o " + at / "out.wav";
  const std::string limited = std::string("ulimit -v 80000; ") + LIGERO_TOOL + " ";
  // As a whole the samples alone take 77 MB; the program and its libraries take less than 40.
  const Outcome pieces = run_line(limited + line + " --block 1 --look-ahead 0");
  INFO(pieces.text);
  CHECK(pieces.code == 0);
  CHECK(cli::SoundReader(at / "out.wav").promised_samples() == 600 * 16000);
}
#endif

TEST_CASE("extract --block: a failure midway leaves no file") {
  const Workplace at;
  write_wav(at / "short.wav", tone(1000, 100.0f));
  const std::set<std::string> before = at.folder.names();
  const Outcome outcome =
      run_tool(extract_line(at, "mix.wav") + "--block 0.1 -o " + at / "out.wav" + " --report " +
               at / "out.html" + " --reference " + at / "short.wav");
  CHECK(outcome.code == 1);
  CHECK(outcome.says("has 1000 samples; expected 16077"));
  CHECK(at.folder.names() == before);
}

TEST_CASE("extract --block: sizes that make no sense are wrong usage") {
  for (const char* bad : {"--block 0",
                          "--block -1",
                          "--block 61",
                          "--block 1e99",
                          "--block nan",
                          "--block much",
                          "--block 1 --look-ahead -0.1",
                          "--block 1 --look-ahead 61",
                          "--block 1 --context -1",
                          "--block 1 --context 1000000",
                          "--look-ahead 1",
                          "--context 1",
                          "--block 1 --stream 160"}) {
    CAPTURE(std::string(bad));
    CHECK(run_tool(std::string("extract --model m --enroll a b -o c.wav ") + bad).code == 2);
  }
}

}  // namespace
}  // namespace ligero::testing
