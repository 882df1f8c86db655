// ligero-convert --weights int8 and mixed, as a user gives them. Not: the choice
// (tests/converter/mixed_test.cc).
#include <doctest/doctest.h>

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

TEST_CASE("convert: int8 and mixed models extract, with a profile of the f32 one") {
  const Folder at;
  REQUIRE(run_line(convert_line(at, "")).code == 0);
  REQUIRE(run_tool("enroll --model " + at / "m.lgm " + kVoices + "/mixed_pair_anchor.flac -o " +
                   at / "v.lgp")
              .code == 0);
  for (const std::string& weights :
       {std::string("int8"), "mixed --most-loss 3 --calibrate " + kVoices}) {
    CAPTURE(weights);
    const Outcome converted = run_line(convert_line(at, "--weights " + weights));
    CAPTURE(converted.text);
    REQUIRE(converted.code == 0);
    CHECK(converted.says("saves bytes") == (weights != "int8"));
    CHECK(run_tool("extract --model " + at / "m.lgm --profile " + at / "v.lgp " + kVoices +
                   "/mixed_pair_mixture.flac -o " + at / "o.wav")
              .code == 0);
    const Outcome info = run_tool("info " + at / "m.lgm");
    CHECK(info.says("int8"));
  }
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
  refused("--weights mixed --calibrate " + kGolden + "/../kernels", "at least two recordings of 3 s");
  refused("--weights mixed --only extract --calibrate " + kVoices, "not with --only");
  refused("--weights int8 --calibrate " + kVoices, "goes with --weights mixed, not int8");
}

}  // namespace
}  // namespace ligero::testing
