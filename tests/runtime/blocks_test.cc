// SPDX-License-Identifier: Apache-2.0
// Block by block: a graph that needs the whole sequence sees context, block and look-ahead.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "runtime/cpu_run.h"
#include "tests/support/test_run.h"
#include "tests/support/toy_ops.h"

namespace ligero {
namespace {

using toy::Sketch;

constexpr int kRow = 3;

std::vector<float> noise(int frames, unsigned seed) {
  return toy::noise(static_cast<size_t>(frames * kRow), seed);
}

struct Blocks {
  int block = 1;
  int context = 0;
  int look_ahead = 0;
};

PlanOptions options_of(const Blocks& b) {
  return {.mode = Mode::kBlocks,
          .max_frames = b.block,
          .context_frames = b.context,
          .look_ahead_frames = b.look_ahead};
}

class BlockRun {
 public:
  BlockRun(const Graph& graph, const Blocks& b) : run_(graph, options_of(b)), block_(b.block) {}

  /// The output for all of `x`, the delay taken off; the run learns of the signal's end with the
  /// block that holds its last frame.
  std::vector<float> all(const std::vector<float>& x) {
    const int frames = static_cast<int>(x.size()) / kRow;
    const int delay = run_.output_delay(0);
    std::vector<float> y;
    for (int at = 0; at < frames + delay; at += block_) {
      for (int i = 0; i < block_ * kRow; ++i) {
        const size_t k = static_cast<size_t>(at * kRow + i);
        run_.input(0)[i] = k < x.size() ? x[k] : 0.0f;
      }
      run_.run({.total_frames = at + block_ >= frames ? frames : kUnknown});
      y.insert(y.end(), run_.output(0), run_.output(0) + block_ * kRow);
    }
    y.resize(static_cast<size_t>((frames + delay) * kRow));
    y.erase(y.begin(), y.begin() + delay * kRow);
    return y;
  }
  int output_delay(size_t port) const {
    return run_.output_delay(port);
  }
  void reset() {
    run_.reset();
  }

