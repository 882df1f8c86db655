// SPDX-License-Identifier: Apache-2.0
// Runs drafts and compares their nodes. Not: what is tolerated (passes/passes.h).
#include "converter/check.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <random>

#include "converter/open_draft.h"
#include "model/session/ports.h"
#include "model/systems/checkpoint.h"
#include "runtime/cpu_run.h"

namespace ligero {
namespace {

constexpr int64_t kSignalSamples = 19137;  // a prime: no multiple of a hop
constexpr float kLevel = 0.1f;

// Low-passed noise under a slow envelope, zero from kSignalSamples on.
std::vector<float> speech_like(size_t samples, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<float> wave(samples, 0.0f);
  double low = 0.0;
  const auto inside = std::min(samples, static_cast<size_t>(kSignalSamples));
  for (size_t i = 0; i < inside; ++i) {
    const double noise = random() * 0x1p-31 - 1.0;
    low = 0.8 * low + noise;
    const double envelope = 0.05 + std::pow(std::sin(i * 8e-4), 2);
    wave[i] = static_cast<float>(kLevel * envelope * low);
  }
  return wave;
}

std::vector<float> uniform(size_t count, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<float> values(count);
  for (float& v : values) {
    v = static_cast<float>(random() * 0x1p-31 - 1.0);
  }
  return values;
}

// An opened model and what its tensors held when they were last computed.
class ModelRun {
 public:
  ModelRun(const ModelDraft& draft, uint32_t seed)
      : draft_(draft),
        seed_(seed),
        hop_samples_(draft.hop_samples),
        frames_(static_cast<int32_t>(hops_of(kSignalSamples, draft.hop_samples))) {}

  Activations run(const Activations* given) {
    for (const Graph& graph : draft_.model().graphs()) {
      for (size_t k = 0; k < graph.inputs.size(); ++k) {
        fill_input(graph, k, given);
      }
      if (given) {
        for (size_t i = 0; i < graph.nodes.size(); ++i) {
          run_node(graph, i, *given);
        }
      } else {
        run_graph(graph, graph, nullptr);
      }
    }
    return std::move(values_);
  }

 private:
  static std::string key(const Graph& graph, int32_t tensor) {
    return std::string(graph.name) + "/" + std::string(tensor_name(graph, tensor));
  }

  // A sequence input gets the signal, a constant what an earlier graph found under its name.
  void fill_input(const Graph& graph, size_t k, const Activations* given) {
    const int32_t index = graph.inputs[k];
    const Tensor& tensor = graph.tensors[static_cast<size_t>(index)];
    const bool sequence = tensor.kind == Kind::kSequence;
    const auto elements = static_cast<size_t>(values_of(graph, index, frames_));
    std::vector<float>& to = values_[key(graph, index)];
    if (given && given->contains(key(graph, index))) {
      to = given->at(key(graph, index));
      return;
    }
    const auto found = profile_.find(std::string(tensor.name));
    if (!sequence && found != profile_.end() && found->second.size() == elements) {
      to = found->second;
    } else if (sequence && tensor.bins() == 1 && tensor.channels() == hop_samples_) {
      to = speech_like(elements, seed_);
    } else {
      to = uniform(elements, seed_ + static_cast<uint32_t>(k));
    }
  }

  // One node as a graph of its own.
  void run_node(const Graph& graph, size_t i, const Activations& given) {
    std::vector<int32_t> inputs;
    for (int32_t t : graph.nodes[i].inputs) {
      const bool weight = t >= 0 && graph.tensors[static_cast<size_t>(t)].kind == Kind::kWeight;
      if (t >= 0 && !weight && std::find(inputs.begin(), inputs.end(), t) == inputs.end()) {
        inputs.push_back(t);
      }
    }
    Graph one = graph;
    one.nodes = graph.nodes.subspan(i, 1);
    one.inputs = inputs;
    one.outputs = graph.nodes[i].outputs;
    run_graph(graph, one, &given);
  }

  [[noreturn]] static void refuse(const Graph& graph, const Status& status) {
    const std::string_view name = node_name(graph, status.index);
    throw SystemError("graph " + std::string(graph.name) + (name.empty() ? "" : ", node ") +
                      std::string(name) + ": " + status.message);
  }

  // Runs `part` of `graph`; an input comes from `given` where that has it.
  void run_graph(const Graph& graph, const Graph& part, const Activations* given) {
    Result<std::unique_ptr<Run>> opened =
        Processor().open(part, {.max_frames = frames_, .keep_all = true});
    if (!opened.ok()) {
      refuse(part, opened.status());
    }
    Run& run = *opened.value();
    for (size_t k = 0; k < part.inputs.size(); ++k) {
      const std::string name = key(graph, part.inputs[k]);
      const std::vector<float>& from =
          given && given->contains(name) ? given->at(name) : values_.at(name);
      std::copy(from.begin(), from.end(), run.input(0, k));
    }
    const Turn turn = {true, {frames_, kSignalSamples}};
    if (const Status status = run.run({&turn, 1}); !status.ok()) {
      refuse(part, status);
    }
    for (const Node& node : part.nodes) {
      for (int32_t t : node.outputs) {
        keep(graph, t, &run);
      }
    }
  }

  void keep(const Graph& graph, int32_t t, Run* run) {
    const Tensor& tensor = graph.tensors[static_cast<size_t>(t)];
    std::vector<float>& to = values_[key(graph, t)];
    to.resize(static_cast<size_t>(values_of(graph, t, frames_)));
    if (const Status status = run->read(0, t, to); !status.ok()) {
      refuse(graph, status);
    }
    if (tensor.kind == Kind::kConstant) {
      profile_[std::string(tensor.name)] = to;
    }
  }

  OpenDraft draft_;
  uint32_t seed_;
  int32_t hop_samples_;
  int32_t frames_;
  Activations values_;
  std::map<std::string, std::vector<float>> profile_;
};

}  // namespace

Activations run_model(const ModelDraft& model, uint32_t seed) {
  return ModelRun(model, seed).run(nullptr);
}

Activations run_layers(const ModelDraft& model, uint32_t seed, const Activations& given) {
  return ModelRun(model, seed).run(&given);
}

Difference compare(const Activations& before, const Activations& after) {
  Difference difference;
  for (const auto& [name, a] : before) {
    const auto found = after.find(name);
    if (found == after.end() || found->second.size() != a.size()) {
      continue;
    }
    double largest_value = 0.0;
    double largest_error = 0.0;
    for (size_t i = 0; i < a.size(); ++i) {
      const double error = std::abs(double{a[i]} - found->second[i]);
      largest_value = std::max(largest_value, std::abs(double{a[i]}));
      largest_error = std::isfinite(error) ? std::max(largest_error, error)
                                           : std::numeric_limits<double>::infinity();
    }
    const double relative = largest_error == 0.0 ? 0.0 : largest_error / largest_value;
    difference.errors[name] = relative;
    if (difference.worst.empty() || relative > difference.largest) {
      difference.worst = name;
      difference.largest = relative;
    }
  }
  return difference;
}

}  // namespace ligero
