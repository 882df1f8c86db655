// SPDX-License-Identifier: Apache-2.0
// The windows of stft and istft. Not: what is done with a frame.
#include "ops/overlap.h"

#include <algorithm>

#include "ops/window.h"

namespace ligero {
namespace {

/// Sample `i` of `window` of the analysis window, in double.
double analysis_sample(const StftOptions& o, int32_t i) {
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
double analysis_where_used(const StftOptions& o, int32_t i) {
  return analysis_sample(o, o.window - o.used() + i);
}

/// Sample `i` of the synthesis window before it is divided by what overlaps; kAsymmetric is what
/// makes a Hann window of the analysis window.
double synthesis_shape(const StftOptions& o, int32_t i) {
  switch (static_cast<WindowShape>(o.synthesis)) {
    case WindowShape::kHann:
      return hann(i, o.used());
    case WindowShape::kSqrtHann:
      return sqrt_hann(i, o.used());
    default:
      return i == 0 ? 0.0 : hann(i, o.used()) / analysis_where_used(o, i);
  }
}

/// Sum of analysis times synthesis of all frames that meet at sample `i` of a hop.
double overlap_at(const StftOptions& o, int32_t i) {
  double sum = 0.0;
  for (int32_t k = 0; k < o.used() / o.hop; ++k) {
    const int32_t at = i + k * o.hop;
    sum += analysis_where_used(o, at) * synthesis_shape(o, at);
  }
  return sum;
}

/// A thread's scratch: a frame, the transform's work, what overlaps with later frames.
size_t slot_floats(const StftOptions& o) {
  const size_t floats =
      static_cast<size_t>(o.window) + fft_work_floats(o.window) + static_cast<size_t>(o.used());
  return align_up(floats * sizeof(float)) / sizeof(float);
}

}  // namespace

Status check_overlap(const StftOptions& o) {
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

void fill_window(const StftOptions& o, Side side, float* window) {
  if (side == Side::kAnalysis) {
    for (int32_t i = 0; i < o.window; ++i) {
      window[i] = static_cast<float>(analysis_sample(o, i));
    }
    return;
  }
  for (int32_t first = 0; first < o.hop; ++first) {
    const double sum = overlap_at(o, first);  // the same a hop later
    for (int32_t i = first; i < o.used(); i += o.hop) {
      window[i] = static_cast<float>(synthesis_shape(o, i) / sum);
    }
  }
}

Status measure_overlap(const OpContext& ctx, Needs* needs) {
  const auto& o = ctx.options<StftOptions>();
  needs->data_bytes = align_up(sizeof(OverlapData)) +
                      (static_cast<size_t>(o.window) + fft_table_floats(o.window)) * sizeof(float);
  needs->scratch_bytes = slot_floats(o) * sizeof(float) * static_cast<size_t>(ctx.threads);
  return {};
}

Status prepare_overlap(const OpContext& ctx, Side side, void* data) {
  const auto& o = ctx.options<StftOptions>();
  auto* window =
      reinterpret_cast<float*>(static_cast<std::byte*>(data) + align_up(sizeof(OverlapData)));
  fill_window(o, side, window);
  *static_cast<OverlapData*>(data) = {
      fft_prepare(o.window, window + o.window), ctx.threads, slot_floats(o), window};
  return {};
}

}  // namespace ligero
