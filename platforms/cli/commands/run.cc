// SPDX-License-Identifier: Apache-2.0
// `ligero run`: tensors in, tensors out, every node's if wanted, and how long it took. Not: sound.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "platforms/cli/bench/machine.h"
#include "platforms/cli/commands/commands.h"
#include "platforms/cli/model_file.h"
#include "platforms/cli/npy.h"
#include "platforms/cli/refusal.h"
#include "runtime/run.h"

namespace ligero::cli {

namespace {

struct Options {
  std::string model;
  std::string graph;
  std::vector<std::string> inputs;
  std::string output;
  std::string tap;
  int64_t samples = 0;
  int threads = 1;
  int repeat = 0;
};

struct NamedArray {
  std::string name;
  std::string path;
  NpyArray array;
};

// Sequences have a leading axis of frames.
std::vector<int64_t> shape_of(const Tensor& tensor, int64_t frames) {
  std::vector<int64_t> shape(tensor.dim, tensor.dim + tensor.rank);
  if (tensor.kind == Kind::kSequence) {
    shape.insert(shape.begin(), frames);
  }
  return shape;
}

std::vector<NamedArray> read_inputs(const std::vector<std::string>& pairs) {
  std::vector<NamedArray> out;
  for (const std::string& pair : pairs) {
    const size_t equals = pair.find('=');
    if (equals == std::string::npos || equals == 0) {
      refuse("--input ", pair, ": expected NAME=FILE.npy");
    }
    NamedArray input{pair.substr(0, equals), pair.substr(equals + 1), {}};
    input.array = read_npy(input.path);
    out.push_back(std::move(input));
  }
  return out;
}

const NamedArray& given(const std::vector<NamedArray>& inputs, const Tensor& tensor) {
  const auto found = std::find_if(inputs.begin(), inputs.end(), [&](const NamedArray& input) {
    return input.name == tensor.name;
  });
  if (found == inputs.end()) {
    refuse("input '", tensor.name, "' is missing; expected --input ", tensor.name, "=FILE.npy");
  }
  return *found;
}

// Frames of the sequences, which must agree; 1 where the graph takes constants only.
int64_t frames_of(const Graph& graph, const std::vector<NamedArray>& inputs) {
  int64_t frames = 0;
  for (const int32_t index : graph.inputs) {
    const Tensor& tensor = graph.tensors[static_cast<size_t>(index)];
    const NamedArray& input = given(inputs, tensor);
    if (tensor.kind == Kind::kSequence && frames == 0 && !input.array.shape.empty()) {
      frames = input.array.shape[0];
    }
    const std::vector<int64_t> expected = shape_of(tensor, std::max<int64_t>(frames, 1));
    if (input.array.shape != expected) {
      refuse("input '",
             input.name,
             "', '",
             input.path,
             "', has shape ",
             shape_text(input.array.shape),
             "; expected ",
             shape_text(expected));
    }
  }
  if (frames > INT32_MAX) {
    refuse("inputs have ", frames, " frames; expected at most ", INT32_MAX);
  }
  return std::max<int64_t>(frames, 1);
}

bool lists(const Graph& graph, std::span<const int32_t> tensors, const std::string& name) {
  return std::any_of(tensors.begin(), tensors.end(), [&](int32_t index) {
    return graph.tensors[static_cast<size_t>(index)].name == name;
  });
}

// What another graph gives may be left unread: a profile has more than `extract` takes.
void check_names(const Model& model, const Graph& graph, const std::vector<NamedArray>& inputs) {
  for (const NamedArray& input : inputs) {
    const bool given_by_other =
        std::any_of(model.graphs().begin(), model.graphs().end(), [&](const Graph& other) {
          return &other != &graph && lists(other, other.outputs, input.name);
        });
    if (!lists(graph, graph.inputs, input.name) && !given_by_other) {
      std::string names;
      for (const int32_t index : graph.inputs) {
        names += text(names.empty() ? "" : ", ", graph.tensors[static_cast<size_t>(index)].name);
      }
      refuse("graph '", graph.name, "' has no input '", input.name, "'; it has: ", names);
    }
  }
}

// Tensors to be written: the graph's outputs, or what every node produces.
std::set<int32_t> wanted_tensors(const Graph& graph, const Options& options) {
  std::set<int32_t> wanted(graph.outputs.begin(), graph.outputs.end());
  if (options.tap == "all") {
    for (const Node& node : graph.nodes) {
      wanted.insert(node.outputs.begin(), node.outputs.end());
    }
  }
  return wanted;
}

size_t write_tensors(const Graph& graph,
                     const Options& options,
                     int32_t frames,
                     Run* run) {
  std::error_code failure;
  std::filesystem::create_directories(options.output, failure);
  if (!std::filesystem::is_directory(options.output)) {
    refuse("cannot make folder '", options.output, "': ", failure.message());
  }
  const std::set<int32_t> wanted = wanted_tensors(graph, options);
  for (const int32_t index : wanted) {
    const Tensor& tensor = graph.tensors[static_cast<size_t>(index)];
    std::vector<float> values(static_cast<size_t>(values_of(graph, index, frames)));
    const auto output = std::find(graph.outputs.begin(), graph.outputs.end(), index);
    if (output != graph.outputs.end()) {
      const float* from = run->output(0, static_cast<size_t>(output - graph.outputs.begin()));
      std::copy(from, from + values.size(), values.begin());
    } else if (const Status status = run->read(0, index, values); !status.ok()) {
      refuse_status(text("tensor '", tensor.name, "'"), status);
    }
    write_npy(text(options.output, "/", tensor.name, ".npy"), shape_of(tensor, frames), values);
  }
  return wanted.size();
}

/// One run from its inputs on; what it took in milliseconds, the copying of inputs aside.
double run_once(const Graph& graph,
                const std::vector<NamedArray>& inputs,
                const Extent& extent,
                Run* run) {
  for (size_t k = 0; k < graph.inputs.size(); ++k) {
    const Tensor& tensor = graph.tensors[static_cast<size_t>(graph.inputs[k])];
    const std::vector<float>& values = given(inputs, tensor).array.values;
    std::copy(values.begin(), values.end(), run->input(0, k));
  }
  const Turn turn = {true, extent};
  const auto start = std::chrono::steady_clock::now();
  if (const Status status = run->run({&turn, 1}); !status.ok()) {
    refuse_status(text("graph '", graph.name, "'"), status);
  }
  const auto end = std::chrono::steady_clock::now();
  return std::chrono::duration<double, std::milli>(end - start).count();
}

void run_command(const Options& options) {
  const int64_t idle_bytes = peak_resident_bytes();
  const Threads threads(options.threads);
  const ModelFile model = open_model(options.model);
  const Graph& graph = graph_of(model, options.graph);
  const std::vector<NamedArray> inputs = read_inputs(options.inputs);
  check_names(model.model, graph, inputs);
  const int64_t frames = frames_of(graph, inputs);
  const Extent extent = {
      frames,
      options.samples > 0 ? options.samples : (frames - 1) * model.model.hop_samples()};
  const Result<std::unique_ptr<Run>> opened = threads.processor().open(
      graph, {.max_frames = static_cast<int32_t>(frames), .keep_all = options.tap == "all"});
  if (!opened.ok()) {
    refuse_status(
        text("graph '", graph.name, "', node '", node_name(graph, opened.status().index), "'"),
        opened.status());
  }
  Run* run = opened.value().get();
  run_once(graph, inputs, extent, run);
  std::vector<double> ms;
  for (int i = 0; i < options.repeat; ++i) {
    ms.push_back(run_once(graph, inputs, extent, run));
  }
  const int64_t bytes = peak_resident_bytes() - idle_bytes;
  const size_t written = write_tensors(graph, options, static_cast<int32_t>(frames), run);
  if (options.repeat > 0) {
    std::printf("%s\n", nlohmann::json({{"ms", ms}, {"peak_bytes", bytes}}).dump().c_str());
  } else {
    std::printf("%zu tensors of %lld frames: '%s'\n",
                written,
                static_cast<long long>(frames),
                options.output.c_str());
  }
}

}  // namespace

void add_run(CLI::App* app) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app->add_subcommand("run", "run one graph on tensors (.npy)");
  command->footer(
      "Example:\n"
      "  ligero run --model small.lgm --graph enroll --input anchor_hops=hops.npy --output taps "
      "--tap all");
  command->add_option("--model", options->model, "model file (.lgm)")->required();
  command->add_option("--graph", options->graph, "enroll or extract")->required();
  command->add_option("--input", options->inputs, "NAME=FILE.npy, one for each input of the graph")
      ->required();
  command->add_option("--output", options->output, "folder for the tensors")->required();
  command->add_option("--tap", options->tap, "all: what every node produces, not only the outputs")
      ->check(CLI::IsMember({"all"}));
  command
      ->add_option("--samples",
                   options->samples,
                   "length of the signal; otherwise that of all hops but the last, which flushes")
      ->check(CLI::PositiveNumber);
  command->add_option("--threads", options->threads, "threads to compute with")
      ->capture_default_str();
  command
      ->add_option("--repeat",
                   options->repeat,
                   "run so often again; print what each took, and the most memory beyond that of "
                   "the tool at its start, as JSON")
      ->check(CLI::Range(1, 1000000));
  command->callback([options] { run_command(*options); });
}

}  // namespace ligero::cli
