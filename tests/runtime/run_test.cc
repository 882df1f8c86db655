// SPDX-License-Identifier: Apache-2.0
// Plans and the processor's run: streams equal whole signals, seats, delays, memory, refusals.
#include "runtime/cpu_run.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "runtime/base/checked.h"
#include "tests/support/aligned.h"
#include "tests/support/test_run.h"
#include "tests/support/toy_ops.h"

namespace ligero {
namespace {

using testing::TestRun;
using toy::noise;
using toy::Sketch;

constexpr int kRow = 6;

/// Paths of unequal look-ahead, a recurrent op, a constant, in-place adds and a window over the input.
Sketch uneven() {
  Sketch s;
  const int32_t x = s.input(Kind::kSequence, 2, 3);
  const int32_t c = s.input(Kind::kConstant, 2, 3);
  const int32_t far = s.node(toy::kWindow, {x}, 2, 3);
  const int32_t near = s.node(toy::kWindow, {x}, 4, 0);
  const int32_t slow = s.node(toy::kDecay, {near});
  const int32_t sum = s.node(toy::kAdd, {far, slow});
  const int32_t plus = s.node(toy::kAdd, {sum, c});
  const int32_t last = s.node(toy::kWindow, {plus}, 1, 1);
  const int32_t skip = s.node(toy::kAdd, {last, x});
  s.outputs = {skip};
  return s;
}

std::vector<float> run_offline(const Graph& graph, const std::vector<float>& x,
                               const std::vector<float>& c, bool keep_all = false) {
  const int frames = static_cast<int>(x.size()) / kRow;
  TestRun r(graph, {.mode = Mode::kOffline, .max_frames = frames, .keep_all = keep_all});
  for (int again = 0; again < 2; ++again) {  // the second run must not see the first
    std::copy(x.begin(), x.end(), r.input(0));
    std::copy(c.begin(), c.end(), r.input(1));
    r.run({.total_frames = frames});
  }
  return {r.output(0), r.output(0) + x.size()};
}

TEST_CASE("stream: any split of the signal, delayed by the look-ahead, equals the whole signal") {
  Sketch s = uneven();
  const Graph graph = s.graph();
  const int frames = 57;
  const std::vector<float> x = noise(frames * kRow, 1), c = noise(kRow, 2);
  const std::vector<float> whole = run_offline(graph, x, c);
  const Result<OutputTiming> timing = output_timing(graph, 0);
  REQUIRE(timing.ok());
  CHECK(timing.value().delay == 4);
  const int delay = timing.value().delay;
  for (int step : {1, 2, 5, 16, 61}) {
    CAPTURE(step);
    TestRun r(graph, {.mode = Mode::kStream, .max_frames = step});
    for (int again = 0; again < 2; ++again) {
      std::copy(c.begin(), c.end(), r.input(1));
      r->timeless_changed(0);
      std::vector<float> out;
      for (int at = 0; at < frames + delay; at += step) {
        for (int i = 0; i < step * kRow; ++i) {
          const size_t k = static_cast<size_t>(at * kRow + i);
          r.input(0)[i] = k < x.size() ? x[k] : 0;
        }
        r.run({.total_frames = frames});
        out.insert(out.end(), r.output(0), r.output(0) + step * kRow);
      }
      for (size_t i = 0; i < whole.size(); ++i) {
        REQUIRE(out[i + static_cast<size_t>(delay * kRow)] == whole[i]);
      }
      r.reset();
    }
  }
}

/// Each seat with a signal of its own: seat s runs in the calls for which runs(s, call).
template <typename Runs>
std::vector<std::vector<float>> run_seats(
    const Graph& graph, const PlanOptions& options, int calls, Runs runs) {
  TestRun r(graph, options);
  const auto seats = static_cast<size_t>(options.seats);
  std::vector<std::vector<float>> out(seats);
  std::vector<int> done(seats, 0);
  const auto values = static_cast<size_t>(options.max_frames * kRow);
  for (int call = 0; call < calls; ++call) {
    std::vector<Turn> turns(seats);
    for (size_t s = 0; s < seats; ++s) {
      const auto seat = static_cast<int32_t>(s);
      turns[s].runs = runs(s, call);
      const std::vector<float> x =
          noise(values, static_cast<unsigned>(1000 * s) + static_cast<unsigned>(done[s]));
      std::copy(x.begin(), x.end(), r->input(seat, 0));
      if (call == 0) {
        const std::vector<float> c = noise(kRow, static_cast<unsigned>(s));
        std::copy(c.begin(), c.end(), r->input(seat, 1));
        r->timeless_changed(seat);
      }
    }
    REQUIRE(r->run(turns).ok());
    for (size_t s = 0; s < seats; ++s) {
      if (turns[s].runs) {
        const float* y = r->output(static_cast<int32_t>(s), 0);
        out[s].insert(out[s].end(), y, y + values);
        ++done[s];
      }
    }
  }
  return out;
}

TEST_CASE("seats: each is as it is alone, wherever the others rest") {
  Sketch s = uneven();
  const Graph graph = s.graph();
  for (const int step : {1, 3}) {
    const auto rests = [](size_t seat, int call) { return (call + static_cast<int>(seat)) % 4 != 0; };
    const auto got = run_seats(
        graph, {.mode = Mode::kStream, .max_frames = step, .seats = 3}, 40, rests);
    for (size_t seat = 0; seat < 3; ++seat) {
      // The same signal through a run in which the other seats never run.
      const auto alone = run_seats(graph,
                                   {.mode = Mode::kStream, .max_frames = step, .seats = 3},
                                   static_cast<int>(got[seat].size()) / (step * kRow),
                                   [&](size_t other, int) { return other == seat; });
      CHECK(got[seat] == alone[seat]);
    }
  }
}

TEST_CASE("seats: a further seat costs its state and its activations, nothing else") {
  Sketch s = uneven();
  const Graph graph = s.graph();
  const auto plan = [&](int seats) {
    return std::move(make_plan(graph, {.mode = Mode::kStream, .seats = seats}).value());
  };
  const Plan two = plan(2);
  CHECK(plan(16).bytes() - two.bytes() == 14 * two.memory.region_bytes());
  CHECK(two.memory.data_bytes == plan(1).memory.data_bytes);
  CHECK(two.memory.scratch_bytes == plan(1).memory.scratch_bytes);
  CHECK(two.memory.activation_bytes == plan(1).memory.activation_bytes);
  CHECK(make_plan(graph, {.mode = Mode::kStream, .seats = 0}).status().code == Code::kBadArgument);
}

TEST_CASE("stream: histories are not all moved back in the same call") {
  Sketch s;
  std::vector<int32_t> late;
  for (int i = 0; i < 8; ++i) {
    late.push_back(s.node(toy::kWindow, {s.input(Kind::kSequence, 1, kRow)}, 2, 0));
  }
  s.outputs = late;
  const Graph graph = s.graph();
  TestRun r(graph, {.mode = Mode::kStream, .max_frames = 1});
  std::vector<const float*> at(8);
  size_t all = 0;
  for (int call = 0; call < 20; ++call) {
    size_t moved = 0;
    for (size_t k = 0; k < 8; ++k) {
      const float* now = r.input(k);
      moved += call > 0 && now < at[k] ? 1 : 0;
      at[k] = now;
    }
    CHECK(moved <= 4);
    all += moved;
    r.run();
  }
  CHECK(all >= 8 * 9);  // every second call, each of them
}

TEST_CASE("plan: sharing memory changes nothing, and saves some") {
  Sketch s = uneven();
  const Graph graph = s.graph();
  const std::vector<float> x = noise(40 * kRow, 4), c = noise(kRow, 5);
  CHECK(run_offline(graph, x, c) == run_offline(graph, x, c, true));
  const size_t shared = make_plan(graph, {.max_frames = 40}).value().bytes();
  const size_t apart = make_plan(graph, {.max_frames = 40, .keep_all = true}).value().bytes();
  CHECK(shared < apart);
}

TEST_CASE("plan: sharing memory changes nothing in graphs of any shape") {
  std::mt19937 random(7);
  const auto below = [&](size_t n) { return static_cast<int>(random() % n); };
  const std::vector<float> x = noise(30 * kRow, 8), c = noise(kRow, 9);
  for (int graphs = 0; graphs < 60; ++graphs) {
    Sketch s;
    std::vector<int32_t> made = {s.input(Kind::kSequence, 2, 3)};
    const int32_t constant = s.input(Kind::kConstant, 2, 3);
    const auto any = [&] { return made[static_cast<size_t>(below(made.size()))]; };
    for (int n = 3 + below(30); n > 0; --n) {
      const int kind = below(5);
      made.push_back(kind < 2    ? s.node(toy::kWindow, {any()}, below(9), below(3))
                     : kind == 2 ? s.node(toy::kDecay, {any()})
                     : kind == 3 ? s.node(toy::kAdd, {any(), constant})
                                 : s.node(toy::kAdd, {any(), any()}));
    }
    s.outputs = {made.back()};
    const Graph graph = s.graph();
    CAPTURE(graphs);
    CHECK(run_offline(graph, x, c) == run_offline(graph, x, c, true));
  }
}

TEST_CASE("plan: a chain takes the memory of two neighbours, in whatever order their sizes are") {
  // VoiceFilter's reaches in time: a tensor holds as many frames more as its reader reaches back.
  const std::vector<int> reach = {3, 6, 4, 8, 16, 32, 64, 0};
  Sketch s;
  int32_t t = s.input(Kind::kSequence, 2, 3);
  for (int past : reach) {
    t = s.node(toy::kWindow, {t}, past, 0);
  }
  s.outputs = {t};
  const int frames = 100;
  const Result<Plan> plan =
      make_plan(s.graph(), {.mode = Mode::kOffline, .max_frames = frames, .keep_all = false});
  REQUIRE(plan.ok());
  const auto bytes = [&](size_t k) {
    return align_up(static_cast<size_t>(frames + (k < reach.size() ? reach[k] : 0)) * kRow *
                    sizeof(float));
  };
  size_t most = 0;
  for (size_t k = 0; k < reach.size(); ++k) {
    most = std::max(most, bytes(k) + bytes(k + 1));
  }
  CHECK(plan.value().memory.activation_bytes == most);
}

TEST_CASE("plan: an op that needs the whole sequence is refused frame by frame, by its node") {
  Sketch s;
  const int32_t x = s.input(Kind::kSequence, 1, kRow);
  const int32_t near = s.node(toy::kWindow, {x}, 1, 0);
  const int32_t mean = s.node(toy::kMean, {near});
  s.outputs = {s.node(toy::kAdd, {near, mean})};
  const Result<Plan> plan = make_plan(s.graph(), {.mode = Mode::kStream});
  REQUIRE(!plan.ok());
  CHECK(plan.status().index == 1);
  CHECK(make_plan(s.graph(), {.max_frames = 3}).ok());
}

TEST_CASE("plan: graphs that contradict themselves are refused") {
  const auto status = [](Sketch& s) { return make_plan(s.graph(), {}).status(); };
  SUBCASE("a tensor read before it is produced") {
    Sketch s = uneven();
    std::swap(s.nodes[0], s.nodes[3]);
    CHECK(status(s).code == Code::kBadModel);
  }
  SUBCASE("an input that is no tensor") {
    Sketch s = uneven();
    const std::vector<int32_t> wild = {99};
    s.nodes[0].inputs = wild;
    CHECK(status(s).code == Code::kBadModel);
  }
  SUBCASE("a stored shape that is wrong") {
    Sketch s = uneven();
    s.tensors[3].dim[1] = 4;
    CHECK(status(s).code == Code::kBadModel);
  }
  SUBCASE("two producers") {
    Sketch s = uneven();
    s.nodes[1].outputs = s.nodes[0].outputs;
    CHECK(status(s).code == Code::kBadModel);
  }
  SUBCASE("an output that nothing produces") {
    Sketch s = uneven();
    s.outputs.push_back(s.tensor(Kind::kSequence, 1, 1));
    CHECK(status(s).code == Code::kBadModel);
  }
}

TEST_CASE("run: a block too small or misaligned is refused, with the bytes needed") {
  Sketch s = uneven();
  const Graph graph = s.graph();
  const size_t bytes = make_plan(graph, {.max_frames = 4}).value().bytes();
  TestBlock block = test_block(bytes + kAlignment);
  CpuRun run;
  Status status =
      run.start(graph, std::move(make_plan(graph, {.max_frames = 4}).value()), block.get(), bytes - 1);
  CHECK(status.code == Code::kTooLittleMemory);
  CHECK(status.where == static_cast<int64_t>(bytes));
  status = run.start(graph,
                     std::move(make_plan(graph, {.max_frames = 4}).value()),
                     static_cast<char*>(block.get()) + 4,
                     bytes);
  CHECK(status.code == Code::kBadArgument);
}

}  // namespace
}  // namespace ligero
