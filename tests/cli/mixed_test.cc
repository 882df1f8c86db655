// SPDX-License-Identifier: Apache-2.0
// ligero-convert --weights int8 and mixed, as a user gives them. Not: the choice
// (tests/converter/mixed_test.cc).
#include <doctest/doctest.h>

#include <filesystem>
#include <string>

#include "tests/cli/tool.h"

namespace ligero::testing {
namespace {

const std::string kGolden = LIGERO_SOURCE_DIR "/tests/golden/";
const std::string kVoices = LIGERO_SOURCE_DIR "/platforms/demo";

std::string convert_line(const Folder& at, const std::string& options) {
  return std::string(LIGERO_CONVERT " ") + kGolden + "tiny.safetensors --config " + kGolden +
         "tiny.json -o " + at / "m.lgm " + options;
}

/// Two recordings of use among all that a folder may hold: more files too short than are tried,
/// links that lead round, nowhere and to themselves, one that is no sound, a folder that is locked.
void put_recordings(const Folder& at) {
  namespace fs = std::filesystem;
  fs::create_directories(at / "voices/person/one");
  fs::create_directories(at / "voices/locked");
  for (int i = 0; i < 15; ++i) {
    write_wav(at / ("voices/a" + std::to_string(i) + ".wav"), tone(8000, 200.0f));
    write_wav(at / ("voices/z" + std::to_string(i) + ".wav"), tone(8000, 200.0f));
  }
  write_wav(at / "voices/person/one/1.WAV", tone(48000, 180.0f));
  write_wav(at / "voices/person/two.Wav", tone(48000, 330.0f));
  write_file(at / "voices/no.wav", "no sound");
  fs::create_directory_symlink("..", at / "voices/person/back");
  fs::create_symlink("itself.wav", at / "voices/itself.wav");
  fs::create_symlink("nothing.wav", at / "voices/gone.wav");
  fs::permissions(at / "voices/locked", fs::perms::none);
}

TEST_CASE("convert: int8 and mixed models extract, with a profile of the f32 one") {
  const Folder at;
  put_recordings(at);
  REQUIRE(run_line(convert_line(at, "")).code == 0);
  REQUIRE(run_tool("enroll --model " + at / "m.lgm " + kVoices + "/mixed_pair_anchor.flac -o " +
                   at / "v.lgp")
              .code == 0);
  for (const std::string& weights :
       {std::string("int8"), "mixed --most-loss 30 --check --calibrate " + at / "voices"}) {
    CAPTURE(weights);
    const Outcome converted = run_line(convert_line(at, "--weights " + weights));
    CAPTURE(converted.text);
    REQUIRE(converted.code == 0);
    const bool mixed = weights != "int8";
    for (const char* part : {"saves bytes",
                             "over 2 mixtures",
                             "choose_mixed",
                             "no.wav",
                             "itself.wav: ",
                             "gone.wav: "}) {
      CAPTURE(part);
      CHECK(converted.says(part) == mixed);
    }
    CHECK(converted.says("voices/locked: ") == (mixed && geteuid() != 0));
    CHECK(run_tool("extract --model " + at / "m.lgm --profile " + at / "v.lgp " + kVoices +
                   "/mixed_pair_mixture.flac -o " + at / "o.wav")
              .code == 0);
    const Outcome info = run_tool("info " + at / "m.lgm");
    CHECK(info.says(", int8 "));
    CHECK_FALSE(info.says(", int8 0\n"));
  }
  std::filesystem::permissions(at / "voices/locked", std::filesystem::perms::owner_all);
}

TEST_CASE("convert: mixed without recordings, or with none of use, says what it needs") {
  const Folder at;
  const auto refused = [&](const std::string& options, const std::string& expected) {
    const Outcome outcome = run_line(convert_line(at, options));
    CAPTURE(outcome.text);
    CHECK(outcome.code == 1);
    CHECK(outcome.says(expected));
    CHECK(at.names().empty());
  };
  refused("--weights mixed", "--calibrate FOLDER: recordings of at least two people");
  refused("--weights mixed --calibrate " + at / "none", "expected a folder of recordings");
  refused("--weights mixed --calibrate " + kGolden + "/../kernels",
          "at least two recordings of 3 s");
  refused("--weights mixed --only extract --calibrate " + kVoices, "not with --only");
  refused("--weights int8 --calibrate " + kVoices,
          "--calibrate goes with --weights mixed, not int8");
  refused("--weights f16 --most-loss 0.1", "--most-loss goes with --weights mixed, not f16");
  refused("--most-loss 0.1", "--most-loss goes with --weights mixed, not f32");
}

}  // namespace
}  // namespace ligero::testing
