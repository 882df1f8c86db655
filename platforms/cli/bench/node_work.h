// SPDX-License-Identifier: Apache-2.0
// What the nodes of a graph compute, read and write. Not: how long that takes (peaks.h,
// prediction.h, node_times.h).
#ifndef LIGERO_PLATFORMS_CLI_BENCH_NODE_WORK_H_
#define LIGERO_PLATFORMS_CLI_BENCH_NODE_WORK_H_

#include <cstdint>
#include <vector>

#include "platforms/cli/bench/peaks.h"
#include "runtime/base/array.h"
#include "runtime/graph.h"
#include "runtime/plan/plan.h"

namespace ligero::cli {

/// One run of one node, in parts that follow each other: what it computes with each weight and
/// value read once, then the steps of a recurrence, each of which reads the recurrent matrix anew.
struct NodeWork {
  std::vector<Work> parts;
  double outputs = 0.0;    ///< values that it writes
  double values = 0.0;     ///< that the first part reads and writes, of sequences and constants
  Type type = Type::kF32;  ///< of the matrices; f32 where there is none

  double operations() const;
  double bytes() const;
};

/// The nodes of a graph that the loader has checked, which must outlive this.
class GraphWork {
 public:
  explicit GraphWork(const Graph& graph);

  /// Node `n` over `frames` frames, all that the signal has (0: a constant that stays from run to
  /// run, no work). `working_set_bytes`: what a run reads again when the next one comes.
  NodeWork of(size_t n, double frames, int64_t working_set_bytes) const;

  const Graph& graph() const {
    return graph_;
  }
  const NodeFacts& facts(size_t n) const {
    return facts_[n];
  }

 private:
  const Graph& graph_;
  Array<NodeFacts> facts_;
};

}  // namespace ligero::cli

#endif  // LIGERO_PLATFORMS_CLI_BENCH_NODE_WORK_H_
