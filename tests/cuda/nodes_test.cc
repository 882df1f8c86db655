// SPDX-License-Identifier: Apache-2.0
// Every node of every network on the device against the processor's. Not: streams
// (sessions_test.cc).
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "model/format/writer.h"
#include "platforms/cuda/table.h"
#include "tests/cuda/networks.h"
#include "tests/support/close.h"
#include "tests/support/seed_models.h"

namespace ligero::testing {
namespace {

constexpr double kSingle = 1e-4;  // of the largest value of a tensor, at least 1
constexpr double kHalf = 5e-3;
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

/// Every node by itself, then the outputs of the graph. Of int8 the device keeps the weights alone.
void check_graph(const Place& place, const Graph& graph, int32_t frames, double tolerance) {
  CAPTURE(place.name);
  CAPTURE(std::string(graph.name));
  const Widened widened(graph);
  Tensors want = run_on_cpu(widened.graph, frames, 5);
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

/// The seed models that the GPU backend takes: all but those of an op alone that it does not have,
/// which it refuses.
std::map<std::string, ModelDraft> device_seeds() {
  std::map<std::string, ModelDraft> seeds = seed_models();
  std::erase_if(seeds, [](const auto& seed) {
    if (seed.first.rfind(kAlone, 0) != 0) {
      return false;
    }
    const OpenModel opened = open_model(write_model(seed.second));
    const auto made = cuda::DeviceGraph::make(opened.model.graphs()[0]);
    CHECK((made.ok() || (made.status().code == Code::kUnsupportedModel &&
                         made.status().message ==
                             std::string("the GPU backend does not have this op"))));
    return !made.ok();
  });
  return seeds;
}

TEST_CASE("cuda: every op of the table gives what it gives on the processor" *
          doctest::test_suite("gpu")) {
  for (const auto& [name, draft] : device_seeds()) {
    CAPTURE(name);
    check_model(open_model(write_model(draft)).model, 9, kSingle);
  }
}

/// A host in place of a GPU that runs kernels in some other way, or has more processors.
struct Other {
  HostDriver host;
  Place place;
  std::unique_ptr<cuda::CudaBackend> device;
  explicit Other(HostDriver::Threads threads, int32_t processors = 1) : host(threads) {
    host.given.processors = processors;
    device = std::move(cuda::CudaBackend::make(&host).value());
    place = {"other", device.get()};
  }
};

void check_seeds(const Place& place) {
  for (const auto& [name, draft] : device_seeds()) {
    CAPTURE(name);
    const OpenModel opened = open_model(write_model(draft));
    for (const Graph& graph : opened.model.graphs()) {
      check_graph(place, graph, 5, kSingle);
    }
  }
}

TEST_CASE(
    "cuda: kernels run by real threads give the same (under a race detector: test_cuda_races)") {
  check_seeds(Other(HostDriver::Threads::kTeams).place);
}

constexpr int32_t kManyProcessors = 1 << 20;  // more than there are tiles: rows are taken alone

TEST_CASE("cuda: kernels at the width that they have on a GPU give the same") {
  for (const int32_t processors : {1, kManyProcessors}) {
    CAPTURE(processors);
    check_seeds(Other(HostDriver::Threads::kAll, processors).place);
  }
}

TEST_CASE("cuda: products of every shape and type of weights are within 1e-4, at full width too") {
  constexpr int32_t kFrames = 20;          // rows of two wide tiles
  constexpr int32_t kThreeProcessors = 3;  // so that these are square ones
  std::set<cuda::Kernel> ran;
  for (const Type type : {Type::kF32, Type::kF16, Type::kQ8}) {
    const OpenModel m = random_model("small-live", type);
    const double tolerance = type == Type::kF16 ? kHalf : kSingle;
    for (const auto& [threads, processors] :
         {std::pair{HostDriver::Threads::kOne, 1},
          std::pair{HostDriver::Threads::kOne, kManyProcessors},
          std::pair{HostDriver::Threads::kAll, kThreeProcessors}}) {
      CAPTURE(static_cast<int>(type));
      CAPTURE(processors);
      Other other(threads, processors);
      check_graph(other.place, *m.model.graph("extract"), kFrames, tolerance);
      ran.insert(other.host.ran.begin(), other.host.ran.end());
    }
  }
  for (int32_t k = 0; k < static_cast<int32_t>(cuda::Kernel::keep_hidden); ++k) {
    const auto kernel = static_cast<cuda::Kernel>(k);
    CAPTURE(std::string(cuda::kernel_name(kernel)));
    CHECK(ran.contains(kernel));
  }
}

TEST_CASE("cuda: every node of every system is within 1e-4 of the processor's" *
          doctest::test_suite("gpu")) {
  for (const char* config : {"small",
                             "small-live",
                             "small-global",
                             "voicefilter-small",
                             "speakerfilter-small",
                             "gated-crn-small",
                             "tea-pse-small",
                             "bsrnn-tiny",
                             "gtcrn"}) {
    CAPTURE(std::string(config));
    check_model(random_model(config).model, 24, kSingle);
  }
}

TEST_CASE("cuda: every node of short recordings is within 1e-4 of the processor's" *
          doctest::test_suite("gpu")) {
  const OpenModel m = random_model("small-live");
  for (const Place& place : places()) {
    for (const int32_t frames : {1, 2, 3, 4, 9}) {  // attention of every size of tile
      CAPTURE(frames);
      check_graph(place, *m.model.graph("extract"), frames, kSingle);
    }
  }
}

TEST_CASE("cuda: every op takes a recording of more rows than a grid's second side has blocks") {
  constexpr int32_t kRows = 70000;  // over 65535: twelve minutes
  for (const auto& [name, draft] : device_seeds()) {
    CAPTURE(name);
    const OpenModel opened = open_model(write_model(draft));
    for (const Graph& graph : opened.model.graphs()) {
      const auto run = places()[0].device->open(graph, {.max_frames = kRows});
      CHECK(std::string(run.status().message) == "ok");
    }
  }
}

TEST_CASE("cuda: half precision weights are within 5e-3, int8 weights within 1e-4 of their values" *
          doctest::test_suite("gpu")) {
  check_model(random_model("small-live", Type::kF16).model, 24, kHalf);
  check_model(random_model("small-live", Type::kQ8).model, 24, kSingle);
}

}  // namespace
}  // namespace ligero::testing
