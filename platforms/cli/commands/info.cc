// SPDX-License-Identifier: Apache-2.0
// `ligero info`: what a model file holds and what it costs. Not: checking (model/format/loader.h).
#include <CLI/CLI.hpp>
#include <array>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "model/session/ports.h"
#include "platforms/cli/arena_bytes.h"
#include "platforms/cli/bench/machine.h"
#include "platforms/cli/commands/commands.h"
#include "platforms/cli/commands/graph_json.h"
#include "platforms/cli/default_model.h"
#include "platforms/cli/model_file.h"
#include "platforms/cli/refusal.h"
#include "runtime/base/checked.h"
#include "runtime/plan/plan.h"

namespace ligero::cli {

namespace {

using Json = nlohmann::ordered_json;

constexpr int64_t kArenaSeconds = 4;
constexpr double kMsPerSecond = 1000.0;
// A profile file: model/format/profile.h.
constexpr size_t kProfileHeaderBytes = 64;
constexpr size_t kProfileEntryBytes = 128;

struct Options {
  std::string model;
  bool json = false;
  bool verify = false;
  bool nodes = false;
  bool arena = false;
};

Json memory_of(const ModelFile& file, const Graph& graph) {
  PlanOptions options;
  options.max_frames = static_cast<int32_t>(
      hops_of(kArenaSeconds * file.model.rate_hz(), file.model.hop_samples()));
  options.cpu = cpu_features();
  const Result<Plan> plan = make_plan(graph, options);
  if (!plan.ok()) {
    refuse_status(text("model '", file.path, "', graph '", graph.name, "'"), plan.status());
  }
  Json memory = {{"total", plan.value().bytes()}};
  memory.update(memory_json(plan.value().memory));
  return memory;
}

// Impulse delay of a graph from hops to hops, or the first node that must see the whole recording.
Json latency_of(const ModelFile& file, const Graph& graph, const Array<NodeFacts>& facts) {
  const Result<OutputTiming> timing = output_timing(graph, 0);
  if (!timing.ok()) {
    refuse_status(text("model '", file.path, "', graph '", graph.name, "'"), timing.status());
  }
  const int64_t hop = file.model.hop_samples();
  const int64_t window = (timing.value().lag + 1) * hop;
  const int64_t samples = window + timing.value().delay * hop;
  const auto ms = [&](int64_t n) {
    return static_cast<double>(n) * kMsPerSecond / file.model.rate_hz();
  };
  Json out = {
      {"impulse_delay_samples", samples},
      {"impulse_delay_ms", ms(samples)},
      {"window_ms", ms(window)},
      {"look_ahead_frames", timing.value().delay},
      {"whole_recording", false}};
  for (size_t i = 0; i < facts.size(); ++i) {
    for (size_t k = 0; k < graph.nodes[i].inputs.size(); ++k) {
      if (facts[i].time[k].use == TimeUse::kWhole) {
        out["whole_recording"] = true;
        out["whole_recording_because_of"] = graph.nodes[i].name;
        return out;
      }
    }
  }
  return out;
}

Json graph_report(const ModelFile& file, const Graph& graph, bool nodes) {
  Array<NodeFacts> facts;
  if (const Status status = infer_graph(graph, &facts); !status.ok()) {
    refuse_status(text("model '",
                       file.path,
                       "', graph '",
                       graph.name,
                       "', node '",
                       node_name(graph, status.index),
                       "'"),
                  status);
  }
  int64_t parameters = 0;
  for (const Tensor& tensor : graph.tensors) {
    parameters += tensor.kind == Kind::kWeight ? tensor.elements() : 0;
  }
  int64_t per_frame = 0;
  int64_t once = 0;
  for (const NodeFacts& node : facts) {
    (node.constant ? once : per_frame) += node.macs_of_frame();
  }
  Json report = {{"name", graph.name},
                 {"layers", graph.nodes.size()},
                 {"parameters", parameters},
                 {"weight_bytes", weight_bytes(graph)},
                 {"macs_per_frame", per_frame},
                 {"macs_once", once},
                 {"arena_bytes_4s", memory_of(file, graph)}};
  const Tensor& output = graph.tensors[static_cast<size_t>(graph.outputs[0])];
  if (output.kind == Kind::kSequence) {
    report["latency"] = latency_of(file, graph, facts);
  }
  if (nodes) {
    report["graph"] = graph_json(file, graph, facts);
  }
  return report;
}

// Bytes of a profile: one entry for each output of `enroll`, or, of a model without it, for each
// constant that `extract` takes.
size_t profile_bytes(const Model& model) {
  const Graph* enroll = model.graph("enroll");
  const Graph& graph = enroll != nullptr ? *enroll : model.graphs().front();
  size_t bytes = kProfileHeaderBytes;
  for (const int32_t index : enroll != nullptr ? graph.outputs : graph.inputs) {
    const Tensor& tensor = graph.tensors[static_cast<size_t>(index)];
    if (tensor.kind == Kind::kConstant) {
      bytes +=
          kProfileEntryBytes + align_up(static_cast<size_t>(tensor.elements()) * sizeof(float));
    }
  }
  return bytes;
}

Json weight_bytes_by_type(const ModelFile& file) {
  std::array<int64_t, 3> bytes = {};
  for (const Graph& graph : file.model.graphs()) {
    for (const Tensor& tensor : graph.tensors) {
      bytes[static_cast<size_t>(tensor.type)] += stored_bytes(tensor);
    }
  }
  return {{"segment", file.model.weights().size()},
          {"f32", bytes[static_cast<size_t>(Type::kF32)]},
          {"f16", bytes[static_cast<size_t>(Type::kF16)]},
          {"int8", bytes[static_cast<size_t>(Type::kQ8)]}};
}

Json model_report(const ModelFile& file, bool nodes) {
  const Model& model = file.model;
  Json report = {{"file", file.path}};
  for (const char* key : {"name", "system", "form", "licence", "training_data"}) {
    report[key] = model.metadata(key);
  }
  if (!model.metadata("front_end").empty()) {
    report["front_end"] = model.metadata("front_end");
  }
  report["family"] = model.family();
  report["format"] = text(model.version_major(), ".", model.version_minor());
  report["bytes"] = {{"file", model.file_bytes()}, {"weights", weight_bytes_by_type(file)}};
  report["bytes"]["profile"] = profile_bytes(model);
  report["rate_hz"] = model.rate_hz();
  report["hop_samples"] = model.hop_samples();
  if (model.graph("extract") != nullptr) {
    const Ports ports = ports_of(file);
    report["takes_profile"] = ports.takes_profile();
    report["side_outputs"] = Json::array();
    for (size_t k = 0; k < ports.num_side_outputs; ++k) {
      report["side_outputs"].push_back(ports.side_outputs[k].name);
    }
  }
  report["kernels"] = to_json(kernel_sets(cpu_features()));
  report["graphs"] = Json::array();
  for (const Graph& graph : model.graphs()) {
    report["graphs"].push_back(graph_report(file, graph, nodes));
  }
  return report;
}

void print_line(const std::string& label, const std::string& value) {
  std::printf("%-18s %s\n", label.c_str(), value.c_str());
}

void print_line(const std::string& label, const Json& value) {
  print_line(label, value.is_string() ? value.get<std::string>() : value.dump());
}

void print_graph(const Json& graph) {
  std::printf("graph %s\n", graph["name"].get<std::string>().c_str());
  print_line("  layers", graph["layers"]);
  print_line("  parameters", graph["parameters"]);
  print_line("  weight bytes", graph["weight_bytes"]);
  print_line("  MACs per frame", graph["macs_per_frame"]);
  if (graph["macs_once"] != 0) {
    print_line("  MACs once", graph["macs_once"]);
  }
  const Json& arena = graph["arena_bytes_4s"];
  print_line("  arena for 4 s",
             text(arena["total"],
                  " bytes: state ",
                  arena["state"],
                  ", activations ",
                  arena["activations"],
                  ", scratch ",
                  arena["scratch"],
                  ", worked out at load ",
                  arena["worked_out_at_load"]));
  if (!graph.contains("latency")) {
    return;
  }
  const Json& latency = graph["latency"];
  if (latency["whole_recording"].get<bool>()) {
    print_line("  latency",
               text("the whole recording (",
                    latency["whole_recording_because_of"].get<std::string>(),
                    "); ",
                    latency["impulse_delay_ms"],
                    " ms without what needs it"));
  } else {
    print_line("  latency",
               text(latency["impulse_delay_ms"],
                    " ms: ",
                    latency["window_ms"],
                    " ms of window, ",
                    latency["look_ahead_frames"],
                    " frames of look-ahead"));
  }
}

void print_report(const Json& report) {
  const bool speaker = report.value("takes_profile", true);
  for (const char* key :
       {"file", "name", "system", "form", "licence", "training_data", "family", "format"}) {
    if (!speaker && std::string_view(key) == "form") {
      print_line("speaker", std::string("none needed, no profile"));
      continue;
    }
    print_line(key, report[key] == "" ? Json("not stated") : report[key]);
  }
  if (report.contains("front_end")) {
    print_line("front end", report["front_end"]);
  }
  const Json& bytes = report["bytes"];
  const Json& weights = bytes["weights"];
  print_line("bytes of file", bytes["file"]);
  print_line("bytes of weights",
             text(weights["segment"],
                  ": f32 ",
                  weights["f32"],
                  ", f16 ",
                  weights["f16"],
                  ", int8 ",
                  weights["int8"]));
  if (speaker) {
    print_line("bytes of profile", bytes["profile"]);
  }
  print_line("kernels here", to_text(kernel_sets(cpu_features())));
  for (const Json& graph : report["graphs"]) {
    print_graph(graph);
  }
  if (report.contains("weights_verified")) {
    print_line("weights", std::string("verified against their hash"));
  }
}

void info(const Options& options) {
  const ModelFile file = open_model(options.model);
  if (options.verify) {
    if (const Status status = file.model.verify_weights(); !status.ok()) {
      refuse_status(text("model '", file.path, "'"), status);
    }
  }
  const size_t arena = options.arena ? arena_bytes(file) : 0;
  if (options.arena && !options.json) {
    std::printf("%zu\n", arena);
    return;
  }
  Json report = model_report(file, options.nodes);
  if (options.arena) {
    report["arena_bytes"] = arena;
  }
  if (options.verify) {
    report["weights_verified"] = true;
  }
  if (options.json) {
    std::printf("%s\n", report.dump(2, ' ', false, Json::error_handler_t::replace).c_str());
  } else {
    print_report(report);
  }
}

}  // namespace

void add_info(CLI::App* app) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app->add_subcommand("info", "what a model file holds and what it costs");
  command->footer(
      "Example:\n"
      "  ligero info --verify small.lgm");
  command->add_option("model", options->model, kModelHelp);
  CLI::Option* json = command->add_flag("--json", options->json, "machine-readable output");
  command
      ->add_flag("--nodes", options->nodes, "each graph's nodes and tensors, and where weights lie")
      ->needs(json);
  command->add_flag("--arena",
                    options->arena,
                    "print only the bytes of memory that a board without operating system needs at most "
                    "(ligero_model_open_in)");
  command->add_flag("--verify", options->verify, "compare the weights with their hash");
  command->callback([options] {
    options->model = model_or_default(options->model);
    info(*options);
  });
}

}  // namespace ligero::cli
