// SPDX-License-Identifier: Apache-2.0
// The model of a command without --model: which one, and what is said where there is none.
#include <doctest/doctest.h>

#include <filesystem>
#include <string>

#include "tests/cli/tool.h"

namespace ligero::testing {
namespace {

namespace fs = std::filesystem;

const std::string kDefault = "bsrnn-live-int8.lgm";

/// A copy of the tool in a folder where no model comes with it.
struct Copy : Workplace {
  const std::string bin = (*this) / "unpacked/bin";
  const std::string line = "env -u LIGERO_MODEL " + bin + "/ligero ";
  const std::string enroll = "enroll " + (*this) / "anchor.wav" + " -o " + (*this) / "new.profile";
  Copy() {
    fs::create_directories(bin);
    fs::copy_file(LIGERO_TOOL, bin + "/ligero");
  }
  void place(const std::string& place) const {
    fs::create_directories(bin + "/" + place);
    fs::copy_file((*this) / "tiny.lgm", bin + "/" + place + "/" + kDefault);
  }
};

TEST_CASE("default model: the first example works from the build tree, and equals the one with --model") {
  const Folder at;
  const std::string root = std::string(LIGERO_SOURCE_DIR) + "/";
  const std::string sounds = root + "tests/golden/";
  const std::string rest =
      "--enroll " + sounds + "anchor.flac " + sounds + "mixture.flac -o " + at / "ann_only.wav";
  const Outcome without = run_line("env -u LIGERO_MODEL " LIGERO_TOOL " extract " + rest);
  INFO(without.text);
  REQUIRE(without.code == 0);
  const std::string voice = read_file(at / "ann_only.wav");
  REQUIRE(run_tool("extract --model " + root + "model/pretrained/" + kDefault + " " + rest).code == 0);
  CHECK(voice == read_file(at / "ann_only.wav"));
}

TEST_CASE("default model: an unpacked archive has it beside bin/, an installation in share/") {
  for (const char* place : {"models", "../models", "../share/ligero/models"}) {
    const Copy at;
    at.place(place);
    const Outcome done = run_line(at.line + at.enroll);
    INFO(done.text);
    CHECK(done.code == 0);
    CHECK(run_line(at.line + "info").says("tiny"));
  }
}

TEST_CASE("default model: without any, each command names the places where it looked") {
  const Copy at;
  const std::string profile = at / "who.profile";
  for (const std::string& command : {at.enroll,
                                     "extract --profile " + profile + " " + at / "mix.wav" + " -o " + at / "o.wav",
                                     "verify " + profile + " " + at / "anchor.wav",
                                     "live --profile " + profile + " --raw 16000",
                                     std::string("info")}) {
    const Outcome refused = run_line(at.line + command + " </dev/null");
    INFO(refused.text);
    CHECK(refused.code == 1);
    CHECK(refused.says("--model FILE.lgm, LIGERO_MODEL, or " + kDefault + " in '"));
    CHECK(refused.says("unpacked/share/ligero/models'"));
    CHECK_FALSE(fs::exists(at / "new.profile"));
    CHECK_FALSE(fs::exists(at / "o.wav"));
  }
  const Outcome bench = run_line(at.line + "bench --device --seconds 0.1 -o " + at / "r");
  CHECK(bench.code == 1);
  CHECK(bench.says("expected --models"));
  CHECK_FALSE(bench.says("measuring"));
  CHECK_FALSE(fs::exists(at / "r"));
}

TEST_CASE("LIGERO_MODEL: goes before the tool's own; one that is missing is named") {
  const Copy at;
  const std::string model = "LIGERO_MODEL=" + at / "tiny.lgm" + " ";
  CHECK(run_line(model + LIGERO_TOOL " " + at.enroll).code == 0);
  CHECK(read_file(at / "new.profile") == read_file(at / "who.profile"));
  const Outcome refused = run_line("LIGERO_MODEL=" + at / "gone.lgm" + " " + LIGERO_TOOL " info");
  CHECK(refused.code == 1);
  CHECK(refused.says("LIGERO_MODEL names '" + at / "gone.lgm" + "': no such file"));
}

}  // namespace
}  // namespace ligero::testing
