// SPDX-License-Identifier: Apache-2.0
// When each node runs, and how many rows before and after a call its tensors need. Not: bytes
// (memory.h).
#ifndef LIGERO_RUNTIME_PLAN_TIMING_H_
#define LIGERO_RUNTIME_PLAN_TIMING_H_

#include "runtime/plan/plan.h"

namespace ligero {

/// From `plan->nodes` and `plan->options`: delay, history, tail, lag and revised rows of every
/// tensor, delay and revised rows of every node. kBadArgument: a stream of a graph with an op that
/// needs the whole sequence (Status::index: the node).
Status plan_timing(const Graph& graph, Plan* plan);

}  // namespace ligero

#endif  // LIGERO_RUNTIME_PLAN_TIMING_H_
