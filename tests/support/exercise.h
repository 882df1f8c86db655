// Uses everything that an opened model offers: every graph planned in every mode and run. A
// sanitizer finds what is wrong; of the values that come out nothing is asked.
#ifndef LIGERO_TESTS_SUPPORT_EXERCISE_H_
#define LIGERO_TESTS_SUPPORT_EXERCISE_H_

#include <algorithm>
#include <cstdint>
#include <utility>

#include "model/format/loader.h"
#include "runtime/base/cpu.h"
#include "runtime/interpreter.h"
#include "tests/support/aligned.h"
#include "tests/support/random.h"

namespace ligero::testing {

/// Graphs that cost more are planned, not run.
struct ExerciseLimits {
  size_t bytes = size_t{8} << 20;
  int64_t macs = 1 << 20;  ///< of one frame
};

inline void fill_inputs(const Graph& graph, int32_t frames, Interpreter* interpreter) {
  Random random(static_cast<uint64_t>(frames));
  for (size_t k = 0; k < graph.inputs.size(); ++k) {
    const Tensor& t = graph.tensors[static_cast<size_t>(graph.inputs[k])];
    const int64_t rows = t.kind == Kind::kSequence ? frames : 1;
    std::generate_n(interpreter->input(k), rows * t.elements(), [&] { return random.uniform(); });
  }
}

inline void read_outputs(const Graph& graph, int32_t frames, const Interpreter& interpreter) {
  volatile float sink = 0.0f;
  for (size_t k = 0; k < graph.outputs.size(); ++k) {
    const Tensor& t = graph.tensors[static_cast<size_t>(graph.outputs[k])];
    const int64_t rows = t.kind == Kind::kSequence ? frames : 1;
    for (int64_t i = 0; i < rows * t.elements(); ++i) {
      sink = interpreter.output(k)[i];
    }
  }
  (void)sink;
}

/// Plans and, within the limits, runs: two signals, or four calls of one.
inline void exercise(const Graph& graph, const PlanOptions& options, const ExerciseLimits& limits) {
  constexpr int32_t kHopSamples = 160;
  Result<Plan> plan = make_plan(graph, options);
  if (!plan.ok() || plan.value().bytes() > limits.bytes) {
    return;
  }
  const size_t bytes = plan.value().bytes();
  int64_t macs = 0;
  for (const NodeFacts& facts : plan.value().nodes) {
    macs = std::min(macs, limits.macs) + std::min(facts.macs, limits.macs);
  }
  const TestBlock block = test_block(bytes);
  Interpreter interpreter;
  const Status prepared = interpreter.prepare(graph, std::move(plan.value()), block.get(), bytes);
  if (!prepared.ok() || macs >= limits.macs) {
    return;
  }
  const bool offline = options.mode == Mode::kOffline;
  for (int call = 0; call < (offline ? 2 : 4); ++call) {
    const int32_t frames = call % 2 == 0 ? options.max_frames : 1;
    fill_inputs(graph, frames, &interpreter);
    interpreter.constants_changed();
    interpreter.run(frames, offline ? Extent{frames, frames * kHopSamples} : Extent{});
    read_outputs(graph, frames, interpreter);
  }
  interpreter.reset();
}

inline void exercise(const Model& model, const ExerciseLimits& limits = {}) {
  (void)model.verify_weights().ok();
  for (const Graph& graph : model.graphs()) {
    PlanOptions options;
    options.cpu = cpu_features();
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
