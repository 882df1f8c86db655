// What stft and istft share: the two windows of a pair, the transform of a frame, and scratch. Not:
// what is done with a frame.
//
// Frame t is the last `window` samples up to the end of hop t, under the analysis window. Only its
// last `synthesis_samples` (a whole number of hops) are used again, under the synthesis window. So the
// latency of a pair is that of the synthesis window alone.
#ifndef LIGERO_OPS_OVERLAP_H_
#define LIGERO_OPS_OVERLAP_H_

#include <algorithm>
#include <cmath>

#include "ops/check.h"
#include "ops/frames.h"
#include "ops/kernels/fft/fft.h"
#include "ops/option_table.h"
#include "ops/options.h"
#include "ops/window.h"

namespace ligero {

inline constexpr Option kStftOptions[] = {
    LIGERO_INT_OPTION(StftOptions, window, 320, 4, 8192),
    LIGERO_INT_OPTION(StftOptions, hop, 160, 1, 4096),
    LIGERO_INT_OPTION(StftOptions, synthesis_samples, 0, 0, 8192),
    LIGERO_INT_OPTION(StftOptions, analysis, 0, 0, 2),
    LIGERO_INT_OPTION(StftOptions, synthesis, 0, 0, 2),
};

/// Sample `i` of `window` of the analysis window, in double.
inline double analysis_sample(const StftOptions& o, int32_t i) {
  switch (static_cast<WindowShape>(o.analysis)) {
    case WindowShape::kHann:
      return hann(i, o.window);
    case WindowShape::kSqrtHann:
      return sqrt_hann(i, o.window);
    default:
      return long_rise(i, o.window, o.used() / 2);
  }
}

/// The analysis window where sample `i` of used() of the synthesis window lies.
inline double analysis_where_used(const StftOptions& o, int32_t i) {
  return analysis_sample(o, o.window - o.used() + i);
}

/// Sample `i` of the synthesis window before it is divided by what overlaps; kAsymmetric is what
/// makes a Hann window of the analysis window.
inline double synthesis_shape(const StftOptions& o, int32_t i) {
  switch (static_cast<WindowShape>(o.synthesis)) {
    case WindowShape::kHann:
      return hann(i, o.used());
    case WindowShape::kSqrtHann:
      return sqrt_hann(i, o.used());
    default:
      return i == 0 ? 0.0 : hann(i, o.used()) / analysis_where_used(o, i);
  }
}

/// Sum of analysis times synthesis of all frames that meet at sample `i`, beginning with its own.
inline double overlap_at(const StftOptions& o, int32_t i) {
  double sum = 0.0;
  for (int32_t k = 0; k < o.used() / o.hop; ++k) {
    const int32_t at = (i + k * o.hop) % o.used();
    sum += analysis_where_used(o, at) * synthesis_shape(o, at);
  }
  return sum;
}

/// Sample `i` of the synthesis window: what comes out is what went in.
inline double synthesis_sample(const StftOptions& o, int32_t i) {
  return synthesis_shape(o, i) / overlap_at(o, i);
}

/// kUnsupportedModel: no transform of that length, a hop that does not divide the synthesis window, or
/// a pair of windows that leaves out a sample.
inline Status check_overlap(const StftOptions& o) {
  LIGERO_CHECK(fft_supported(o.window),
               Code::kUnsupportedModel,
               "the window must be even, 4 to 4096 samples, and a product of 2, 3 and 5: 'where' is "
               "its samples",
               -1,
               o.window);
  LIGERO_CHECK(o.used() % 2 == 0 && o.used() <= o.window,
               Code::kUnsupportedModel,
               "the synthesis window must be even and not longer than the analysis window: 'where' "
               "is its samples",
               -1,
               o.used());
  LIGERO_CHECK(o.used() % o.hop == 0,
               Code::kUnsupportedModel,
               "the hop must divide the synthesis window: 'where' is its samples",
               -1,
               o.hop);
  constexpr double kLeastShare = 1e-3;  // of the largest overlap: below, noise would be amplified
  double least = overlap_at(o, 0);
  double most = least;
  for (int32_t i = 1; i < o.hop; ++i) {
    const double sum = overlap_at(o, i);
    least = std::min(least, sum);
    most = std::max(most, sum);
  }
  LIGERO_CHECK(least >= kLeastShare * most,
               Code::kUnsupportedModel,
               "these windows do not give the signal back: at this hop ('where' is its samples) some "
               "samples get no weight",
               -1,
               o.hop);
  return {};
}

/// A thread's scratch: a frame, the transform's work, what overlaps with later frames.
inline size_t overlap_slot(const StftOptions& o) {
  const size_t floats =
      static_cast<size_t>(o.window) + fft_work_floats(o.window) + static_cast<size_t>(o.used());
  return align_up(floats * sizeof(float)) / sizeof(float);
}

struct OverlapData {
  Fft fft;
  int32_t slots = 0;
  size_t slot_floats = 0;
  const float* window = nullptr;  ///< [window] of analysis or [used()] of synthesis
};

inline Status measure_overlap(const OpContext& ctx, Needs* needs) {
  const auto& o = ctx.options<StftOptions>();
  needs->data_bytes = align_up(sizeof(OverlapData)) +
                      (static_cast<size_t>(o.window) + fft_table_floats(o.window)) * sizeof(float);
  needs->scratch_bytes = overlap_slot(o) * sizeof(float) * static_cast<size_t>(ctx.threads);
  return {};
}

/// Fills `data`; `sample` is analysis_sample or synthesis_sample, of which there are `count`.
inline Status prepare_overlap(const OpContext& ctx,
                              void* data,
                              double (*sample)(const StftOptions& o, int32_t i),
                              int32_t count) {
  const auto& o = ctx.options<StftOptions>();
  auto* window =
      reinterpret_cast<float*>(static_cast<std::byte*>(data) + align_up(sizeof(OverlapData)));
  for (int32_t i = 0; i < count; ++i) {
    window[i] = static_cast<float>(sample(o, i));
  }
  *static_cast<OverlapData*>(data) = {
      fft_prepare(o.window, window + o.window), ctx.threads, overlap_slot(o), window};
  return {};
}

}  // namespace ligero

#endif  // LIGERO_OPS_OVERLAP_H_
