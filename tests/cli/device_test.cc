// SPDX-License-Identifier: Apache-2.0
// bench --device, --table and --predict: what they write is there and follows from what was
// measured; what they do not take is refused. Not: how fast anything is.
#include <doctest/doctest.h>
#include <unistd.h>

#include <cmath>
#include <csignal>
#include <nlohmann/json.hpp>
#include <string>

#include "platforms/cli/bench/device_report.h"
#include "platforms/cli/bench/node_work.h"
#include "platforms/cli/bench/prediction.h"
#include "platforms/cli/child.h"
#include "platforms/cli/model_file.h"
#include "platforms/cli/refusal.h"
#include "tests/cli/tool.h"

namespace ligero::testing {
namespace {

using Json = nlohmann::ordered_json;

Json live_run(int threads, double p99, int missed) {
  return {{"mode", "stream"},
          {"threads", threads},
          {"real_time_factor", p99 / 20.0},
          {"hops", 6000},
          {"missed_hops", missed},
          {"ms_per_hop", {{"p50", p99 / 2.0}, {"p99", p99}, {"max", p99 * 2.0}}},
          {"peak_resident_bytes", 8 << 20}};
}

Json offline_run(double factor) {
  return {{"mode", "offline"},
          {"threads", 1},
          {"real_time_factor", factor},
          {"ms", {{"p50", 1.0}, {"p99", 1.0}, {"max", 1.0}}},
          {"peak_resident_bytes", 8 << 20}};
}

Json model_of(const char* file, const char* live_refused, const std::vector<Json>& runs) {
  return {{"file", file}, {"live_refused", live_refused}, {"runs", Json(runs)}};
}

std::string verdict(const Json& report, size_t model) {
  return report["models"][model]["verdict"]["text"];
}

bool has(const std::string& all, const std::string& part) {
  return all.find(part) != std::string::npos;
}

TEST_CASE("verdict: what fits says by how much, what does not says which model would") {
  Json report = {{"models",
                  {model_of("big.lgm", "", {live_run(1, 25.0, 6000), live_run(4, 12.0, 900)}),
                   model_of("middle.lgm", "", {live_run(1, 12.0, 100), live_run(4, 8.0, 0)}),
                   model_of("small.lgm", "", {live_run(1, 2.5, 0)}),
                   model_of("whole.lgm", "it looks ahead", {offline_run(0.1)})}}};
  cli::add_verdicts(&report);
  CHECK_FALSE(report["models"][0]["verdict"]["fits"].get<bool>());
  CHECK(has(verdict(report, 0), "does not fit"));
  CHECK(has(verdict(report, 0), "small.lgm fits"));
  CHECK(report["models"][1]["verdict"]["threads"] == 4);
  CHECK(has(verdict(report, 1), "fits on 4 cores with 20.0 % to spare"));
  CHECK(has(verdict(report, 2), "fits on one core with 75.0 % to spare"));
  CHECK(has(verdict(report, 3), "recordings only"));
  CHECK(has(verdict(report, 3), "live, small.lgm fits"));
}

TEST_CASE("verdict: a hop in a thousand that is late is too many, whatever the 99th is") {
  Json report = {{"models", Json::array({model_of("a.lgm", "", {live_run(1, 2.5, 7)})})}};
  cli::add_verdicts(&report);
  CHECK_FALSE(report["models"][0]["verdict"]["fits"].get<bool>());
  CHECK(has(verdict(report, 0), "none of these models fits live"));
  report["models"][0]["runs"][0]["missed_hops"] = 6;
  cli::add_verdicts(&report);
  CHECK(report["models"][0]["verdict"]["fits"].get<bool>());
}

TEST_CASE("verdict: a model that did not run at all says why") {
  const Json refused = {{"mode", "stream"}, {"threads", 1}, {"refused", "no memory"}};
  Json report = {{"models", Json::array({model_of("a.lgm", "", {refused})})}};
  cli::add_verdicts(&report);
  CHECK(has(verdict(report, 0), "no memory"));
}

TEST_CASE("bench --device: one JSON and one page, of every model in a folder") {
  const Workplace at;
  const Outcome done = run_tool("bench --device --seconds 0.5 --label 'a <b> & c' --models " +
                                at.folder / "" + " -o " + at / "report");
  INFO(done.text);
  REQUIRE(done.code == 0);
  const Json report = Json::parse(read_file(at / "report/device.json"));
  CHECK(report["format"] == cli::kDeviceReportFormat);
  CHECK(report["label"] == "a <b> & c");
  CHECK(report["peaks"][0]["f32_gflops"] > 0.1);
  CHECK(report["celsius"].contains("after"));
  REQUIRE(report["models"].size() == 1);
  const Json& model = report["models"][0];
  CHECK(model["file"] == "tiny.lgm");
  const size_t threads = report["machine"]["cores"] > 1 ? 2 : 1;
  REQUIRE(model["runs"].size() == 2 * threads);
  const Json& live = model["runs"][0];
  CHECK(live["mode"] == "stream");
  CHECK(live["hops"] == 50);
  CHECK(live["missed_hops"] <= live["hops"]);
  CHECK(live["peak_resident_bytes"] > 1 << 20);
  CHECK(model["runs"].back()["mode"] == "offline");
  CHECK(model["runs"].back()["threads"] == report["machine"]["cores"]);
  CHECK(model["verdict"]["text"].get<std::string>().size() > 10);
  const std::string page = read_file(at / "report/device.html");
  CHECK(has(page, "a &lt;b&gt; &amp; c"));
  CHECK(has(page, model["verdict"]["text"]));
  CHECK_FALSE(has(page, "<script"));
  CHECK(page.ends_with("</html>\n"));
  for (const char* part : {"tiny.lgm", "temperature", "governor", "p99 ms", "peak MiB"}) {
    CAPTURE(part);
    CHECK(done.says(part));
    CHECK(has(page, part));
  }
}

TEST_CASE("bench --device: what it cannot do is refused before it measures, and leaves nothing") {
  const Workplace at;
  const auto refuses = [&](const std::string& arguments, const std::string& part) {
    const Outcome done = run_tool("bench --device --seconds 0.1 " + arguments);
    CAPTURE(arguments);
    CAPTURE(done.text);
    CHECK(done.code == 1);
    CHECK(done.says(part));
    CHECK_FALSE(done.says("measuring"));
  };
  write_file(at / "broken.lgm", "not a model");
  refuses("--models " + at / "tiny.lgm " + at / "broken.lgm" + " -o " + at / "r", "broken.lgm");
  refuses("--models " + at / "none.lgm" + " -o " + at / "r", "none.lgm");
  refuses("--models " + at / "tiny.lgm" + " -o " + at / "no/such", "no/such");
  refuses("--models " + at / "tiny.lgm" + " -o " + at / "mix.wav", "no folder");
  CHECK(at.folder.names().count("r") == 0);
  CHECK(run_tool("bench --models " + at / "tiny.lgm").code == 2);
  CHECK(run_tool("bench").code == 2);
}

std::string report_text(int format) {
  Json report = {
      {"format", format},
      {"label", "board | one"},
      {"models", Json::array({model_of("a.lgm", "", {live_run(1, 2.5, 0), offline_run(0.125)})})}};
  return report.dump();
}

TEST_CASE("bench --table: a line for each model, put between the markers alone") {
  const Folder at;
  write_file(at / "one.json", report_text(cli::kDeviceReportFormat));
  const Outcome table = run_tool("bench --table " + at / "one.json");
  CHECK(table.code == 0);
  CHECK(
      table.says("| board / one | a.lgm | 1.250, 2.500, 5.000 ms | 0 of 6000 | 0.1250, 0.1250 |"));
  write_file(at / "page.md", "above\n<!-- devices -->\nold\n<!-- /devices -->\nbelow\n");
  const std::string into = "bench --table " + at / "one.json" + " --into " + at / "page.md";
  CHECK(run_tool(into).code == 0);
  const std::string page = read_file(at / "page.md");
  CHECK(page == "above\n<!-- devices -->\n" + table.text + "<!-- /devices -->\nbelow\n");
  CHECK(run_tool(into).code == 0);
  CHECK(read_file(at / "page.md") == page);
}

TEST_CASE("bench --table: other formats, damage and pages without markers are refused") {
  const Folder at;
  write_file(at / "one.json", report_text(cli::kDeviceReportFormat));
  write_file(at / "new.json", report_text(cli::kDeviceReportFormat + 1));
  write_file(at / "none.json", "{\"label\": 1}");
  write_file(at / "broken.json", report_text(cli::kDeviceReportFormat).substr(0, 60));
  write_file(at / "short.json", "{\"format\": 1, \"label\": \"x\"}");
  write_file(at / "page.md", "no place\n");
  const auto refuses = [&](const std::string& arguments, const std::string& part) {
    const Outcome done = run_tool("bench --table " + arguments);
    CAPTURE(done.text);
    CHECK(done.code == 1);
    CHECK(done.says(part));
  };
  refuses(at / "new.json", "has format 2; this ligero reads format 1");
  refuses(at / "none.json", "is no device report");
  refuses(at / "broken.json", "is no device report");
  refuses(at / "short.json", "is damaged");
  refuses(at / "missing.json", "missing.json");
  refuses(at / "one.json" + " --into " + at / "page.md", "has no place");
  CHECK(read_file(at / "page.md") == "no place\n");
}

TEST_CASE("the table of the reports in platforms/devices is the one in README.md") {
  const std::string root = LIGERO_SOURCE_DIR;
  const Outcome table =
      run_line(LIGERO_TOOL " bench --table " + root + "/platforms/devices/*.json");
  REQUIRE(table.code == 0);
  CHECK(
      has(read_file(root + "/README.md"), "<!-- devices -->\n" + table.text + "<!-- /devices -->"));
}

TEST_CASE("child: gives what the work gives, and says how it ended otherwise") {
  const pid_t self = getpid();
  CHECK(cli::in_child([&] { return Json{{"other", getpid() != self}}; })["other"] == true);
  CHECK_THROWS_WITH_AS(
      cli::in_child([]() -> Json { cli::refuse("no such thing"); }), "no such thing", cli::Refusal);
  CHECK_THROWS_WITH_AS(
      cli::in_child([]() -> Json { _exit(3); }), "ended without a result", cli::Refusal);
  CHECK_THROWS_AS(cli::in_child([]() -> Json {
                    kill(getpid(), SIGKILL);
                    return {};
                  }),
                  cli::Refusal);
}

TEST_CASE("core: a clock and a memory that are stated are taken, each as far as it goes") {
  const cli::Target slow = cli::core_target("a53", 1.0, 2.0);
  const cli::Target fast = cli::core_target("a53", 2.0, 2.0);
  CHECK(fast.reached.f32_gflops == doctest::Approx(2.0 * slow.reached.f32_gflops));
  CHECK(fast.reached.memory_gb_s == slow.reached.memory_gb_s);
  CHECK(cli::core_target("a53", 1.0, 4.0).reached.memory_gb_s == 4.0);
  for (const std::string& key : cli::core_keys()) {
    CHECK(cli::core_target(key, 0.0, 0.0).ghz > 1.0);
  }
  CHECK_THROWS_AS(cli::core_target("z80", 1.0, 1.0), cli::Refusal);
}

TEST_CASE("bench --predict: every core, one of them, and this machine beside what is measured") {
  const Workplace at;
  const std::string line = "bench --json --predict --model " + at / "tiny.lgm ";
  const Json all = Json::parse(run_tool(line).text);
  REQUIRE(all["cores"].size() == cli::core_keys().size());
  for (const Json& core : all["cores"]) {
    CHECK(core["real_time_factor"].get<double>() ==
          doctest::Approx(core["ms"].get<double>() / 4000.0));
  }
  CHECK(all["cores"][0]["ms"] > all["cores"][2]["ms"]);
  const Json one =
      Json::parse(run_tool(line + "--mode stream --core a72 --clock 1.8 --memory 3 --check").text);
  REQUIRE(one["cores"].size() == 1);
  CHECK(one["cores"][0]["ghz"] == 1.8);
  const Json& check = one["check"];
  REQUIRE(check["nodes"].size() == 2);
  double measured = 0.0;
  double off = 0.0;
  for (const Json& node : check["nodes"]) {
    const double took = node["measured_ms"];
    const double expected = node["predicted_ms"];
    CHECK(expected > 0.0);
    CHECK(node["error"].get<double>() == doctest::Approx(expected / took - 1.0));
    measured += took;
    off += std::abs(expected - took);
  }
  CHECK(check["measured_ms"].get<double>() == doctest::Approx(measured));
  CHECK(check["op_error"].get<double>() == doctest::Approx(off / measured));
  CHECK(run_tool(line + "--core z80").code == 2);
  CHECK(run_tool(line + "--clock 1").code == 2);
  CHECK(run_tool(line + "--core a53 --clock nan").code != 0);
}

TEST_CASE(
    "work: attention counts each frame of the signal, a recurrence reads its matrix each step") {
  const Folder folder;
  const std::string golden = std::string(LIGERO_SOURCE_DIR) + "/tests/golden/tiny";
  REQUIRE(run_line(std::string(LIGERO_CONVERT) + " " + golden + ".safetensors --config " + golden +
                   ".json -o " + folder / "golden.lgm")
              .code == 0);
  const cli::ModelFile model = cli::open_model(folder / "golden.lgm");
  const Graph& graph = cli::graph_of(model, "extract");
  const cli::GraphWork work(graph);
  int attentions = 0;
  int recurrences = 0;
  for (size_t n = 0; n < graph.nodes.size(); ++n) {
    const std::string op = graph.nodes[n].op->name;
    const cli::NodeWork few = work.of(n, 100.0, 1 << 20);
    const cli::NodeWork many = work.of(n, 200.0, 1 << 20);
    CHECK(work.of(n, 0.0, 1 << 20).parts.empty());
    if (op == "attention") {
      ++attentions;
      CHECK(many.operations() == doctest::Approx(4.0 * few.operations()));
    }
    if (op == "lstm") {
      ++recurrences;
      const Tensor& matrix = graph.tensors[static_cast<size_t>(
          graph.nodes[n].inputs[static_cast<size_t>(work.facts(n).recurrence.weight)])];
      REQUIRE(few.parts.size() == 2);
      CHECK(few.parts[1].set_bytes == stored_bytes(matrix));
      CHECK(few.parts[1].bytes == 100.0 * static_cast<double>(stored_bytes(matrix)));
      CHECK(few.parts[1].operations == 200.0 * static_cast<double>(matrix.elements()));
      CHECK(few.operations() ==
            doctest::Approx(200.0 * static_cast<double>(work.facts(n).macs_of_frame())));
    }
  }
  CHECK(attentions == 1);
  CHECK(recurrences >= 1);
}

}  // namespace
}  // namespace ligero::testing
