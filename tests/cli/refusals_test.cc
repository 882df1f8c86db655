// SPDX-License-Identifier: Apache-2.0
// What the tool refuses: exit code, what the message names, and that nothing is left behind.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "platforms/cli/npy.h"
#include "tests/cli/tool.h"

namespace ligero::testing {
namespace {

constexpr int kRefused = 1;
constexpr int kWrongUsage = 2;

// Runs a line that must be refused with all of `parts` in its message and no new file in the
// folder.
void refused(const Workplace& at,
             const std::string& arguments,
             const std::vector<std::string>& parts,
             int code = kRefused) {
  const std::set<std::string> before = at.folder.names();
  const Outcome outcome = run_tool(arguments);
  CAPTURE(arguments);
  CAPTURE(outcome.text);
  CHECK(outcome.code == code);
  for (const std::string& part : parts) {
    CAPTURE(part);
    CHECK(outcome.says(part));
  }
  CHECK(at.folder.names() == before);
}

struct Extract {
  std::string model = "tiny.lgm";
  std::string profile = "who.profile";
  std::string mixture = "mix.wav";
  std::string output = "out.wav";
  std::string more = {};
};

std::string extract_line(const Workplace& at, const Extract& names) {
  return "extract --model " + at / names.model + " --profile " + at / names.profile + " " +
         at / names.mixture + " -o " + at / names.output + " " + names.more;
}

std::string enroll_line(const Workplace& at, const std::string& anchor) {
  return "enroll --model " + at / "tiny.lgm " + at / anchor + " -o " + at / "new.profile";
}

TEST_CASE("a missing file is named") {
  const Workplace at;
  refused(at, extract_line(at, {.mixture = "gone.wav"}), {"gone.wav", "no such file"});
  refused(at, extract_line(at, {.model = "gone.lgm"}), {"gone.lgm", "No such file"});
  refused(at, extract_line(at, {.profile = "gone.profile"}), {"gone.profile", "No such file"});
  refused(at, enroll_line(at, "gone.wav"), {"gone.wav", "no such file"});
  refused(at, "info " + at / "gone.lgm", {"gone.lgm", "No such file"});
  refused(
      at, "score --reference " + at / "gone.wav " + at / "mix.wav", {"gone.wav", "no such file"});
}

TEST_CASE("a folder where a file is expected is named") {
  const Workplace at;
  std::filesystem::create_directory(at / "dir.wav");
  refused(at, extract_line(at, {.mixture = "dir.wav"}), {"dir.wav", "folder"});
  refused(at, "info " + at / "dir.wav", {"dir.wav"});
}

TEST_CASE("what is not audio is refused") {
  const Workplace at;
  write_file(at / "text.wav", "This is a letter, not a recording.\n");
  refused(at, extract_line(at, {.mixture = "text.wav"}), {"text.wav", "not a sound file"});
  refused(at, enroll_line(at, "text.wav"), {"text.wav", "not a sound file"});
}

TEST_CASE("empty audio is refused: no bytes, and a header without samples") {
  const Workplace at;
  write_file(at / "none.wav", "");
  write_wav(at / "header.wav", {});
  refused(at, extract_line(at, {.mixture = "none.wav"}), {"none.wav", "empty file"});
  refused(at, extract_line(at, {.mixture = "header.wav"}), {"header.wav", "no samples"});
  refused(at, enroll_line(at, "header.wav"), {"header.wav", "no samples"});
}

TEST_CASE("a rate below 8 or above 96 kHz is named, found and expected") {
  const Workplace at;
  write_wav(at / "slow.wav", tone(7999, 220.0f), {.rate_hz = 7999});
  write_wav(at / "fast.wav", tone(192000, 220.0f), {.rate_hz = 192000});
  refused(at, extract_line(at, {.mixture = "slow.wav"}), {"slow.wav", "7999 Hz", "8000 to 96000"});
  refused(
      at, extract_line(at, {.mixture = "fast.wav"}), {"fast.wav", "192000 Hz", "expected 8000"});
}

TEST_CASE("an anchor shorter than 1 s or silent is refused by name") {
  const Workplace at;
  write_wav(at / "short.wav", tone(15999, 220.0f));
  write_wav(at / "silent.wav", std::vector<float>(32000, 0.0f));
  refused(at, enroll_line(at, "short.wav"), {"short.wav", "15999 samples", "at least 1 s"});
  refused(at, enroll_line(at, "silent.wav"), {"silent.wav", "expected"});
  refused(at,
          "enroll --model " + at / "tiny.lgm " + at / "anchor.wav " + at / "short.wav" + " -o " +
              at / "new.profile",
          {"short.wav"});
  refused(at,
          "extract --model " + at / "tiny.lgm" + " --enroll " + at / "silent.wav " +
              at / "mix.wav" + " -o " + at / "out.wav",
          {"silent.wav"});
}

TEST_CASE("a truncated model is refused at every length") {
  const Workplace at;
  const std::string whole = read_file(at / "tiny.lgm");
  for (size_t bytes = 0; bytes < whole.size(); bytes += 1 + whole.size() / 16) {
    CAPTURE(bytes);
    write_file(at / "cut.lgm", whole.substr(0, bytes));
    refused(at, extract_line(at, {.model = "cut.lgm"}), {"cut.lgm"});
  }
  write_file(at / "cut.lgm", whole.substr(0, whole.size() - 1));
  refused(at, "info " + at / "cut.lgm", {"cut.lgm"});
  write_file(at / "text.lgm", std::string(4096, 'x'));
  refused(at, "info " + at / "text.lgm", {"text.lgm", "not a ligero model"});
}

TEST_CASE("a model that is another kind of file is named for what it is") {
  const Workplace at;
  write_file(at / "pointer.lgm", "version https://git-lfs.github.com/spec/v1\noid sha256:0\n");
  refused(at, "info " + at / "pointer.lgm", {"pointer.lgm", "this is a Git LFS pointer"});
  write_file(at / "page.lgm", "<!DOCTYPE html><html>");
  refused(at, extract_line(at, {.model = "page.lgm"}), {"page.lgm", "this is an HTML page"});
  refused(at, extract_line(at, {.model = "who.profile"}), {"who.profile", "a voice profile"});
}

TEST_CASE("info --verify finds a changed weight, which opening does not look for") {
  const Workplace at;
  std::string bytes = read_file(at / "tiny.lgm");
  bytes[bytes.size() - 100] ^= 1;
  write_file(at / "changed.lgm", bytes);
  CHECK(run_tool("info " + at / "changed.lgm").code == 0);
  refused(at, "info --verify " + at / "changed.lgm", {"changed.lgm", "hash"});
}

TEST_CASE("a profile of another family is refused with both families") {
  const Workplace at;
  write_model_file(at / "other.lgm", tiny_model('b'));
  refused(at,
          extract_line(at, {.model = "other.lgm"}),
          {"who.profile", "other.lgm", "another family", "aaaaaaaaaaaa", "bbbbbbbbbbbb"});
}

TEST_CASE("a damaged or truncated profile is refused") {
  const Workplace at;
  std::string bytes = read_file(at / "who.profile");
  write_file(at / "cut.profile", bytes.substr(0, bytes.size() / 2));
  refused(at, extract_line(at, {.profile = "cut.profile"}), {"cut.profile"});
  bytes[bytes.size() - 8] ^= 1;
  write_file(at / "changed.profile", bytes);
  refused(at, extract_line(at, {.profile = "changed.profile"}), {"changed.profile"});
  refused(at, extract_line(at, {.profile = "mix.wav"}), {"mix.wav", "not a ligero profile"});
}

TEST_CASE("a model without a graph says which it has") {
  const Workplace at;
  ModelDraft model = tiny_model();
  model.graphs.erase(model.graphs.begin());
  write_model_file(at / "extract.lgm", model);
  refused(at,
          "enroll --model " + at / "extract.lgm " + at / "anchor.wav" + " -o " + at / "new.profile",
          {"extract.lgm", "enroll"});
  refused(
      at,
      "run --model " + at / "extract.lgm" + " --graph enroll --input a=b --output " + at / "out",
      {"extract.lgm", "it has: extract"});
}

TEST_CASE("an unwritable output is refused before any work, and nothing changes") {
  const Workplace at;
  refused(at, extract_line(at, {.output = "no/such/out.wav"}), {"no/such/out.wav", "No such file"});
  refused(at, extract_line(at, {.output = "mix.wav/out.wav"}), {"mix.wav/out.wav"});
  refused(at, extract_line(at, {.output = "out.mp3"}), {"out.mp3", ".wav, .flac, .ogg or .raw"});
  refused(at, extract_line(at, {.more = "--report " + at / "no/p.html"}), {"no/p.html"});
  const std::string golden = LIGERO_SOURCE_DIR "/tests/golden/tiny";
  const Outcome converted =
      run_line(LIGERO_CONVERT " " + golden + ".safetensors --config " + golden + ".json -o " +
               at / "x.lgm --report " + at / "no/r.json");
  CHECK(converted.code == kRefused);
  CHECK(converted.says("no/r.json"));
  CHECK(at.folder.names().count("x.lgm") == 0);
  refused(at,
          "enroll --model " + at / "tiny.lgm " + at / "anchor.wav" + " -o " + at / "no/who.profile",
          {"no/who.profile"});
}

TEST_CASE("an older output survives a refusal") {
  const Workplace at;
  write_file(at / "out.wav", "precious");
  refused(at, extract_line(at, {.mixture = "gone.wav"}), {"gone.wav"});
  CHECK(read_file(at / "out.wav") == "precious");
}

TEST_CASE("threads: fewer than one or more than there are is refused by every command") {
  const Workplace at;
  const std::string model = " --model " + at / "tiny.lgm ";
  cli::write_npy(at / "hops.npy", std::vector<int64_t>{4, 1, 160}, std::vector<float>(640, 0.5f));
  const std::string lines[] = {
      extract_line(at, {}),
      "enroll" + model + at / "anchor.wav" + " -o " + at / "new.profile",
      "run" + model + "--graph enroll --input hops=" + at / "hops.npy" + " --output " + at / "out",
      "verify" + model + at / "who.profile " + at / "anchor.wav",
      "bench" + model + "--seconds 0.1 --runs 1",
  };
  for (const std::string& line : lines) {
    for (const std::string threads : {"0", "-1", "100000"}) {
      refused(at, line + " --threads " + threads, {"--threads " + threads, "expected 1 to "});
    }
    refused(at, line + " --threads many", {"--threads", "many"}, kWrongUsage);
  }
}

TEST_CASE("score: files of different lengths, a silent reference") {
  const Workplace at;
  write_wav(at / "silent.wav", std::vector<float>(16077, 0.0f));
  refused(at,
          "score --reference " + at / "anchor.wav " + at / "mix.wav",
          {"16077 samples", "expected 32000"});
  refused(at, "score --reference " + at / "silent.wav " + at / "mix.wav", {"silent.wav", "silent"});
  refused(
      at,
      extract_line(at, {.more = "--report " + at / "p.html" + " --reference " + at / "anchor.wav"}),
      {"anchor.wav", "32000 samples", "expected 16077"});
}

TEST_CASE("run: inputs that are missing, unknown, of another shape or no arrays") {
  const Workplace at;
  cli::write_npy(at / "hops.npy", std::vector<int64_t>{4, 1, 160}, std::vector<float>(640, 0.5f));
  cli::write_npy(at / "wide.npy", std::vector<int64_t>{4, 2, 80}, std::vector<float>(640, 0.5f));
  cli::write_npy(at / "none.npy", std::vector<int64_t>{0, 1, 160}, {});
  const std::string line =
      "run --model " + at / "tiny.lgm" + " --output " + at / "out" + " --graph ";
  refused(at, line + "extract --input hops=" + at / "hops.npy", {"'speaker' is missing"});
  refused(
      at, line + "enroll --input hops=" + at / "wide.npy", {"[4, 2, 80]", "expected [4, 1, 160]"});
  refused(at, line + "enroll --input hops=" + at / "none.npy", {"[0, 1, 160]", "expected"});
  refused(at,
          line + "enroll --input hops=" + at / "hops.npy" + " --input more=" + at / "hops.npy",
          {"no input 'more'", "it has: hops"});
  refused(at, line + "enroll --input hops=" + at / "mix.wav", {"mix.wav", "not a .npy file"});
  refused(at, line + "enroll --input hops", {"expected NAME=FILE.npy"});
  refused(
      at, line + "other --input hops=" + at / "hops.npy", {"no graph 'other'", "enroll, extract"});
}

TEST_CASE("wrong usage has an exit code of its own") {
  const Workplace at;
  refused(at, "", {"subcommand"}, kWrongUsage);
  refused(at, "sing", {"subcommand"}, kWrongUsage);
  refused(at, "enroll --model " + at / "tiny.lgm", {"required"}, kWrongUsage);
  refused(at,
          extract_line(at, {.more = "--enroll " + at / "anchor.wav"}),
          {"--profile,--enroll"},
          kWrongUsage);
  refused(at,
          "extract --model " + at / "tiny.lgm " + at / "mix.wav" + " -o " + at / "out.wav",
          {"--profile,--enroll"},
          kWrongUsage);
  refused(at, extract_line(at, {.more = "--samples mp3"}), {"--samples"}, kWrongUsage);
  for (const char* arguments : {"", "x.pt --config x.json -o x.lgm --weights q4", "--sing"}) {
    CAPTURE(arguments);
    CHECK(run_line(std::string(LIGERO_CONVERT " ") + arguments).code == kWrongUsage);
  }
  CHECK(run_tool("--help").code == 0);
  CHECK(run_tool("extract --help").code == 0);
}

}  // namespace
}  // namespace ligero::testing
