// SPDX-License-Identifier: Apache-2.0
// Files made to do harm, and disks and names that would, through the programs: refused with what,
// where and what was expected; no new file is left, and no old one changed. Not: each reader's own
// list (tests/converter, tests/model).
#include <doctest/doctest.h>
#include <unistd.h>

#include <map>
#include <string>
#include <vector>

#include "tests/cli/tool.h"
#include "tests/converter/archive.h"

namespace ligero::testing {
namespace {

const std::string kGolden = LIGERO_SOURCE_DIR "/tests/golden/tiny";

// Every file of the folder and what is in it.
std::map<std::string, std::string> contents(const Folder& at) {
  std::map<std::string, std::string> out;
  for (const std::string& name : at.names()) {
    out[name] = std::filesystem::is_directory(at / name) ? "" : read_file(at / name);
  }
  return out;
}

// Runs a line of the shell that must be refused with all of `parts` in its message, and leave the
// folder as it is.
void refused(const Folder& at, const std::string& line, const std::vector<std::string>& parts) {
  const std::map<std::string, std::string> before = contents(at);
  const Outcome outcome = run_line(line);
  CAPTURE(line);
  CAPTURE(outcome.text);
  CHECK(outcome.code == 1);
  for (const std::string& part : parts) {
    CAPTURE(part);
    CHECK(outcome.says(part));
  }
  CHECK(contents(at) == before);
}

std::string convert_line(const Folder& at, const std::string& checkpoint) {
  return LIGERO_CONVERT " " + at / checkpoint + " --config " + kGolden + ".json -o " + at / "x.lgm";
}

TEST_CASE("malicious: a pickle that would run code is named, and does not run") {
  const Folder at;
  using pickle::global;
  const std::string touch = "touch " + at / "pwned";
  const std::string call = pickle::kProto + global("os", "system") + pickle::text(touch) + "\x85R.";
  write_file(at / "evil.pt", zip_of({stored_entry("a/data.pkl", call)}));
  refused(at, convert_line(at, "evil.pt"), {"evil.pt", "a/data.pkl", "byte 2", "os.system"});
}

TEST_CASE("malicious: a zip bomb is refused before it unpacks") {
  const Folder at;
  write_file(at / "bomb.pt",
             zip_of({deflated_entry("a/data.pkl", "x")},
                    [](std::vector<RawEntry>& e) { e[0].bytes = 4'000'000'000; }));
  refused(at, convert_line(at, "bomb.pt"), {"bomb.pt", "a/data.pkl", "would unpack", "4000000000"});
}

TEST_CASE("malicious: safetensors whose ranges overlap, or whose shape has 2^31 elements") {
  const Folder at;
  const auto with = [](const std::string& second, size_t bytes) {
    const std::string header =
        R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32",)" + second +
        "}}";
    return little(static_cast<uint64_t>(header.size())) + header + std::string(bytes, '\0');
  };
  write_file(at / "overlap.safetensors", with(R"("shape":[1],"data_offsets":[0,4])", 4));
  refused(
      at, convert_line(at, "overlap.safetensors"), {"overlap.safetensors", "tensor b", "overlaps"});
  write_file(at / "huge.safetensors",
             with(R"("shape":[2147483648,2147483648],"data_offsets":[4,8])", 8));
  refused(at, convert_line(at, "huge.safetensors"), {"huge.safetensors", "tensor b", "2147483648"});
}

TEST_CASE("malicious: an output that is a folder, of every command that writes one file") {
  const Workplace at;
  std::filesystem::create_directory(at / "dir.wav");
  const std::string model = " --model " + at / "tiny.lgm ";
  const std::string folder = at / "dir.wav";
  const std::string enroll = LIGERO_TOOL " enroll" + model + at / "anchor.wav" + " -o ";
  const std::string extract =
      LIGERO_TOOL " extract" + model + "--profile " + at / "who.profile " + at / "mix.wav" + " -o ";
  const std::string convert =
      LIGERO_CONVERT " " + kGolden + ".safetensors --config " + kGolden + ".json -o ";
  for (const std::string& line : {enroll + folder,
                                  enroll + at / "new.profile --report " + folder,
                                  extract + at / "out.wav --report " + folder,
                                  convert + folder,
                                  convert + at / "x.lgm --report " + folder}) {
    refused(at.folder, line, {"dir.wav", "is a folder", "expected the name of a file"});
  }
}

TEST_CASE("malicious: an output that is an input, by name, by link, or twice") {
  const Workplace at;
  std::filesystem::create_symlink(at / "mix.wav", at / "soft.wav");
  std::filesystem::create_hard_link(at / "anchor.wav", at / "hard.wav");
  write_file(at / "c.json", read_file(kGolden + ".json"));
  write_file(at / "c.safetensors", read_file(kGolden + ".safetensors"));
  const std::string model = " --model " + at / "tiny.lgm ";
  const std::string enroll = LIGERO_TOOL " enroll" + model + at / "anchor.wav" + " -o ";
  const std::string extract =
      LIGERO_TOOL " extract" + model + "--profile " + at / "who.profile " + at / "mix.wav" + " -o ";
  for (const std::string& line : {enroll + at / "anchor.wav",
                                  enroll + at / "hard.wav",
                                  enroll + at / "tiny.lgm",
                                  enroll + at / "p --report " + at / "./p",
                                  extract + at / "mix.wav",
                                  extract + at / "soft.wav",
                                  extract + at / "o.wav --report " + at / "who.profile",
                                  extract + at / "o.wav --report " + at / "o.wav"}) {
    refused(at.folder, line, {"cannot write", "which this command uses as well"});
  }
  const std::string convert =
      LIGERO_CONVERT " " + at / "c.safetensors --config " + at / "c.json -o ";
  for (const std::string& output : {at / "c.safetensors",
                                    at / "x --report " + at / "c.json",
                                    at / "x --report " + at / "./x"}) {
    refused(at.folder, convert + output, {"cannot write", "which this command uses as well"});
  }
}

TEST_CASE("malicious: an input that is a folder, of every command, is named") {
  const Workplace at;
  std::filesystem::create_directory(at / "dir");
  const std::string dir = at / "dir";
  const std::string tool = LIGERO_TOOL " ";
  const std::string model = " --model " + at / "tiny.lgm ";
  const std::string who = "--profile " + at / "who.profile ";
  const std::string to = " -o " + at / "o.wav";
  const std::string convert = LIGERO_CONVERT " -o " + at / "x.lgm ";
  for (const std::string& line :
       {tool + "info " + dir,
        tool + "enroll" + model + dir + to,
        tool + "extract" + model + who + dir + to,
        tool + "extract" + model + "--profile " + dir + " " + at / "mix.wav" + to,
        tool + "verify" + model + at / "who.profile " + dir,
        tool + "score --reference " + dir + " " + at / "mix.wav",
        tool + "run" + model + "--graph enroll --input hops=" + dir + " --output " + at / "out",
        convert + dir + " --config " + kGolden + ".json",
        convert + kGolden + ".safetensors --config " + dir}) {
    refused(at.folder, line, {dir});
  }
}

TEST_CASE("malicious: a full disk leaves nothing behind, and the old file as it was") {
  const Workplace at;
  write_file(at / "old.profile", "precious");
  // Files of at most 512 bytes; a write beyond that fails as on a full disk.
  const std::string small_disk = "trap '' XFSZ; ulimit -f 1; ";
  const std::string model = " --model " + at / "tiny.lgm ";
  const std::string enroll = LIGERO_TOOL " enroll" + model + at / "anchor.wav" + " -o ";
  const std::string extract =
      LIGERO_TOOL " extract" + model + "--profile " + at / "who.profile " + at / "mix.wav" + " -o ";
  const std::string convert =
      LIGERO_CONVERT " " + kGolden + ".safetensors --config " + kGolden + ".json -o ";
  refused(at.folder, small_disk + enroll + at / "old.profile", {"old.profile", "File too large"});
  refused(at.folder, small_disk + enroll + at / "new.profile", {"new.profile", "File too large"});
  refused(at.folder, small_disk + convert + at / "x.lgm", {"x.lgm", "File too large"});
  // Room for the report (140 KB), not for the model (280 KB).
  refused(at.folder,
          "trap '' XFSZ; ulimit -f 400; " + convert + at / "x.lgm --report " + at / "x.report",
          {"x.lgm", "File too large"});
  for (const char* name : {"o.wav", "o.flac", "o.ogg"}) {
    refused(at.folder, small_disk + extract + at / name, {name});
  }
  if (access("/dev/full", W_OK) == 0) {
    refused(at.folder, enroll + "/dev/full", {"/dev/full", "No space left on device"});
    std::filesystem::create_symlink("/dev/full", at / "full.wav");
    // No comparison of contents: /dev/full can be read for ever.
    const Outcome outcome = run_line(extract + at / "full.wav");
    CAPTURE(outcome.text);
    CHECK(outcome.code == 1);
    CHECK(outcome.says("No space left on device"));
  }
}

}  // namespace
}  // namespace ligero::testing
