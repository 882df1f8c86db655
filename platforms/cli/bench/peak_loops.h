// SPDX-License-Identifier: Apache-2.0
// The loops that peaks are measured with, one set for each instruction set. Not: measuring
// (peaks.cc).
#ifndef LIGERO_PLATFORMS_CLI_BENCH_PEAK_LOOPS_H_
#define LIGERO_PLATFORMS_CLI_BENCH_PEAK_LOOPS_H_

#include <cstddef>
#include <cstdint>

namespace ligero::cli {

/// What a round of a loop does.
struct PeakLoop {
  double macs;                           ///< multiply-adds of a round
  void (*run)(int64_t rounds) noexcept;  ///< on registers alone
};

struct PeakLoops {
  PeakLoop f32;
  /// Reads `n` floats, a multiple of 256, 64-byte aligned.
  void (*read)(const float* x, size_t n) noexcept;
};

}  // namespace ligero::cli

#endif  // LIGERO_PLATFORMS_CLI_BENCH_PEAK_LOOPS_H_
