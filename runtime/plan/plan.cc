// SPDX-License-Identifier: Apache-2.0
// make_plan(): checks, then timing, then memory.
#include "runtime/plan/plan.h"

#include "runtime/plan/memory.h"
#include "runtime/plan/timing.h"

namespace ligero {
namespace {

constexpr int32_t kMostFrames = 1 << 30;  // with its history: rows that 32 bits count

Status check_options(const PlanOptions& options) {
  LIGERO_CHECK(options.max_frames >= 1 && options.threads >= 1 && options.seats >= 1,
               Code::kBadArgument,
               "a plan needs at least one frame, one thread and one seat",
               options.max_frames,
               options.threads);
  LIGERO_CHECK(options.max_frames <= kMostFrames,
               Code::kBadArgument,
               "a call has at most 2^30 frames",
               -1,
               options.max_frames);
  for (int32_t frames : {options.context_frames, options.look_ahead_frames}) {
    LIGERO_CHECK(frames >= 0 && frames <= (options.mode == Mode::kBlocks ? kMaxAroundFrames : 0),
                 Code::kBadArgument,
                 "context and look-ahead of a block must be 0 to 60000 frames",
                 -1,
                 frames);
  }
  return {};
}

Status start_plan(const Graph& graph, const PlanOptions& options, Plan* plan) {
  plan->options = options;
  LIGERO_CHECK(plan->tensors.allocate(graph.tensors.size()) && plan->places.allocate(graph.nodes.size()),
               Code::kTooLittleMemory,
               "no memory to plan");
  return infer_graph(graph, &plan->nodes);
}

}  // namespace

Result<Plan> make_plan(const Graph& graph, const PlanOptions& options) {
  LIGERO_RETURN_IF_ERROR(check_options(options));
  Plan plan;
  LIGERO_RETURN_IF_ERROR(start_plan(graph, options, &plan));
  LIGERO_RETURN_IF_ERROR(plan_timing(graph, &plan));
  LIGERO_RETURN_IF_ERROR(plan_memory(graph, &plan));
  return plan;
}

OpContext op_context(const Graph& graph, const Plan& plan, size_t n) {
  const PlanOptions& options = plan.options;
  const int32_t frames = plan.nodes[n].constant ? 1 : options.max_frames + plan.places[n].revised;
  return {graph.nodes[n],
          graph.tensors,
          plan.nodes[n].options,
          options.cpu,
          frames,
          options.threads,
          options.context_frames + options.look_ahead_frames};
}

Result<OutputTiming> output_timing(const Graph& graph, size_t k) {
  LIGERO_CHECK(k < graph.outputs.size(), Code::kBadArgument, "no such graph output");
  Plan plan;
  LIGERO_RETURN_IF_ERROR(start_plan(graph, {.mode = Mode::kStream}, &plan));
  for (NodeFacts& facts : plan.nodes) {  // an op that needs everything adds no countable look-ahead
    for (NodeTime& time : facts.time) {
      if (time.use == TimeUse::kWhole) {
        time = NodeTime{};
      }
    }
  }
  LIGERO_RETURN_IF_ERROR(plan_timing(graph, &plan));
  const Placement& place = plan.tensors[static_cast<size_t>(graph.outputs[k])];
  return OutputTiming{place.delay, place.lag};
}

}  // namespace ligero
