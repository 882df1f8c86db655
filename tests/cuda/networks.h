// SPDX-License-Identifier: Apache-2.0
// Networks to run on the processor and on a device, and the devices there are. Not: assertions.
#ifndef LIGERO_TESTS_CUDA_NETWORKS_H_
#define LIGERO_TESTS_CUDA_NETWORKS_H_

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "model/format/loader.h"
#include "platforms/cuda/backend.h"
#include "tests/cuda/host_driver.h"
#include "tests/support/aligned.h"
#include "tests/support/test_run.h"

namespace ligero::testing {

/// A model file in memory, opened.
struct OpenModel {
  TestBlock block;
  Model model;
};
OpenModel open_model(const std::vector<std::byte>& file);

/// The configuration of that name with random weights.
OpenModel random_model(const std::string& config, Type weights = Type::kF32);

/// A device and what it is called.
struct Place {
  std::string name;
  const Backend* device = nullptr;
};

/// The host in place of a GPU, and the GPU where there is one; where there is none, says "skipped:
/// no GPU" once. LIGERO_TEST_PLACE=gpu or =host in the environment: that one alone, and an error
/// where it is not there. Tests that go through them are in the suite "gpu".
std::vector<Place> places();

/// A graph whose int8 weights are floats, each times its scale: what a device that keeps
/// activations in float computes. `graph` must outlive it.
struct Widened {
  explicit Widened(const Graph& graph);
  Graph graph;
  std::vector<Tensor> tensors;
  std::vector<std::vector<float>> weights;
};

/// The graph's inputs for one session: rows of noise, or constants.
std::vector<std::vector<float>> random_inputs(const Graph& graph, int32_t frames, uint64_t seed);

/// One offline run with every tensor kept, by index (weights are empty).
using Tensors = std::vector<std::vector<float>>;
Tensors run_on_cpu(const Graph& graph, int32_t frames, uint64_t seed);
Tensors run_on_device(const Backend* device, const Graph& graph, int32_t frames, uint64_t seed);

/// Output 0 of node `n` alone, of the tensors that a run on the processor has given its inputs.
std::vector<float> run_node(
    const Backend* device, const Graph& graph, size_t n, int32_t frames, const Tensors& tensors);

/// Calls of `options.max_frames` rows each, from a session's first hop on: output 0 of all of them.
/// `total`: frames of the signal, after which its calls get zeros; kUnknown: endless.
std::vector<float> stream_on_cpu(
    const Graph& graph, const PlanOptions& options, int calls, int64_t total, uint64_t seed);

/// The same inputs for a call of a stream.
std::vector<float> call_inputs(
    const Graph& graph, size_t k, int call, int32_t frames, int64_t total, uint64_t seed);

}  // namespace ligero::testing

#endif  // LIGERO_TESTS_CUDA_NETWORKS_H_