 private:
  testing::TestRun run_;
  int block_;
};

std::vector<float> offline(const Graph& graph, const std::vector<float>& x) {
  const int frames = static_cast<int>(x.size()) / kRow;
  testing::TestRun run(graph, {.mode = Mode::kOffline, .max_frames = frames});
  std::copy(x.begin(), x.end(), run.input(0));
  run.run({.total_frames = frames});
  return {run.output(0), run.output(0) + x.size()};
}

/// Every behaviour before, between and after ops that need everything, with skips over them.
Sketch mixed() {
  Sketch s;
  const int32_t x = s.input(Kind::kSequence, 1, kRow);
  const int32_t encoded = s.node(toy::kWindow, {x}, 2, 3);
  const int32_t level = s.node(toy::kSpread, {encoded});
  const int32_t between = s.node(toy::kWindow, {level}, 1, 2);
  const int32_t forward = s.node(toy::kDecay, {between});
  const int32_t backward = s.node(toy::kBack, {between});
  const int32_t both = s.node(toy::kAdd, {forward, backward});
  const int32_t mean = s.node(toy::kMean, {both});
  const int32_t moved = s.node(toy::kAdd, {mean, mean});  // a constant out of a constant
  const int32_t attended = s.node(toy::kSpread, {s.node(toy::kAdd, {both, moved})});
  const int32_t slow = s.node(toy::kDecay, {attended});
  const int32_t decoded = s.node(toy::kWindow, {s.node(toy::kAdd, {slow, encoded})}, 1, 1);
  s.outputs = {s.node(toy::kAdd, {decoded, x})};
  return s;
}

TEST_CASE("blocks: where context and look-ahead cover the signal, any block gives the whole run") {
  Sketch s = mixed();
  const Graph graph = s.graph();
  const int frames = 37;
  const std::vector<float> x = noise(frames, 1);
  const std::vector<float> whole = offline(graph, x);
  for (const int block : {1, 2, 5, 36, 37, 90}) {
    CAPTURE(block);
    BlockRun run(graph, Blocks{block, 40, 40});
    CHECK(run.output_delay(0) == 40 + 3 + 2 + 1);
    CHECK(run.all(x) == whole);
    run.reset();
    CHECK(run.all(x) == whole);  // the second signal must not see the first
  }
}

TEST_CASE("blocks: one that holds the signal and its delay gives the whole run, with no context") {
  Sketch s = mixed();
  const Graph graph = s.graph();
  const std::vector<float> x = noise(20, 2);
  CHECK(BlockRun(graph, Blocks{20 + 6, 0, 0}).all(x) == offline(graph, x));
  CHECK(BlockRun(graph, Blocks{20 + 6 + 4, 7, 4}).all(x) == offline(graph, x));
  CHECK(BlockRun(graph, Blocks{6, 7, 4}).all(x) != offline(graph, x));
}

TEST_CASE("blocks: a graph that needs no whole sequence gives exactly what a stream gives") {
  Sketch s;
  const int32_t x = s.input(Kind::kSequence, 1, kRow);
  const int32_t near = s.node(toy::kWindow, {x}, 2, 1);
  s.outputs = {s.node(toy::kAdd, {s.node(toy::kDecay, {near}), x})};
  const Graph graph = s.graph();
  const std::vector<float> signal = noise(31, 3);
  const std::vector<float> whole = offline(graph, signal);
  for (const Blocks& b : {Blocks{1, 0, 0}, Blocks{4, 10, 10}, Blocks{40, 2, 5}}) {
    BlockRun run(graph, b);
    CHECK(run.output_delay(0) == 1);  // nothing looks ahead further than it must
    CHECK(run.all(signal) == whole);
  }
}

TEST_CASE("blocks: states go on from the end of each block, however far it has looked ahead") {
  // The ops that need everything change nothing here, so that any error would be of the states.
  Sketch s;
  const int32_t x = s.input(Kind::kSequence, 1, kRow);
  const int32_t first = s.node(toy::kDecay, {s.node(toy::kPass, {x})});
  const int32_t second = s.node(toy::kDecay, {s.node(toy::kWindow, {first}, 2, 2)});
  s.outputs = {s.node(toy::kDecay, {s.node(toy::kPass, {second})})};
  const Graph graph = s.graph();
  const std::vector<float> signal = noise(50, 4);
  const std::vector<float> whole = offline(graph, signal);
  for (const Blocks& b : {Blocks{1, 0, 1}, Blocks{3, 2, 7}, Blocks{7, 0, 3}, Blocks{16, 50, 1}}) {
    CHECK(BlockRun(graph, b).all(signal) == whole);
  }
}

TEST_CASE("blocks: an output that later ops look ahead in is given once it is final") {
  Sketch s;
  const int32_t x = s.input(Kind::kSequence, 1, kRow);
  const int32_t first = s.node(toy::kBack, {x});
  const int32_t second = s.node(toy::kBack, {first});
  s.outputs = {first, second};
  const Graph graph = s.graph();
  const std::vector<float> signal = noise(23, 5);
  const std::vector<float> whole = offline(graph, signal);
  for (const int block : {1, 4, 30}) {
    BlockRun run(graph, Blocks{block, 0, 30});
    CHECK(run.output_delay(0) == 30);
    CHECK(run.output_delay(1) == 30);
    CHECK(run.all(signal) == whole);
  }
}

TEST_CASE("blocks: what is not a number is forgotten with its context, and not seen too early") {
  Sketch s;
  const int32_t x = s.input(Kind::kSequence, 1, kRow);
  const int32_t level = s.node(toy::kSpread, {s.node(toy::kWindow, {x}, 1, 1)});
  s.outputs = {s.node(toy::kBack, {level})};
  const Graph graph = s.graph();
  const Blocks b = {4, 6, 5};
  std::vector<float> signal = noise(80, 6);
  const std::vector<float> clean = BlockRun(graph, b).all(signal);
  const int at = 40;
  signal[at * kRow] = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> dirty = BlockRun(graph, b).all(signal);
  // The window reaches a frame further, and the first op is seen by the second.
  const int first = at - 1 - 2 * b.look_ahead - b.block;
  const int last = at + 1 + b.context + b.block + b.look_ahead;
  int bad = 0;
  for (int t = 0; t < 80; ++t) {
    const size_t i = static_cast<size_t>(t * kRow);
    bad += std::isfinite(dirty[i]) ? 0 : 1;
    if (t < first || t > last) {
      CAPTURE(t);
      CHECK(dirty[i] == clean[i]);
    }
  }
  CHECK(bad > 0);
}

TEST_CASE("blocks: memory follows from block, context and look-ahead alone") {
  Sketch s = mixed();
  const Graph graph = s.graph();
  const auto bytes = [&](const Blocks& b) {
    return make_plan(graph, options_of(b)).value().bytes();
  };
  const size_t small = bytes({10, 20, 10});
  CHECK(bytes({10, 20, 100}) > small);
  CHECK(bytes({10, 200, 10}) > small);
  CHECK(bytes({100, 20, 10}) > small);
  CHECK(small < make_plan(graph, {.max_frames = 1000}).value().bytes() / 5);
}

TEST_CASE("blocks: sizes that make no sense are refused; frame by frame there is no look-ahead") {
  Sketch s = mixed();
  const auto code = [&](const PlanOptions& options) {
    return make_plan(s.graph(), options).status().code;
  };
  CHECK(code({.mode = Mode::kBlocks, .max_frames = 0}) == Code::kBadArgument);
  CHECK(code({.mode = Mode::kBlocks, .max_frames = (1 << 30) + 1}) == Code::kBadArgument);
  CHECK(code({.mode = Mode::kBlocks, .context_frames = -1}) == Code::kBadArgument);
  CHECK(code({.mode = Mode::kBlocks, .look_ahead_frames = -1}) == Code::kBadArgument);
  CHECK(code({.mode = Mode::kBlocks, .context_frames = kMaxAroundFrames + 1}) ==
        Code::kBadArgument);
  CHECK(code({.mode = Mode::kBlocks, .look_ahead_frames = INT32_MAX}) == Code::kBadArgument);
  CHECK(code({.mode = Mode::kStream, .look_ahead_frames = 1}) == Code::kBadArgument);
  CHECK(code({.mode = Mode::kOffline, .max_frames = 9, .context_frames = 1}) ==
        Code::kBadArgument);
  CHECK(code({.mode = Mode::kBlocks,
              .context_frames = kMaxAroundFrames,
              .look_ahead_frames = kMaxAroundFrames}) == Code::kOk);
}

}  // namespace
}  // namespace ligero
