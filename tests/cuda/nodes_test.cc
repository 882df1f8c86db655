// Every node of every network on the device against the processor's. Not: streams
// (sessions_test.cc).
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "model/format/writer.h"
#include "tests/cuda/networks.h"
#include "tests/support/close.h"
#include "tests/support/seed_models.h"

namespace ligero::testing {
namespace {

constexpr double kSingle = 1e-4;  // of the largest value of a tensor, at least 1
constexpr double kHalf = 5e-3;
constexpr double kInt8 = 5e-2;  // on the device its activations stay float
/// At the end of a network, whose nodes amplify rounding: there the processor's own kernels differ
/// by 1e-3 from each other (tea-pse-small, no vectors to avx512).
constexpr double kThrough = 5e-3;

/// Values that are not finite agree where they are the same.
void forgive_infinities(std::vector<float>* got, std::vector<float>* want) {
  for (size_t i = 0; i < got->size() && i < want->size(); ++i) {
    if (!std::isfinite((*want)[i]) && !((*got)[i] < (*want)[i]) && !((*got)[i] > (*want)[i])) {
      (*got)[i] = (*want)[i] = 0.0f;
    }
  }
}

/// Every node by itself, then the outputs of the graph.
void check_graph(const Place& place, const Graph& graph, int32_t frames, double tolerance) {
  CAPTURE(place.name);
  CAPTURE(std::string(graph.name));
  Tensors want = run_on_cpu(graph, frames, 5);
  Tensors got = run_on_device(place.device, graph, frames, 5);
  for (size_t n = 0; n < graph.nodes.size(); ++n) {
    std::vector<float> alone = run_node(place.device, graph, n, frames, want);
    std::vector<float> right = want[static_cast<size_t>(graph.nodes[n].outputs[0])];
    forgive_infinities(&alone, &right);
    CAPTURE(std::string(graph.nodes[n].name));
    CHECK(difference(alone, right, tolerance) == "");
  }
  for (int32_t t : graph.outputs) {
    forgive_infinities(&got[static_cast<size_t>(t)], &want[static_cast<size_t>(t)]);
    CHECK(difference(got[static_cast<size_t>(t)],
                     want[static_cast<size_t>(t)],
                     std::max(tolerance, kThrough)) == "");
  }
}

void check_model(const Model& model, int32_t frames, double tolerance) {
  for (const Place& place : places()) {
    for (const Graph& graph : model.graphs()) {
      check_graph(place, graph, frames, tolerance);
    }
  }
}

TEST_CASE("cuda: every op of the table gives what it gives on the processor") {
  for (const auto& [name, draft] : seed_models()) {
    CAPTURE(name);
    check_model(open_model(write_model(draft)).model, 9, name == "int8" ? kInt8 : kSingle);
  }
}

TEST_CASE(
    "cuda: kernels run by real threads give the same (under a race detector: test_cuda_races)") {
  HostDriver host(HostDriver::Threads::kTeams);
  const auto device = std::move(cuda::CudaDevice::make(&host).value());
  for (const auto& [name, draft] : seed_models()) {
    CAPTURE(name);
    const OpenModel opened = open_model(write_model(draft));
    for (const Graph& graph : opened.model.graphs()) {
      check_graph({"threads", device.get()}, graph, 5, name == "int8" ? kInt8 : kSingle);
    }
  }
}

TEST_CASE("cuda: every node of every system is within 1e-4 of the processor's") {
  for (const char* config : {"small",
                             "small-live",
                             "small-global",
                             "voicefilter-small",
                             "speakerfilter-small",
                             "gated-crn-small",
                             "tea-pse-small"}) {
    CAPTURE(std::string(config));
    check_model(random_model(config).model, 24, kSingle);
  }
}

TEST_CASE("cuda: half precision weights are within 5e-3") {
  check_model(random_model("small-live", Type::kF16).model, 24, kHalf);
}

}  // namespace
}  // namespace ligero::testing
