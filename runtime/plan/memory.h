// SPDX-License-Identifier: Apache-2.0
// Rows, lifetimes, offsets and bytes of a plan whose timing is known. Not: timing (timing.h).
#ifndef LIGERO_RUNTIME_PLAN_MEMORY_H_
#define LIGERO_RUNTIME_PLAN_MEMORY_H_

#include "runtime/plan/plan.h"

namespace ligero {

/// Gives every tensor its rows and every tensor, state, table and scratch its offset.
/// kTooLittleMemory: more than the address space holds (Status::index: the tensor).
Status plan_memory(const Graph& graph, Plan* plan);

}  // namespace ligero

#endif  // LIGERO_RUNTIME_PLAN_MEMORY_H_
