// SPDX-License-Identifier: Apache-2.0
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

void check_load(const nlohmann::json& ms) {
  CHECK(ms["open"] > 0.0);
  CHECK(ms["prepare"] > 0.0);
  CHECK(ms["total"] == doctest::Approx(ms["open"].get<double>() + ms["prepare"].get<double>()));
}

TEST_CASE("bench: whole recordings and hop by hop, times in order and memory by kind") {
  const Workplace at;
  const std::string model = "--model " + at / "tiny.lgm";
  const nlohmann::json offline = bench(model + " --seconds 0.5 --runs 3");
  check_times(offline["ms"]);
  CHECK(offline["mode"] == "offline");
  CHECK(offline["real_time_factor"] == doctest::Approx(offline["ms"]["p50"].get<double>() / 500.0));
  CHECK(offline["block_bytes"] >= offline["memory"]["activations"]);
  CHECK(offline["peak_resident_bytes"] > offline["block_bytes"]);
  check_load(offline["load_ms"]);
  CHECK(offline["machine"]["cores"] >= 1);
  CHECK(offline["machine"]["system"].get<std::string>().find("Linux") != std::string::npos);
  const nlohmann::json live = bench(model + " --mode stream --seconds 1");
  check_times(live["ms_per_hop"]);
  CHECK(live["latency_ms"] >= 10.0);
  CHECK(live["session_bytes"] > 0);
  CHECK(live["healed_hops"] == 0);
  check_load(live["load_ms"]);
  const nlohmann::json& memory = live["memory"];
  CHECK(memory["state"] > 0);
  CHECK(live["session_bytes"] ==
        memory["state"].get<size_t>() + memory["activations"].get<size_t>() +
            memory["scratch"].get<size_t>() + memory["worked_out_at_load"].get<size_t>() +
            memory["around"].get<size_t>());
}

TEST_CASE(
    "bench --ops: every node has its share of the time, the longest first, beside the peaks") {
  const Workplace at;
  for (const std::string mode : {"offline", "stream"}) {
    CAPTURE(mode);
    const nlohmann::json report =
        bench("--ops --seconds 1 --runs 3 --mode " + mode + " --model " + at / "tiny.lgm");
    for (const char* peak : {"f32_gflops", "int8_gops", "memory_gb_s", "last_cache_gb_s"}) {
      CAPTURE(peak);
      CHECK(report["peaks"][peak] > 0.1);
    }
    const nlohmann::json& nodes = report["nodes"];
    REQUIRE(nodes.size() >= 2);
    double shares = 0.0;
    double last = 1e9;
    for (const nlohmann::json& node : nodes) {
      CHECK(node["ms"] <= last);
      last = node["ms"];
      shares += node["share"].get<double>();
      // A hop (offline: 101) of 160 values times as many others, which stay, read and written.
      const double frames = mode == "stream" ? 1.0 : 101.0;
      CHECK(node["bytes"] == 4.0 * 160.0 * (2.0 * frames + 1.0));
      CHECK(node["bound"] == "memory");
      CHECK(node["gb_per_s"].get<double>() ==
            doctest::Approx(node["bytes"].get<double>() / node["ms"].get<double>() * 1e-6));
      CHECK(node["of_peak"] > 0.0);
    }
    CHECK(shares == doctest::Approx(1.0));
  }
  const Outcome table = run_tool("bench --ops --seconds 1 --model " + at / "tiny.lgm");
  CHECK(table.says("GFLOP/s"));
  CHECK(table.says("of peak"));
}

TEST_CASE("bench: a model that needs the whole recording is told how to run live") {
  const Folder folder;
  const std::string golden = std::string(LIGERO_SOURCE_DIR) + "/tests/golden/tiny";
  REQUIRE(run_line(std::string(LIGERO_CONVERT) + " " + golden + ".safetensors --config " + golden +
                   ".json -o " + folder / "golden.lgm")
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
