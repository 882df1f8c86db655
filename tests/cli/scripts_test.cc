// SPDX-License-Identifier: Apache-2.0
// What scripts and pipes need: stdin and stdout, several recordings, JSON, exit codes.
#include <doctest/doctest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/cli/tool.h"

namespace ligero::testing {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

const std::string kSamples = std::string(LIGERO_SOURCE_DIR) + "/platforms/demo/";

struct Place : Workplace {
  const std::string extract = LIGERO_TOOL " extract --model " + (*this) / "tiny.lgm" + " --profile " +
                              (*this) / "who.profile ";
  const std::string mix = (*this) / "mix.wav";
  /// What stdout alone gets.
  std::string data(const std::string& line) const {
    const std::string to = folder / "stdout.bin";
    const Outcome done = run_line("( { " + line + "; } >" + to + " 2>" + (*this) / "stderr.txt" + " )");
    CAPTURE(line);
    CAPTURE(read_file((*this) / "stderr.txt"));
    CHECK(done.code == 0);
    return read_file(to);
  }
};

TEST_CASE("-: sound from stdin and to stdout is that of files, and stdout gets nothing else") {
  const Place at;
  REQUIRE(run_line(at.extract + at.mix + " -o " + at / "file.wav").code == 0);
  const std::string expected = read_file(at / "file.wav");
  CHECK(at.data(at.extract + at.mix + " -o -") == expected);
  CHECK(at.data(at.extract + "- -o - <" + at.mix) == expected);
  CHECK(at.data("cat " + at.mix + " | " + at.extract + "- -o - | cat") == expected);
  CHECK(at.data("cat " + at.mix + " | " + at.extract + "- -o - --stream 160").size() == expected.size());
  CHECK(read_file(at / "stderr.txt").find("extracted 1.00 s") != std::string::npos);
  // A header that promises nothing: ffmpeg's into a pipe.
  std::string unknown = read_file(at.mix);
  for (const size_t place : {4, 40}) {
    unknown.replace(place, 4, "\xff\xff\xff\xff");
  }
  write_file(at / "unknown.wav", unknown);
  CHECK(at.data("cat " + at / "unknown.wav" + " | " + at.extract + "- -o -") == expected);
  const std::string profile = at.data("cat " + at / "anchor.wav" + " | " LIGERO_TOOL " enroll --model " +
                                      at / "tiny.lgm" + " - -o -");
  CHECK(profile == read_file(at / "who.profile"));
}

TEST_CASE("-: with --raw stdin and stdout have no header") {
  const Place at;
  const std::string wav = read_file(at.mix);
  REQUIRE(run_line(at.extract + at.mix + " -o " + at / "file.wav").code == 0);
  write_file(at / "mix.raw", wav.substr(44));
  CHECK(at.data(at.extract + "--raw 16000 --samples pcm16 - -o - <" + at / "mix.raw") ==
        read_file(at / "file.wav").substr(44));
}

TEST_CASE("-: once for input, once for output; not with --json; a closed stdin is named") {
  const Place at;
  const auto refused = [&](const std::string& line, int code, const std::string& part) {
    const Outcome done = run_line(line);
    CAPTURE(done.text);
    CHECK(done.code == code);
    CHECK(done.says(part));
  };
  const std::string base = LIGERO_TOOL " extract --model " + at / "tiny.lgm";
  refused(base + " --enroll - - -o x.wav <" + at.mix, 1, "named twice");
  refused(base + " --enroll - " + at.mix + " -o - --json <" + at.mix, 2, "--json");
  refused(at.extract + "- -o " + at / "o.wav" + " <&-", 1, "/dev/stdin");
  refused(at.extract + "- -o " + at / "o.wav" + " </dev/null", 1, "/dev/stdin");
  refused("( " + at.extract + at.mix + " -o - >/dev/full )", 1, "cannot write to stdout");
  CHECK_FALSE(fs::exists(at / "o.wav"));
}

TEST_CASE("extract: several recordings go into a folder, each as if it were alone") {
  const Place at;
  write_wav(at / "second.wav", tone(9000, 500.0f));
  const std::string both = at.mix + " " + at / "second.wav";
  for (const char* folder : {"new", "new", "other/"}) {
    REQUIRE(run_line(at.extract + both + " -o " + at / folder).code == 0);
  }
  for (const char* name : {"mix.wav", "second.wav"}) {
    REQUIRE(run_line(at.extract + at / name + " -o " + at / "alone.wav").code == 0);
    CHECK(read_file(at / std::string("new/") + name) == read_file(at / "alone.wav"));
    CHECK(read_file(at / std::string("other/") + name) == read_file(at / "alone.wav"));
  }
  fs::create_directory(at / "one");
  CHECK(run_line(at.extract + at.mix + " -o " + at / "one").code == 0);
  CHECK(fs::exists(at / "one/mix.wav"));
}

TEST_CASE("extract: a folder that cannot be, and outputs that collide, are refused before any work") {
  const Place at;
  fs::create_directory(at / "sub");
  fs::copy_file(at.mix, at / "sub/mix.wav");
  write_file(at / "text.wav", "no sound");
  const std::set<std::string> before = at.folder.names();
  const auto refused = [&](const std::string& rest, int code, const std::string& part) {
    const Outcome done = run_line(at.extract + at.mix + " " + rest);
    CAPTURE(done.text);
    CHECK(done.code == code);
    CHECK(done.says(part));
  };
  refused(at / "sub/mix.wav" + " -o " + at / "out", 1, "would both become '");
  refused(at / "anchor.wav" + " -o " + at / "text.wav", 1, "it is no folder");
  refused(at / "anchor.wav" + " -o " + at / "no/such", 1, "no/such");
  refused(at / "anchor.wav" + " -o /proc/none", 1, "/proc/none");
  refused(at / "text.wav" + " -o " + at / "out", 1, "text.wav' is not a sound file");
  refused(at / "anchor.wav" + " -o " + at.folder / "", 1, "which this command uses as well");
  refused(at / "anchor.wav" + " --report p.html -o " + at / "out", 2, "--report");
  CHECK(at.folder.names() == before);
}

TEST_CASE("--json: extract, enroll and verify write one object to stdout, with any file name") {
  const Place at;
  const std::string odd = at / "odd \xff name.wav";
  fs::copy_file(at.mix, odd);
  const Json extract = Json::parse(at.data(at.extract + at.mix + " '" + odd + "' -o " + at / "out --json"));
  REQUIRE(extract["recordings"].size() == 2);
  CHECK(extract["recordings"][0]["output"] == at / "out/mix.wav");
  CHECK(extract["recordings"][1]["seconds"] == doctest::Approx(16077 / 16000.0));
  const Json enroll = Json::parse(at.data(LIGERO_TOOL " enroll --json --model " + at / "tiny.lgm " +
                                          at / "anchor.wav" + " -o " + at / "p.profile"));
  CHECK(enroll["profile"] == at / "p.profile");
  CHECK(enroll["anchors"][0]["seconds"] == doctest::Approx(2.0));
  CHECK(enroll["anchors"][0]["advice"].is_string());
  CHECK(enroll["good"].is_boolean());
  CHECK(enroll["bytes"] == fs::file_size(at / "p.profile"));
}

TEST_CASE("verify: 0 for the same person, 3 for another, and the JSON says which") {
  const Folder at;
  const std::string woman = kSamples + "mixed_pair_anchor.flac";
  const std::string man = kSamples + "same_sex_pair_anchor.flac";
  REQUIRE(run_tool("enroll " + woman + " -o " + at / "her.profile").code == 0);
  const std::string verify = "verify --json " + at / "her.profile ";
  const Outcome same = run_tool(verify + woman);
  CHECK(same.code == 0);
  CHECK(Json::parse(same.text)["same_person"] == true);
  const Outcome another = run_tool(verify + man);
  CHECK(another.code == 3);
  CHECK(Json::parse(another.text)["same_person"] == false);
  CHECK(Json::parse(another.text)["similarity"] < Json::parse(another.text)["threshold"]);
  CHECK(run_tool("verify " + at / "her.profile " + at / "gone.wav").code == 1);
  CHECK(run_tool("verify " + at / "her.profile").code == 2);
}

}  // namespace
}  // namespace ligero::testing
