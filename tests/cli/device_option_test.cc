// SPDX-License-Identifier: Apache-2.0
// --device: what the tool does with and without a GPU. Not: what a GPU computes (tests/cuda).
#include <doctest/doctest.h>

#include <set>
#include <string>

#include "tests/cli/tool.h"

namespace ligero::testing {
namespace {

TEST_CASE("--device: auto runs everywhere, and cuda runs or says why not, leaving no output") {
  const Workplace at;
  const std::string model = " --model " + at / "tiny.lgm";
  const std::string extract =
      "extract" + model + " --profile " + at / "who.profile" + " " + at / "mix.wav" + " -o ";
  const std::string enroll = "enroll" + model + " " + at / "mix.wav" + " -o ";
  const std::set<std::string> before = at.folder.names();
  const bool gpu = run_tool(extract + at / "gpu.wav" + " --device cuda").code == 0;
  if (!gpu) {
    std::printf("skipped: no GPU (what --device cuda computes)\n");
    CHECK(at.folder.names() == before);
    for (const std::string& command : {extract + at / "gpu.wav",
                                       extract + at / "gpu.wav" + " --stream 160",
                                       enroll + at / "gpu.profile"}) {
      CAPTURE(command);
      const Outcome refused = run_tool(command + " --device cuda");
      CHECK(refused.code == 1);
      CHECK(refused.says("--device cuda: this "));
      CHECK(refused.says("--device cpu computes on the processor"));
      CHECK(at.folder.names() == before);
    }
    const Outcome bench = run_tool("bench" + model + " --seconds 0.1 --on cuda");
    CHECK(bench.code == 1);
    CHECK(bench.says("--on cuda: this "));
  }
  const Outcome automatic = run_tool(extract + at / "auto.wav" + " --device auto");
  CHECK(automatic.code == 0);
  CHECK(automatic.says("computing on the processor") == !gpu);
  CHECK(run_tool(enroll + at / "auto.profile" + " --device auto").code == 0);
  REQUIRE(run_tool(extract + at / "cpu.wav" + " --device cpu").code == 0);
  if (!gpu) {
    CHECK(read_file(at / "cpu.wav") == read_file(at / "auto.wav"));
  }
}

TEST_CASE("--device: other names are wrong usage; what is measured is measured in one place") {
  const Outcome bench = run_tool("bench --model m --on auto");
  CHECK(bench.code == 2);
  CHECK(bench.says("--on"));
  const Outcome outcome = run_tool("extract --model m --profile p x.wav -o y.wav --device gpu");
  CHECK(outcome.code == 2);
  CHECK(outcome.says("--device"));
}

}  // namespace
}  // namespace ligero::testing
