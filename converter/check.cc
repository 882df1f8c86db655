// Runs drafts and compares their nodes. Not: what is tolerated (passes/passes.h).
#include "converter/check.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <new>
#include <random>

#include "model/format/loader.h"
#include "model/format/writer.h"
#include "model/systems/checkpoint.h"
#include "ops/table.h"
#include "runtime/base/cpu.h"
#include "runtime/interpreter.h"

namespace ligero {
namespace {

constexpr size_t kAlignment = 64;
constexpr int32_t kHopSamples = 160;
constexpr int64_t kSignalSamples = 19137;  // 1.2 s; not a multiple of the hop
constexpr float kLevel = 0.1f;

// Heap memory on a multiple of 64 bytes.
class Block {
 public:
  explicit Block(size_t bytes)
      : data_(static_cast<std::byte*>(
            ::operator new(std::max<size_t>(bytes, 1), std::align_val_t{kAlignment}))) {}
  ~Block() {
    ::operator delete(data_, std::align_val_t{kAlignment});
  }
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;
  std::byte* data() {
    return data_;
  }

 private:
  std::byte* data_;
};

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

std::string in_graph(const Graph& graph, int32_t node) {
  std::string text = "graph " + std::string(graph.name);
  const std::string_view name = node_name(graph, node);
  return name.empty() ? text : text + ", node " + std::string(name);
}

// The values that fill graph input `index`, `frames` rows of a sequence.
std::vector<float> input_values(const Tensor& tensor,
                                int32_t frames,
                                uint32_t seed,
                                const std::map<std::string, std::vector<float>>& profile) {
  const auto elements = static_cast<size_t>(tensor.elements());
  if (tensor.kind == Kind::kSequence) {
    const size_t count = elements * static_cast<size_t>(frames);
    return tensor.bins() == 1 && tensor.channels() == kHopSamples ? speech_like(count, seed)
                                                                  : uniform(count, seed);
  }
  const auto found = profile.find(std::string(tensor.name));
  return found != profile.end() && found->second.size() == elements ? found->second
                                                                    : uniform(elements, seed);
}

double largest(const std::vector<float>& values) {
  double result = 0.0;
  for (float v : values) {
    result = std::max(result, std::abs(double{v}));
  }
  return result;
}

std::string key(const Graph& graph, int32_t tensor) {
  return std::string(graph.name) + "/" + std::string(tensor_name(graph, tensor));
}

void widen_scales(const Graph& graph, Activations* activations) {
  for (const Node& node : graph.nodes) {
    if (node.op->name == std::string_view("tanh") || node.op->name == std::string_view("sigmoid")) {
      Activation& a = (*activations)[key(graph, node.outputs[0])];
      a.scale = std::max(a.scale, (*activations)[key(graph, node.inputs[0])].scale);
    }
  }
}

void run_graph(const Graph& graph,
               uint32_t seed,
               std::map<std::string, std::vector<float>>* profile,
               Activations* activations) {
  constexpr auto kFrames = static_cast<int32_t>((kSignalSamples + kHopSamples - 1) / kHopSamples + 1);
  PlanOptions options;
  options.max_frames = kFrames;
  options.cpu = cpu_features();
  options.keep_all = true;
  Result<Plan> plan = make_plan(graph, options);
  if (!plan.ok()) {
    throw SystemError(in_graph(graph, plan.status().index) + ": " + plan.status().message);
  }
  const size_t bytes = plan.value().bytes();
  Block block(bytes);
  Interpreter interpreter;
  const Status status = interpreter.prepare(graph, std::move(plan.value()), block.data(), bytes);
  if (!status.ok()) {
    throw SystemError(in_graph(graph, status.index) + ": " + status.message);
  }
  for (size_t k = 0; k < graph.inputs.size(); ++k) {
    const Tensor& tensor = graph.tensors[static_cast<size_t>(graph.inputs[k])];
    const std::vector<float> values =
        input_values(tensor, kFrames, seed + static_cast<uint32_t>(k), *profile);
    std::memcpy(interpreter.input(k), values.data(), values.size() * sizeof(float));
  }
  interpreter.constants_changed();
  interpreter.run(kFrames, {kFrames, kSignalSamples});
  for (size_t i = 0; i < graph.tensors.size(); ++i) {
    const Tensor& tensor = graph.tensors[i];
    const float* data = tensor.kind == Kind::kWeight
                            ? nullptr
                            : interpreter.tensor(static_cast<int32_t>(i));
    if (data) {
      const int64_t rows = tensor.kind == Kind::kSequence ? kFrames : 1;
      Activation& a = (*activations)[key(graph, static_cast<int32_t>(i))];
      a.values.assign(data, data + rows * tensor.elements());
      a.scale = largest(a.values);
      if (tensor.kind == Kind::kConstant) {
        (*profile)[std::string(tensor.name)] = a.values;
      }
    }
  }
  widen_scales(graph, activations);
}

}  // namespace

Activations run_model(const ModelDraft& model, uint32_t seed) {
  const std::vector<std::byte> bytes = write_model(model);
  Block file(bytes.size());
  std::memcpy(file.data(), bytes.data(), bytes.size());
  Fault fault;
  const Result<Model> opened =
      Model::open({file.data(), bytes.size()}, all_ops(), Limits{}, &fault);
  if (!opened.ok()) {
    throw SystemError(std::string(fault.text) + ": " + opened.status().message);
  }
  Activations activations;
  std::map<std::string, std::vector<float>> profile;
  for (const Graph& graph : opened.value().graphs()) {
    run_graph(graph, seed, &profile, &activations);
  }
  return activations;
}

Difference compare(const Activations& before, const Activations& after) {
  Difference difference;
  for (const auto& [name, a] : before) {
    const auto found = after.find(name);
    if (found == after.end() || found->second.values.size() != a.values.size()) {
      continue;
    }
    double largest_error = 0.0;
    for (size_t i = 0; i < a.values.size(); ++i) {
      const double error = std::abs(double{a.values[i]} - found->second.values[i]);
      largest_error = std::isfinite(error) ? std::max(largest_error, error)
                                           : std::numeric_limits<double>::infinity();
    }
    const double relative = largest_error == 0.0 ? 0.0 : largest_error / a.scale;
    difference.errors[name] = relative;
    if (difference.worst.empty() || relative > difference.largest) {
      difference.worst = name;
      difference.largest = relative;
    }
  }
  return difference;
}

}  // namespace ligero
