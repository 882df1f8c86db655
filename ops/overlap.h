// SPDX-License-Identifier: Apache-2.0
// What stft and istft share: the two windows of a pair, the transform of a frame, and scratch. Not:
// what is done with a frame.
//
// Frame t is the last `window` samples up to the end of hop t, under the analysis window. Only its
// last `synthesis_samples` (a whole number of hops) are used again, under the synthesis window. So the
// latency of a pair is that of the synthesis window alone.
#ifndef LIGERO_OPS_OVERLAP_H_
#define LIGERO_OPS_OVERLAP_H_

#include "ops/check.h"
#include "ops/frames.h"
#include "ops/kernels/fft/fft.h"
#include "ops/option_table.h"
#include "ops/options.h"

namespace ligero {

inline constexpr Option kStftOptions[] = {
    LIGERO_INT_OPTION(StftOptions, window, 320, 4, 8192),
    LIGERO_INT_OPTION(StftOptions, hop, 160, 1, 4096),
    LIGERO_INT_OPTION(StftOptions, synthesis_samples, 0, 0, 8192),
    LIGERO_INT_OPTION(StftOptions, analysis, 0, 0, 2),
    LIGERO_INT_OPTION(StftOptions, synthesis, 0, 0, 2),
};

/// kUnsupportedModel: no transform of that length, a hop that does not divide the synthesis window, or
/// a pair of windows that leaves out a sample.
Status check_overlap(const StftOptions& o);

/// Which window of a pair.
enum class Side { kAnalysis, kSynthesis };

/// The window of `options.window` samples of analysis, or of used() of synthesis: what comes out is
/// what went in.
void fill_window(const StftOptions& o, Side side, float* window);

struct OverlapData {
  Fft fft;
  int32_t slots = 0;
  size_t slot_floats = 0;         ///< of a thread's scratch
  const float* window = nullptr;  ///< of analysis or synthesis
};

Status measure_overlap(const OpContext& ctx, Needs* needs);
Status prepare_overlap(const OpContext& ctx, Side side, void* data);

}  // namespace ligero

#endif  // LIGERO_OPS_OVERLAP_H_
