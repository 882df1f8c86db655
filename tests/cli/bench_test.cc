// ligero bench: what it measures is there and makes sense. Not: how fast anything is.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "tests/cli/tool.h"

namespace ligero::testing {
namespace {

nlohmann::json bench(const std::string& arguments) {
  const Outcome done = run_tool("bench --json " + arguments);
  INFO(done.text);
  REQUIRE(done.code == 0);
  return nlohmann::json::parse(done.text);
}

void check_times(const nlohmann::json& ms) {
  CHECK(ms["min"] > 0.0);
  CHECK(ms["min"] <= ms["p50"]);
  CHECK(ms["p50"] <= ms["p95"]);
  CHECK(ms["p95"] <= ms["p99"]);
  CHECK(ms["p99"] <= ms["max"]);
}

TEST_CASE("bench: whole recordings and hop by hop, times in order and memory by kind") {
  const Workplace at;
  const std::string model = "--model " + at / "tiny.lgm";
  const nlohmann::json offline = bench(model + " --seconds 0.5 --runs 3");
  check_times(offline["ms"]);
  CHECK(offline["mode"] == "offline");
  CHECK(offline["real_time_factor"] ==
        doctest::Approx(offline["ms"]["p50"].get<double>() / 500.0));
  CHECK(offline["block_bytes"] >= offline["memory"]["activations"]);
  const nlohmann::json live = bench(model + " --mode stream --seconds 1");
  check_times(live["ms_per_hop"]);
  CHECK(live["latency_ms"] >= 10.0);
  CHECK(live["session_bytes"] > 0);
  CHECK(live["healed_hops"] == 0);
}

TEST_CASE("bench --ops: every node has its share of the time, the longest first") {
  const Workplace at;
  for (const std::string mode : {"offline", "stream"}) {
    CAPTURE(mode);
    const nlohmann::json nodes =
        bench("--ops --seconds 1 --runs 3 --mode " + mode + " --model " + at / "tiny.lgm")["nodes"];
    REQUIRE(nodes.size() >= 2);
    double shares = 0.0;
    double last = 1e9;
    for (const nlohmann::json& node : nodes) {
      CHECK(node["ms"] <= last);
      last = node["ms"];
      shares += node["share"].get<double>();
    }
    CHECK(shares == doctest::Approx(1.0));
  }
  CHECK(run_tool("bench --ops --seconds 1 --model " + at / "tiny.lgm").says("GFLOP/s"));
}

TEST_CASE("bench: a model that needs the whole recording is told how to run live") {
  const Folder folder;
  const std::string golden = std::string(LIGERO_SOURCE_DIR) + "/tests/golden/tiny";
  REQUIRE(run_line(std::string(LIGERO_CONVERT) + " " + golden + ".safetensors --config " + golden + ".json -o " +
                   folder / "golden.lgm")
              .code == 0);
  const std::string line = "bench --mode stream --seconds 1 --model " + folder / "golden.lgm";
  const Outcome refused = run_tool(line);
  CHECK(refused.code == 1);
  CHECK(refused.says("frame by frame"));
  CHECK(refused.says("--block"));
  CHECK(run_tool(line + " --block 0.2").code == 0);
  CHECK(run_tool("bench --mode sideways --model " + folder / "golden.lgm").code == 2);
  CHECK(run_tool("bench --runs 0 --model " + folder / "golden.lgm").code == 2);
}

}  // namespace
}  // namespace ligero::testing
