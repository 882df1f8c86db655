// SPDX-License-Identifier: Apache-2.0
// Measures peaks, and the roofline that follows from them.
#include "platforms/cli/bench/peaks.h"

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>

#include "runtime/cpu_run.h"
#include "ops/kernels/variants.h"
#include "platforms/cli/bench/peak_loops.h"
#include "platforms/cli/refusal.h"

namespace ligero::ref {

namespace {

/// Without vectors: what the compiler makes of it, from the first cache.
constexpr int kValues = 256;

template <typename Value, typename Sum>
void multiply_add(int64_t rounds) noexcept {
  Value a[kValues];
  Value b[kValues];
  Sum sum[kValues] = {};
  for (int i = 0; i < kValues; ++i) {
    a[i] = b[i] = static_cast<Value>(i % 3);
  }
  for (int64_t n = 0; n < rounds; ++n) {
    asm volatile("" : : "r"(a), "r"(b) : "memory");  // they may have changed
    for (int i = 0; i < kValues; ++i) {
      sum[i] += Sum{a[i]} * Sum{b[i]};
    }
  }
  asm volatile("" : : "r"(sum) : "memory");  // somebody may read them
}

void read(const float* x, size_t n) noexcept {
  constexpr size_t kSums = 8;
  float sum[kSums] = {};
  for (size_t at = 0; at < n; at += kSums) {
    for (size_t i = 0; i < kSums; ++i) {
      sum[i] += x[at + i];
    }
  }
  asm volatile("" : : "r"(sum) : "memory");
}

}  // namespace

extern const cli::PeakLoops kPeakLoops;
const cli::PeakLoops kPeakLoops = {{kValues, multiply_add<float, float>}, read};
extern const cli::PeakLoop kPeakQ8Loop;
const cli::PeakLoop kPeakQ8Loop = {kValues, multiply_add<int8_t, int32_t>};

}  // namespace ligero::ref

LIGERO_VARIANTS(LIGERO_FOR_EACH_ISA, cli::PeakLoops, kPeakLoops)
LIGERO_VARIANTS(LIGERO_FOR_EACH_Q8_ISA, cli::PeakLoop, kPeakQ8Loop)

