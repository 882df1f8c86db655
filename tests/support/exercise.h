// SPDX-License-Identifier: Apache-2.0
// Uses everything that an opened model offers: every graph planned in every mode and run. A
// sanitizer finds what is wrong; of the values that come out nothing is asked.
#ifndef LIGERO_TESTS_SUPPORT_EXERCISE_H_
#define LIGERO_TESTS_SUPPORT_EXERCISE_H_

#include <algorithm>
#include <cstdint>
#include <utility>

#include "model/format/loader.h"
#include "runtime/cpu_run.h"
#include "tests/support/aligned.h"
#include "tests/support/random.h"
#include "tests/support/test_run.h"

namespace ligero::testing {

/// Graphs that cost more are planned, not run.
struct ExerciseLimits {
  size_t bytes = size_t{8} << 20;
  int64_t macs = 1 << 20;  ///< of one frame
};

inline void fill_inputs(const Graph& graph, int32_t frames, Run* run) {
  Random random(static_cast<uint64_t>(frames));
  for (size_t k = 0; k < graph.inputs.size(); ++k) {
    std::generate_n(run->input(0, k), values_of(graph, graph.inputs[k], frames), [&] {
      return random.uniform();
    });
  }
}

inline void read_outputs(const Graph& graph, int32_t frames, const Run& run) {
  volatile float sink = 0.0f;
  for (size_t k = 0; k < graph.outputs.size(); ++k) {
    for (int64_t i = 0; i < values_of(graph, graph.outputs[k], frames); ++i) {
      sink = run.output(0, k)[i];
    }
  }
  (void)sink;
}

/// Plans and, within the limits, runs: two signals, or four calls of one.
inline void exercise(const Graph& graph, const PlanOptions& options, const ExerciseLimits& limits) {
  Result<Plan> plan = Processor().plan(graph, options);
  if (!plan.ok() || plan.value().bytes() > limits.bytes) {
    return;
  }
  const size_t bytes = plan.value().bytes();
  int64_t macs = 0;
  for (const NodeFacts& facts : plan.value().nodes) {
    macs = std::min(macs, limits.macs) + std::min(facts.macs, limits.macs);
  }
  const TestBlock block = test_block(bytes);
  CpuRun run;
  const Status started = run.start(graph, std::move(plan.value()), block.get(), bytes);
  if (!started.ok() || macs >= limits.macs) {
    return;
  }
  const bool offline = options.mode == Mode::kOffline;
  const int32_t frames = options.max_frames;
  const Turn turn = {true, offline ? Extent{frames, int64_t{frames} * kHopSamples} : Extent{}};
  for (int call = 0; call < (offline ? 2 : 4); ++call) {
    fill_inputs(graph, frames, &run);
    run.timeless_changed(0);
    (void)run.run({&turn, 1}).ok();
    read_outputs(graph, frames, run);
  }
  run.reset(0);
}

inline void exercise(const Model& model, const ExerciseLimits& limits = {}) {
  (void)model.verify_weights().ok();
  for (const Graph& graph : model.graphs()) {
    PlanOptions options;
    options.max_frames = 5;
    exercise(graph, options, limits);
    options.mode = Mode::kStream;
    options.max_frames = 1;
    exercise(graph, options, limits);
    options.mode = Mode::kBlocks;
    options.max_frames = 5;
    options.context_frames = 2;
    options.look_ahead_frames = 1;
    exercise(graph, options, limits);
  }
}

}  // namespace ligero::testing

#endif  // LIGERO_TESTS_SUPPORT_EXERCISE_H_
