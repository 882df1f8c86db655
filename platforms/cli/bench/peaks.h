// SPDX-License-Identifier: Apache-2.0
// What one core or a few reach at best, measured on the spot, and how long a piece of work must
// take at least. Not: what the machine says of itself (machine.h).
#ifndef LIGERO_PLATFORMS_CLI_BENCH_PEAKS_H_
#define LIGERO_PLATFORMS_CLI_BENCH_PEAKS_H_

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "platforms/cli/bench/machine.h"
#include "runtime/base/parallel.h"

namespace ligero::cli {

/// Rates in 1e9 a second; a multiply-add counts as two operations. Also a machine that is not here
/// can be described so.
struct Peaks {
  int threads = 1;
  double f32_gflops = 0.0;
  double int8_gops = 0.0;
  double memory_gb_s = 0.0;      ///< read, from memory
  double last_cache_gb_s = 0.0;  ///< read, from the last level; memory's where there is none
  double core_cache_gb_s = 0.0;  ///< read, from the second level; as before
  int64_t last_cache_bytes = 0;
  int64_t core_cache_bytes = 0;

  /// The rate at which a working set of so many bytes, read again and again, comes.
  double read_gb_s(int64_t working_set_bytes) const;
};

/// Runs multiply-adds on registers, with the best instructions of `cpu` as the kernels use them,
/// and reads blocks that fill half a cache, or four times the last one: the best of some rounds,
/// about a second in all. `pool` (nullptr: this thread) works on all its threads at once.
Peaks measure_peaks(const Machine& machine, uint32_t cpu, Parallel* pool);

nlohmann::ordered_json to_json(const Peaks& peaks);
std::string to_text(const Peaks& peaks);

/// A piece of work: what it computes and what it must read and write once.
struct Work {
  double operations = 0.0;  ///< two for each multiply-add
  bool int8 = false;        ///< with int8 weights
  double bytes = 0.0;
  int64_t set_bytes = 0;  ///< of the set that they come from, which is read again and again
};

/// The roofline: no faster than the operations at their peak, nor than the bytes at theirs.
struct Bound {
  double ms = 0.0;
  bool by_memory = false;  ///< the bytes take longer than the operations
};
Bound bound_of(const Work& work, const Peaks& peaks);

}  // namespace ligero::cli

#endif  // LIGERO_PLATFORMS_CLI_BENCH_PEAKS_H_
