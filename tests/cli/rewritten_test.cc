// SPDX-License-Identifier: Apache-2.0
// A model file that is rewritten while the tool plays, as `cp` does it: the voice stays what it
// was. Not: the plug-in (tests/cmake/ladspa.cmake).
#include <doctest/doctest.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cstring>
#include <string>
#include <vector>

#include "model/format/whole_file.h"
#include "tests/cli/tool.h"

namespace ligero::testing {
namespace {

/// Runs lines in the shell, not through run_line()'s redirection of one command.
int run_shell(const std::string& script) {
  const int status = std::system(("bash -c '" + script + "'").c_str());
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/// A workplace with a recording of `samples` as floats without a header, and what `cp` puts in the
/// model's place: nothing, a shorter, a longer and a random file.
struct Rewritten {
  Workplace at;
  explicit Rewritten(size_t samples) {
    const std::vector<float> x = tone(samples, 330.0f);
    write_file(at / "in.raw", {reinterpret_cast<const char*>(x.data()), x.size() * sizeof(float)});
    const std::string model = read_file(at / "tiny.lgm");
    write_file(at / "empty.lgm", "");
    write_file(at / "shorter.lgm", model.substr(0, model.size() / 2));
    std::string random(model.size() + 100000, 0);
    for (size_t i = 0; i < random.size(); ++i) {
      random[i] = static_cast<char>(i * i * 31 + i * 7);
    }
    write_file(at / "longer.lgm", random);
    write_file(at / "random.lgm", random.substr(0, model.size()));
    write_file(at / "good.lgm", model);
  }
};

/// Feeds the first half, waits until its voice is there or a minute is over, copies, feeds the
/// rest.
std::string feeds(const std::string& model,
                  const std::string& other,
                  const std::string& in,
                  const std::string& out) {
  return "(head -c 32000 " + in + "; for n in $(seq 3000); do test $(stat -c %s " + out +
         ") -ge 30000 && break; sleep 0.02; done; cp " + other + " " + model + "; tail -c +32001 " +
         in + ")";
}

}  // namespace

TEST_CASE("live --raw: the model's file may be rewritten meanwhile, the voice is the same") {
  const Rewritten place(16000);
  const Workplace& at = place.at;
  const std::string live = std::string(LIGERO_TOOL) + " live --model " + at / "tiny.lgm" +
                           " --profile " + at / "who.profile" + " --raw 16000:1:f32 2> " +
                           at / "said" + " > " + at / "out.raw";
  REQUIRE(run_shell("cat " + at / "in.raw" + " | " + live) == 0);
  const std::string want = read_file(at / "out.raw");
  REQUIRE(want.size() > 64000);
  for (const char* other : {"empty.lgm", "shorter.lgm", "longer.lgm", "random.lgm"}) {
    CAPTURE(std::string(other));
    write_file(at / "tiny.lgm", read_file(at / "good.lgm"));
    write_file(at / "out.raw", "");
    CHECK(run_shell("set -o pipefail; " +
                    feeds(at / "tiny.lgm", at / other, at / "in.raw", at / "out.raw") + " | " +
                    live) == 0);
    CHECK(read_file(at / "out.raw") == want);
  }
}

TEST_CASE("extract: the model's file may be rewritten meanwhile, the voice is the same") {
  const Rewritten place(16000);
  const Workplace& at = place.at;
  const std::string extract = std::string(LIGERO_TOOL) +
                              " extract --raw 16000:1:f32 --samples float --stream 160 --model " +
                              at / "tiny.lgm" + " --profile " + at / "who.profile" + " -o ";
  REQUIRE(run_shell(extract + at / "want.raw" + " " + at / "in.raw > " + at / "said") == 0);
  const std::string want = read_file(at / "want.raw");
  REQUIRE(want.size() == 64000);
  REQUIRE(::mkfifo((at / "fifo.raw").c_str(), 0600) == 0);
  for (const char* other : {"empty.lgm", "shorter.lgm", "longer.lgm", "random.lgm"}) {
    CAPTURE(std::string(other));
    write_file(at / "tiny.lgm", read_file(at / "good.lgm"));
    // The tool has opened the model before it opens the recording, for which the shell waits.
    CHECK(run_shell(extract + at / "out.raw" + " " + at / "fifo.raw > " + at / "said" +
                    " & exec 3> " + at / "fifo.raw" + "; head -c 32000 " + at / "in.raw" +
                    " >&3; cp " + at / other + " " + at / "tiny.lgm" + "; tail -c +32001 " +
                    at / "in.raw" + " >&3; exec 3>&-; wait $!") == 0);
    CHECK(read_file(at / "out.raw") == want);
  }
}

TEST_CASE(
    "extract: a model too large to be copied that is made shorter meanwhile ends in a sentence") {
  const Rewritten place(16000);
  const Workplace& at = place.at;
  ModelDraft large = tiny_model();
  // Before the weights that are used lies more than is copied.
  large.graphs[0].tensors.push_back({.name = "unused",
                                     .kind = Kind::kWeight,
                                     .dims = {17, 1 << 20},
                                     .values = std::vector<float>(17 << 20, 1.0f)});
  write_model_file(at / "tiny.lgm", large);
  REQUIRE(::mkfifo((at / "fifo.raw").c_str(), 0600) == 0);
  const std::string extract = std::string(LIGERO_TOOL) +
                              " extract --raw 16000:1:f32 --stream 160 --model " + at / "tiny.lgm" +
                              " --profile " + at / "who.profile" + " -o " + at / "out.raw" + " " +
                              at / "fifo.raw 2> " + at / "said";
  const auto run = [&](const std::string& meanwhile) {
    return run_shell(extract + " > " + at / "log" + " & exec 3> " + at / "fifo.raw" + "; " +
                     meanwhile + "cat " + at / "in.raw" + " >&3; exec 3>&-; wait $!");
  };
  CHECK(run("") == 0);
  std::filesystem::remove(at / "out.raw");
  CHECK(run("trap \"\" PIPE; truncate -s 1000 " + at / "tiny.lgm" + "; ") == 1);
  CHECK(read_file(at / "said").find("became shorter while it was in use") != std::string::npos);
  CHECK(!std::filesystem::exists(at / "out.raw"));
}

}  // namespace ligero::testing
