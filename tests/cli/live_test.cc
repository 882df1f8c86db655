// SPDX-License-Identifier: Apache-2.0
// The live session from the command line, verification, and what enrolment says. Not: sound
// devices.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "platforms/cli/sound/sound.h"
#include "tests/cli/tool.h"

namespace ligero::testing {
namespace {

const std::string kGolden = std::string(LIGERO_SOURCE_DIR) + "/tests/golden/";

/// The golden network, converted: with a speaker network, and not causal.
std::string golden_model(const Folder& folder) {
  const std::string model = folder / "golden.lgm";
  const Outcome converted =
      run_line(std::string(LIGERO_CONVERT) + " " + kGolden + "tiny.safetensors --config " +
               kGolden + "tiny.json -o " + model);
  INFO(converted.text);
  REQUIRE(converted.code == 0);
  return model;
}

TEST_CASE("extract --stream: any block gives the whole run's samples, aligned and as many") {
  const Workplace at;
  const std::string extract = "extract --model " + at / "tiny.lgm" + " --profile " +
                              at / "who.profile" + " " + at / "mix.wav" + " --samples float -o ";
  REQUIRE(run_tool(extract + at / "whole.wav").code == 0);
  const cli::Sound whole = cli::read_sound(at / "whole.wav");
  CHECK(whole.samples.size() == 16077);
  for (const char* block : {"1", "160", "1000", "100000"}) {
    CAPTURE(std::string(block));
    REQUIRE(run_tool(extract + at / "live.wav" + " --stream " + block).code == 0);
    const cli::Sound live = cli::read_sound(at / "live.wav");
    // A model without an inverse STFT has no hop of its own to fade in over.
    REQUIRE(live.samples.size() == whole.samples.size());
    CHECK(std::equal(live.samples.begin() + 160, live.samples.end(), whole.samples.begin() + 160));
  }
}

TEST_CASE("extract --stream: refuses what cannot run live, naming the op") {
  const Folder folder;
  const std::string model = golden_model(folder);
  const Outcome outcome =
      run_tool("extract --model " + model + " --enroll " + kGolden + "anchor.flac " + kGolden +
               "mixture.flac --stream 160 -o " + folder / "out.wav");
  CHECK(outcome.code == 1);
  CHECK(outcome.says("cannot run frame by frame"));
  CHECK(outcome.says("op 'input_level'"));
  CHECK(outcome.says("expected a causal model"));
  CHECK(folder.names() == std::set<std::string>{"golden.lgm"});
  for (const char* block : {"0", "-1", "many"}) {
    CHECK(run_tool(std::string("extract --model m --enroll a b -o c.wav --stream ") + block).code ==
          2);
  }
}

TEST_CASE("enroll: says what it found in each recording, and what to do better") {
  const Workplace at;
  const std::string enroll =
      "enroll --model " + at / "tiny.lgm" + " -o " + at / "other.profile" + " ";
  const Outcome brief = run_tool(enroll + at / "anchor.wav");
  CHECK(brief.code == 0);
  CHECK(brief.says("s of speech in 2.0 s, at -1"));
  CHECK(brief.says("advice: "));
  std::vector<float> loud = tone(100000, 200.0f, 4.0f);
  for (size_t i = 0; i < loud.size(); ++i) {
    loud[i] = std::clamp(loud[i], -1.0f, 1.0f);
  }
  write_wav(at / "loud.wav", loud);
  const Outcome clipped = run_tool(enroll + at / "loud.wav");
  CHECK(clipped.code == 0);
  CHECK(clipped.says("turn the microphone down"));
}

TEST_CASE("enroll: says how far several recordings agree, where the model can tell") {
  const Folder folder;
  const std::string model = golden_model(folder);
  const std::string anchor = kGolden + "anchor.flac";
  const Outcome twice = run_tool("enroll --model " + model + " " + anchor + " " + anchor + " -o " +
                                 folder / "twice.profile");
  CHECK(twice.code == 0);
  CHECK(twice.says("anchors agree by at least 1.000"));
}

TEST_CASE("verify: the same recording is of the same person; a model without voices is refused") {
  const Folder folder;
  const std::string model = golden_model(folder);
  const std::string anchor = kGolden + "anchor.flac";
  REQUIRE(run_tool("enroll --model " + model + " " + anchor + " -o " + folder / "a.profile").code ==
          0);
  const Outcome same = run_tool("verify --model " + model + " " + folder / "a.profile " + anchor);
  CHECK(same.code == 0);
  CHECK(same.says("same person: similarity 1.000"));

  const Workplace at;
  const Outcome none = run_tool("verify --model " + at / "tiny.lgm" + " " + at / "who.profile" +
                                " " + at / "anchor.wav");
  CHECK(none.code == 1);
  CHECK(none.says("no voice to compare"));
  const Outcome other =
      run_tool("verify --model " + model + " " + at / "who.profile" + " " + anchor);
  CHECK(other.code == 1);
  CHECK(other.says("different model families"));
}

TEST_CASE("live: refuses without a person, or a device, or PortAudio") {
  const Workplace at;
  const Outcome nothing = run_tool("live");
  CHECK(nothing.code == 1);
  if (nothing.says("built without PortAudio")) {
    return;
  }
  CHECK(nothing.says("nobody to listen for"));
  const Outcome nobody = run_tool("live --model " + at / "tiny.lgm");
  CHECK(nobody.code == 1);
  CHECK(nobody.says("nobody to listen for"));
  const Outcome deaf =
      run_tool("live --input 9999 --model " + at / "tiny.lgm" + " --profile " + at / "who.profile");
  CHECK(deaf.code == 1);
  CHECK(deaf.says("no input device 9999"));
  const Outcome devices = run_tool("live --devices");
  CHECK(devices.code == 0);
  for (const char* noise : {"ALSA", "jack", "Jack", "socket"}) {
    CAPTURE(devices.text);
    CHECK_FALSE(devices.says(noise));
    CHECK_FALSE(deaf.says(noise));
  }
}

}  // namespace
}  // namespace ligero::testing
