// SPDX-License-Identifier: Apache-2.0
// Delay, lag, past, future and revised rows of every tensor and node.
#include "runtime/plan/timing.h"

#include <algorithm>

namespace ligero {
namespace {

bool needs_whole(const Graph& graph, const NodeFacts& facts, const Node& node, size_t k) {
  return node.inputs[k] >= 0 && graph.tensors[static_cast<size_t>(node.inputs[k])].is_sequence() &&
         facts.time[k].use == TimeUse::kWhole;
}

/// Tensors that an op which needs the whole sequence reads, or reads what comes from them.
Status find_seen(const Graph& graph, const Plan& plan, Array<bool>* seen) {
  LIGERO_CHECK(seen->allocate(graph.tensors.size()), Code::kTooLittleMemory, "no memory to plan");
  for (size_t n = graph.nodes.size(); n-- > 0;) {
    const Node& node = graph.nodes[n];
    const bool passes_on = std::any_of(node.outputs.begin(), node.outputs.end(), [&](int32_t t) {
      return (*seen)[static_cast<size_t>(t)];
    });
    for (size_t k = 0; k < node.inputs.size(); ++k) {
      if (node.inputs[k] >= 0 && (passes_on || needs_whole(graph, plan.nodes[n], node, k))) {
        (*seen)[static_cast<size_t>(node.inputs[k])] = true;
      }
    }
  }
  return {};
}

/// How far input `k` of a node reaches beyond the frame that the node computes.
int32_t reach(const Plan& plan, size_t n, size_t k, const Placement& in) {
  const NodeTime& time = plan.nodes[n].time[k];
  if (plan.options.mode == Mode::kOffline) {
    return 0;
  }
  if (plan.places[n].revised > 0) {  // takes what there is, and computes it again
    return time.future;
  }
  return time.use == TimeUse::kWhole ? plan.options.look_ahead_frames : time.future + in.revised;
}

/// Whether node `n` works on a part of the signal, or on what does; and what it computes again.
void plan_revision(const Graph& graph, size_t n, const Array<bool>& seen, Plan* plan) {
  const Node& node = graph.nodes[n];
  NodePlacement& place = plan->places[n];
  bool partial = false;
  place.timeless = plan->nodes[n].constant;
  for (size_t k = 0; k < node.inputs.size(); ++k) {
    if (node.inputs[k] >= 0) {
      const Placement& in = plan->tensors[static_cast<size_t>(node.inputs[k])];
      partial |= in.partial || needs_whole(graph, plan->nodes[n], node, k);
      place.timeless &= in.timeless;
    }
  }
  for (int32_t t : node.outputs) {
    if (partial && seen[static_cast<size_t>(t)]) {
      place.revised = plan->options.look_ahead_frames;
    }
  }
  for (int32_t t : node.outputs) {
    plan->tensors[static_cast<size_t>(t)].partial = partial;
    plan->tensors[static_cast<size_t>(t)].timeless = place.timeless;
  }
}

}  // namespace

Status plan_timing(const Graph& graph, Plan* plan) {
  const PlanOptions& options = plan->options;
  const bool stream = plan->streams();
  Array<bool> seen;
  LIGERO_RETURN_IF_ERROR(find_seen(graph, *plan, &seen));
  for (size_t t = 0; t < graph.tensors.size(); ++t) {
    plan->tensors[t].timeless = !graph.tensors[t].is_sequence();
  }
  for (size_t n = 0; n < graph.nodes.size(); ++n) {
    const Node& node = graph.nodes[n];
    const NodeFacts& facts = plan->nodes[n];
    plan_revision(graph, n, seen, plan);
    NodePlacement& place = plan->places[n];
    int32_t lag = 0;
    for (size_t k = 0; k < node.inputs.size(); ++k) {
      if (options.mode == Mode::kStream && needs_whole(graph, facts, node, k)) {
        return error(Code::kBadArgument,
                     "an op needs the whole sequence, so this graph cannot run frame by frame",
                     static_cast<int32_t>(n),
                     static_cast<int64_t>(k));
      }
      if (node.inputs[k] >= 0) {
        const Placement& in = plan->tensors[static_cast<size_t>(node.inputs[k])];
        place.delay = std::max(place.delay, in.delay + reach(*plan, n, k, in));
        lag = std::max(lag, in.lag);
      }
    }
    for (size_t k = 0; k < node.inputs.size(); ++k) {
      const int32_t t = node.inputs[k];
      if (t < 0 || !graph.tensors[static_cast<size_t>(t)].is_sequence()) {
        continue;
      }
      Placement& in = plan->tensors[static_cast<size_t>(t)];
      const NodeTime& time = facts.time[k];
      const int32_t past = time.use == TimeUse::kWhole ? options.context_frames : time.past;
      in.history = std::max(in.history, place.revised + place.delay - in.delay + past);
      in.tail = std::max<int32_t>(in.tail, stream ? int32_t{0} : time.future);
    }
    for (int32_t t : node.outputs) {
      Placement& out = plan->tensors[static_cast<size_t>(t)];
      out.delay = place.delay;
      out.revised = graph.tensors[static_cast<size_t>(t)].is_sequence() ? place.revised : 0;
      out.history = out.revised;
      out.lag = lag + facts.output_lag;
    }
  }
  return {};
}

}  // namespace ligero
