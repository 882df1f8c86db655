// SPDX-License-Identifier: Apache-2.0
// Streams and blocks on the device, alone and many side by side, against the processor's. Not:
// single nodes (nodes_test.cc), the session around a graph (streams_test.cc).
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <thread>
#include <vector>

#include "tests/cuda/networks.h"
#include "tests/support/close.h"

namespace ligero::testing {
namespace {

constexpr double kSame = 1e-4;

struct Case {
  const char* config;
  PlanOptions options;
  int calls;  ///< longer than the delay, for who joins late too
};

const Case kCases[] = {
    {"small-live", {.mode = Mode::kStream, .max_frames = 1}, 130},
    {"small-live",
     {.mode = Mode::kBlocks, .max_frames = 7, .context_frames = 9, .look_ahead_frames = 4},
     8},
    {"small",
     {.mode = Mode::kBlocks, .max_frames = 10, .context_frames = 20, .look_ahead_frames = 6},
     8},
    {"voicefilter-small",
     {.mode = Mode::kBlocks, .max_frames = 5, .context_frames = 8, .look_ahead_frames = 3},
     60},
    {"gated-crn-small",
     {.mode = Mode::kBlocks, .max_frames = 6, .context_frames = 12, .look_ahead_frames = 6},
     16},
};

/// One of several sessions of a run: it joins late, may stop for a while, and its signal may end.
struct Member {
  int joins = 0;
  int rests_from = 0;  ///< calls in which it stands still
  int rests_to = 0;
  int64_t total = kUnknown;
  uint64_t seed = 1;
};

/// Silence agrees with any silence.
void check_voice(const std::vector<float>& got, const std::vector<float>& want) {
  const auto louder = [](float a, float b) { return std::fabs(a) < std::fabs(b); };
  REQUIRE(std::fabs(*std::max_element(want.begin(), want.end(), louder)) > 1e-3f);
  CHECK(difference(got, want, kSame) == "");
}

/// Output 0 of every session, of the calls in which it ran.
std::vector<std::vector<float>> stream_on_device(const Backend* device,
                                                 const Graph& graph,
                                                 const PlanOptions& options,
                                                 int calls,
                                                 const std::vector<Member>& members) {
  PlanOptions seated = options;
  seated.seats = static_cast<int32_t>(members.size());
  auto opened = device->open(graph, seated);
  REQUIRE(std::string(opened.status().message) == "ok");
  Run& run = *opened.value();
  std::vector<std::vector<float>> out(members.size());
  std::vector<int> done(members.size(), 0);
  for (int call = 0; call < calls; ++call) {
    std::vector<Turn> turns(members.size());
    for (size_t s = 0; s < members.size(); ++s) {
      const Member& m = members[s];
      const auto session = static_cast<int32_t>(s);
      if (call == m.joins) {
        run.reset(session);  // whatever was there before
      }
      const bool before = call < m.joins;
      turns[s].runs = before || call < m.rests_from || call >= m.rests_to;
      turns[s].extent = {m.total, m.total == kUnknown ? kUnknown : m.total * kHopSamples - 7};
      for (size_t k = 0; k < graph.inputs.size(); ++k) {
        const auto x = call_inputs(
            graph, k, before ? call : done[s], options.max_frames, m.total, before ? 99 : m.seed);
        std::copy(x.begin(), x.end(), run.input(session, k));
      }
      run.timeless_changed(session);
    }
    REQUIRE(std::string(run.run(turns).message) == "ok");
    for (size_t s = 0; s < members.size(); ++s) {
      if (turns[s].runs && call >= members[s].joins) {
        const float* y = run.output(static_cast<int32_t>(s), 0);
        out[s].insert(out[s].end(), y, y + options.max_frames * kHopSamples);
        ++done[s];
      }
    }
  }
  return out;
}

TEST_CASE("cuda: a stream and blocks give what they give on the processor" *
          doctest::test_suite("gpu")) {
  for (const Place& place : places()) {
    for (const Case& c : kCases) {
      CAPTURE(place.name);
      CAPTURE(std::string(c.config));
      CAPTURE(c.options.max_frames);
      const OpenModel m = random_model(c.config);
      const Graph& graph = *m.model.graph("extract");
      const int64_t frames = int64_t{c.calls} * c.options.max_frames;
      for (const int64_t total : {kUnknown, frames - frames / 3}) {
        const auto got = stream_on_device(
            place.device, graph, c.options, c.calls, {{.total = total, .seed = 4}});
        check_voice(got[0], stream_on_cpu(graph, c.options, c.calls, total, 4));
      }
    }
  }
}

TEST_CASE("cuda: sessions side by side are as each alone, wherever each begins, rests and ends" *
          doctest::test_suite("gpu")) {
  const std::vector<Member> members = {{},
                                       {.joins = 5, .seed = 2},
                                       {.rests_from = 3, .rests_to = 9, .seed = 3},
                                       {.joins = 2, .total = 11, .seed = 4},
                                       {.joins = 40, .seed = 5}};
  for (const Place& place : places()) {
    for (const Case& c : kCases) {
      CAPTURE(place.name);
      CAPTURE(std::string(c.config));
      const OpenModel m = random_model(c.config);
      const Graph& graph = *m.model.graph("extract");
      const auto got = stream_on_device(place.device, graph, c.options, c.calls, members);
      for (size_t s = 0; s < members.size(); ++s) {
        CAPTURE(s);
        const auto calls =
            static_cast<int>(got[s].size() / static_cast<size_t>(c.options.max_frames)) /
            static_cast<int>(kHopSamples);
        if (calls > 0) {  // else it joins after the last
          check_voice(got[s],
                      stream_on_cpu(graph, c.options, calls, members[s].total, members[s].seed));
        }
      }
    }
  }
}

TEST_CASE("cuda: sessions of one device are opened, run and closed by real threads at once") {
  HostDriver host;
  const auto device = std::move(cuda::CudaBackend::make(&host).value());
  const OpenModel m = random_model("small-live");
  const Graph& graph = *m.model.graph("extract");
  const PlanOptions options = {.mode = Mode::kStream, .max_frames = 1};
  constexpr int kCalls = 2;  // each takes a second under a race detector
  std::vector<std::thread> threads;
  std::vector<std::vector<float>> got(3);
  for (size_t s = 0; s < got.size(); ++s) {
    threads.emplace_back([&, s] {
      got[s] = stream_on_device(device.get(), graph, options, kCalls, {{.seed = s + 1}})[0];
    });
  }
  for (std::thread& t : threads) {
    t.join();
  }
  for (size_t s = 0; s < got.size(); ++s) {
    CHECK(difference(got[s], stream_on_cpu(graph, options, kCalls, kUnknown, s + 1), kSame) == "");
  }
  CHECK(host.device_bytes == 0);
}

TEST_CASE("cuda: weights go over once for all sessions, and are given back with the last") {
  HostDriver host;
  auto device = std::move(cuda::CudaBackend::make(&host).value());
  const OpenModel m = random_model("small-live");
  const Graph& graph = *m.model.graph("extract");
  const PlanOptions options = {.mode = Mode::kStream, .max_frames = 1};
  auto first = device->open(graph, options);
  REQUIRE(first.ok());
  const int64_t one = host.device_bytes;
  auto second = device->open(graph, options);
  REQUIRE(second.ok());
  int64_t weights = 0;
  for (const Tensor& t : graph.tensors) {
    weights += t.kind == Kind::kWeight ? t.elements() * int64_t{sizeof(float)} : 0;
  }
  CHECK(host.device_bytes - one < one - weights + 4096);
  first.value().reset();
  second.value().reset();
  CHECK(host.device_bytes == 0);
}

TEST_CASE("cuda: a hop is one playing back of what was captured when the session was made") {
  HostDriver host;
  auto device = std::move(cuda::CudaBackend::make(&host).value());
  const OpenModel m = random_model("small-live");
  const Graph& graph = *m.model.graph("extract");
  auto run = device->open(graph, {.mode = Mode::kStream, .max_frames = 1, .seats = 2});
  REQUIRE(run.ok());
  CHECK(host.launches == 0);
  const std::vector<Turn> turns(2);
  REQUIRE(run.value()->run(turns).ok());
  const int64_t allocations = host.allocations;
  for (int hop = 0; hop < 3; ++hop) {
    REQUIRE(run.value()->run(turns).ok());
  }
  CHECK(host.replays == 4);
  CHECK(host.allocations == allocations);
}

}  // namespace
}  // namespace ligero::testing