namespace ligero::cli {

namespace {

constexpr double kGiga = 1e9;
constexpr double kRoundSeconds = 0.01;
constexpr int kRounds = 20;
constexpr int64_t kReadUnit = 256;  // floats
constexpr int64_t kLeastMemoryBytes = int64_t{64} << 20;
constexpr int64_t kMostMemoryBytes = int64_t{256} << 20;
constexpr int64_t kTimesLastCache = 4;

int threads_of(const Parallel* pool) {
  return pool != nullptr ? pool->threads() : 1;
}

/// Seconds that all threads together take for one call of `work` each.
template <typename Function>
double seconds_of(Parallel* pool, const Function& work) {
  const auto start = std::chrono::steady_clock::now();
  parallel_for(pool, threads_of(pool), 1, [&](int begin, int end) {
    for (int i = begin; i < end; ++i) {
      work(i);
    }
  });
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// The best rate of some rounds, each of about kRoundSeconds: `units` for each repetition that
/// work(thread, repetitions) makes, summed over the threads.
template <typename Function>
double best_rate(Parallel* pool, double units, const Function& work) {
  const auto round = [&](int64_t repetitions) {
    return seconds_of(pool, [&](int thread) { work(thread, repetitions); });
  };
  int64_t repetitions = 1;
  while (round(repetitions) < kRoundSeconds) {
    repetitions *= 2;
  }
  double least = round(repetitions);
  for (int i = 1; i < kRounds; ++i) {
    least = std::min(least, round(repetitions));
  }
  return units * threads_of(pool) * static_cast<double>(repetitions) / least / kGiga;
}

double operations_rate(const PeakLoop& loop, Parallel* pool) {
  return best_rate(pool, 2.0 * loop.macs, [&](int, int64_t rounds) { loop.run(rounds); });
}

/// Reads `bytes` on each thread, of its own.
double read_rate(const PeakLoops& loops, int64_t bytes, Parallel* pool) {
  const int threads = threads_of(pool);
  const int64_t floats =
      std::max<int64_t>(1, bytes / static_cast<int64_t>(sizeof(float)) / kReadUnit) * kReadUnit;
  const size_t part = static_cast<size_t>(floats) * sizeof(float);
  AlignedBlock block;
  if (!block.allocate(part * static_cast<size_t>(threads))) {
    refuse("no memory to measure its speed: ", part * static_cast<size_t>(threads), " bytes");
  }
  std::fill_n(block.data(), block.size(), std::byte{0});
  return best_rate(pool, static_cast<double>(part), [&](int thread, int64_t rounds) {
    const auto* x =
        reinterpret_cast<const float*>(block.data() + static_cast<size_t>(thread) * part);
    for (int64_t i = 0; i < rounds; ++i) {
      loops.read(x, static_cast<size_t>(floats));
    }
  });
}

}  // namespace

double Peaks::read_gb_s(int64_t working_set_bytes) const {
  return working_set_bytes <= core_cache_bytes   ? core_cache_gb_s
         : working_set_bytes <= last_cache_bytes ? last_cache_gb_s
                                                 : memory_gb_s;
}

Peaks measure_peaks(const Machine& machine, uint32_t cpu, Parallel* pool) {
  const PeakLoops& loops = kPeakLoopsVariants.best(cpu);
  Peaks peaks;
  peaks.threads = threads_of(pool);
  peaks.f32_gflops = operations_rate(loops.f32, pool);
  peaks.int8_gops = operations_rate(kPeakQ8LoopVariants.best(cpu), pool);
  peaks.core_cache_bytes = machine.cache_bytes(2);
  peaks.last_cache_bytes = machine.cache_bytes(0);
  peaks.memory_gb_s = read_rate(
      loops,
      std::clamp(kTimesLastCache * peaks.last_cache_bytes, kLeastMemoryBytes, kMostMemoryBytes) /
          peaks.threads,
      pool);
  peaks.last_cache_gb_s = peaks.last_cache_bytes > 0
                              ? read_rate(loops, peaks.last_cache_bytes / 2 / peaks.threads, pool)
                              : peaks.memory_gb_s;
  peaks.core_cache_gb_s = peaks.core_cache_bytes > 0
                              ? read_rate(loops, peaks.core_cache_bytes / 2, pool)
                              : peaks.last_cache_gb_s;
  return peaks;
}

nlohmann::ordered_json to_json(const Peaks& peaks) {
  return {{"threads", peaks.threads},
          {"f32_gflops", peaks.f32_gflops},
          {"int8_gops", peaks.int8_gops},
          {"memory_gb_s", peaks.memory_gb_s},
          {"last_cache_gb_s", peaks.last_cache_gb_s},
          {"core_cache_gb_s", peaks.core_cache_gb_s},
          {"last_cache_bytes", peaks.last_cache_bytes},
          {"core_cache_bytes", peaks.core_cache_bytes}};
}

std::string to_text(const Peaks& peaks) {
  const auto whole = [](double rate) { return static_cast<int>(rate + 0.5); };
  return text("measured at best: f32 ",
              whole(peaks.f32_gflops),
              " GFLOP/s, int8 ",
              whole(peaks.int8_gops),
              " GOP/s; reading ",
              whole(peaks.memory_gb_s),
              " GB/s from memory, ",
              whole(peaks.last_cache_gb_s),
              " from the last cache, ",
              whole(peaks.core_cache_gb_s),
              " from the core's second");
}

Bound bound_of(const Work& work, const Peaks& peaks) {
  constexpr double kMs = 1e3 / kGiga;
  const double compute = work.operations / (work.int8 ? peaks.int8_gops : peaks.f32_gflops) * kMs;
  const double memory = work.bytes / peaks.read_gb_s(work.set_bytes) * kMs;
  return {std::max(compute, memory), memory > compute};
}

}  // namespace ligero::cli
