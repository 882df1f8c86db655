// SPDX-License-Identifier: Apache-2.0
// What a session is asked for. Not: what follows from it (session.h).
#ifndef LIGERO_MODEL_SESSION_CONFIG_H_
#define LIGERO_MODEL_SESSION_CONFIG_H_

#include <cstdint>

#include "model/session/top_band.h"
#include "runtime/cpu_run.h"

namespace ligero {

/// Block by block: how much of the signal a network sees at once, in hops.
struct BlockConfig {
  int32_t hops = 0;               ///< computed at a time, 1 to 6000; 0: frame by frame
  int32_t context_hops = 200;     ///< seen before them, 0 to 6000
  int32_t look_ahead_hops = 100;  ///< seen after them, 0 to 6000: adds to the latency
};

#if !defined(LIGERO_MOST_TARGETS)  // a board has 1: it saves the code that sums voices
#define LIGERO_MOST_TARGETS 16
#endif
inline constexpr int32_t kMostTargets = LIGERO_MOST_TARGETS;

struct SessionConfig {
  int32_t rate_hz = 16000;    ///< of input and output, 8000 to 192000
  int32_t channels = 1;       ///< 1 to 32; the voice goes to all of them
  uint32_t channel_mask = 0;  ///< bit c: channel c is in the mean that is heard; 0: all are
  Bandwidth bandwidth = Bandwidth::kFull;
  int32_t targets = 1;  ///< people whose voices pass, summed, 1 to kMostTargets
  bool pass_without_target = false;  ///< before a target is set: the input instead of silence
  BlockConfig block = {};
  /// Kernels and threads. With an accelerator process() calls its driver and waits for it, so it is
  /// no longer real-time safe in the strict sense; where it fails, the processor continues.
  Processor processor = {};
};

}  // namespace ligero

#endif  // LIGERO_MODEL_SESSION_CONFIG_H_
