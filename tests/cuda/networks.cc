// SPDX-License-Identifier: Apache-2.0
// One seed gives the same inputs on every device.
#include "tests/cuda/networks.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>

#include "ops/table.h"
#include "platforms/cuda/choose.h"
#include "runtime/cpu_run.h"
#include "tests/support/random.h"
#include "tests/support/random_network.h"
#include "tests/support/test_run.h"

namespace ligero::testing {
OpenModel open_model(const std::vector<std::byte>& file) {
  OpenModel opened;
  opened.block = test_block(file.size());
  std::copy(file.begin(), file.end(), static_cast<std::byte*>(opened.block.get()));
  Result<Model> model =
      Model::open({static_cast<const std::byte*>(opened.block.get()), file.size()}, all_ops());
  require_ok(model.status());
  opened.model = std::move(model.value());
  return opened;
}

OpenModel random_model(const std::string& config, Type weights) {
  return open_model(random_network(
      std::string(LIGERO_SOURCE_DIR "/model/torch/configs/") + config + ".json", 3, weights));
}

std::vector<Place> places() {
  static HostDriver host;
  static const std::unique_ptr<cuda::CudaBackend> device =
      std::move(cuda::CudaBackend::make(&host).value());
  std::vector<Place> found = {{"host", device.get()}};
  static const Result<const Backend*> gpu = cuda::choose_accelerator(cuda::Choice::kCuda);
  static const bool said = [] {
    if (!gpu.ok()) {
      std::printf("skipped: no GPU (%s)\n", gpu.status().message);
    }
    return true;
  }();
  (void)said;
  const char* only = std::getenv("LIGERO_TEST_PLACE");
  const std::string place = only != nullptr ? only : "";
  if (place == "gpu") {
    require_ok(gpu.status());
    found.clear();
  }
  if (gpu.ok() && place != "host") {
    found.push_back({gpu.value()->name(), gpu.value()});
  }
  return found;
}

Widened::Widened(const Graph& from)
    : graph(from), tensors(from.tensors.begin(), from.tensors.end()) {
  constexpr int32_t kGroup = 4;  // inner rows side by side in a file's panels of int8
  for (Tensor& t : tensors) {
    if (t.kind != Kind::kWeight || t.type != Type::kQ8) {
      continue;
    }
    const auto* q = static_cast<const int8_t*>(t.data);
    const int32_t groups = (t.dim[0] + kGroup - 1) / kGroup;
    const int32_t panels = (t.dim[1] + kPanelWidth - 1) / kPanelWidth;
    std::vector<float> w(static_cast<size_t>(panels) * t.dim[0] * kPanelWidth);
    for (int32_t o = 0; o < t.dim[1]; ++o) {
      for (int32_t k = 0; k < t.dim[0]; ++k) {
        const int32_t panel = o / kPanelWidth;
        const int32_t at = (panel * groups + k / kGroup) * kPanelWidth + o % kPanelWidth;
        w[static_cast<size_t>((panel * t.dim[0] + k) * kPanelWidth + o % kPanelWidth)] =
            t.scale[o] * static_cast<float>(q[at * kGroup + k % kGroup]);
      }
    }
    weights.push_back(std::move(w));
    t.type = Type::kF32;
    t.data = weights.back().data();
    t.scale = nullptr;
  }
  graph.tensors = tensors;
}

std::vector<std::vector<float>> random_inputs(const Graph& graph, int32_t frames, uint64_t seed) {
  Random random(seed);
  std::vector<std::vector<float>> inputs;
  for (int32_t t : graph.inputs) {
    inputs.push_back(random.floats(
        static_cast<size_t>(values_of(graph, t, frames)), -0.5f, 0.5f));
  }
  return inputs;
}

Tensors run_on_cpu(const Graph& graph, int32_t frames, uint64_t seed) {
  TestRun cpu(graph, {.max_frames = frames, .keep_all = true});
  const auto inputs = random_inputs(graph, frames, seed);
  for (size_t k = 0; k < inputs.size(); ++k) {
    std::copy(inputs[k].begin(), inputs[k].end(), cpu.input(k));
  }
  cpu.run({frames, frames * kHopSamples - 7});
  Tensors all(graph.tensors.size());
  for (size_t t = 0; t < all.size(); ++t) {
    all[t] = cpu.tensor(static_cast<int32_t>(t));
  }
  return all;
}

Tensors run_on_device(const Backend* device, const Graph& graph, int32_t frames, uint64_t seed) {
  auto run = device->open(graph, {.max_frames = frames, .keep_all = true});
  require_ok(run.status());
  const auto inputs = random_inputs(graph, frames, seed);
  for (size_t k = 0; k < inputs.size(); ++k) {
    std::copy(inputs[k].begin(), inputs[k].end(), run.value()->input(0, k));
  }
  const Turn turn = {true, {frames, frames * kHopSamples - 7}};
  require_ok(run.value()->run({&turn, 1}));
  Tensors all(graph.tensors.size());
  for (size_t t = 0; t < all.size(); ++t) {
    if (graph.tensors[t].kind != Kind::kWeight) {
      all[t].resize(static_cast<size_t>(values_of(graph, static_cast<int32_t>(t), frames)));
      require_ok(run.value()->read(0, static_cast<int32_t>(t), all[t]));
    }
  }
  return all;
}

std::vector<float> run_node(
    const Backend* device, const Graph& graph, size_t n, int32_t frames, const Tensors& tensors) {
  std::vector<int32_t> inputs;
  for (int32_t t : graph.nodes[n].inputs) {
    const bool signal = t >= 0 && graph.tensors[static_cast<size_t>(t)].kind != Kind::kWeight;
    if (signal && std::find(inputs.begin(), inputs.end(), t) == inputs.end()) {
      inputs.push_back(t);
    }
  }
  Graph alone = graph;
  alone.nodes = graph.nodes.subspan(n, 1);
  alone.inputs = inputs;
  alone.outputs = graph.nodes[n].outputs;
  auto run = device->open(alone, {.max_frames = frames});
  require_ok(run.status());
  for (size_t k = 0; k < inputs.size(); ++k) {
    const std::vector<float>& x = tensors[static_cast<size_t>(inputs[k])];
    std::copy(x.begin(), x.end(), run.value()->input(0, k));
  }
  const Turn turn = {true, {frames, frames * kHopSamples - 7}};
  require_ok(run.value()->run({&turn, 1}));
  const float* y = run.value()->output(0, 0);
  return {y, y + values_of(graph, alone.outputs[0], frames)};
}

std::vector<float> call_inputs(
    const Graph& graph, size_t k, int call, int32_t frames, int64_t total, uint64_t seed) {
  const Tensor& t = graph.tensors[static_cast<size_t>(graph.inputs[k])];
  const bool sequence = t.kind == Kind::kSequence;
  Random random(seed * 1000 + k * 100000 + (sequence ? static_cast<uint64_t>(call) : 0));
  std::vector<float> x = random.floats(static_cast<size_t>(values_of(graph, graph.inputs[k], frames)), -0.5f, 0.5f);
  for (size_t i = 0; sequence && i < x.size(); ++i) {
    const int64_t frame = int64_t{call} * frames + static_cast<int64_t>(i) / t.elements();
    x[i] = frame < total ? x[i] : 0.0f;
  }
  return x;
}

std::vector<float> stream_on_cpu(
    const Graph& graph, const PlanOptions& options, int calls, int64_t total, uint64_t seed) {
  TestRun cpu(graph, options);
  std::vector<float> out;
  const Extent extent = {total, total == kUnknown ? kUnknown : total * kHopSamples - 7};
  for (int call = 0; call < calls; ++call) {
    for (size_t k = 0; k < graph.inputs.size(); ++k) {
      const auto x = call_inputs(graph, k, call, options.max_frames, total, seed);
      std::copy(x.begin(), x.end(), cpu.input(k));
    }
    cpu->timeless_changed(0);
    cpu.run(extent);
    const float* from = cpu.output(0);
    out.insert(out.end(), from, from + values_of(graph, graph.outputs[0], options.max_frames));
  }
  return out;
}

}  // namespace ligero::testing
