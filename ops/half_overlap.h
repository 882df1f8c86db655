// What stft and istft share: frames of two hops, their transform, window and scratch. Not: what is
// done with a frame.
#ifndef LIGERO_OPS_HALF_OVERLAP_H_
#define LIGERO_OPS_HALF_OVERLAP_H_

#include "ops/check.h"
#include "ops/frames.h"
#include "ops/kernels/fft/fft.h"
#include "ops/option_table.h"
#include "ops/options.h"
#include "ops/window.h"

namespace ligero {

/// Frames of `window` samples, `hop` apart.
inline constexpr Option kStftOptions[] = {
    LIGERO_INT_OPTION(StftOptions, window, 320, 4, 8192),
    LIGERO_INT_OPTION(StftOptions, hop, 160, 2, 4096),
};

inline Status check_half_overlap(const StftOptions& o) {
  LIGERO_CHECK(fft_supported(o.window), Code::kUnsupportedModel, "no transform of this length");
  LIGERO_CHECK(o.hop == o.window / 2, Code::kUnsupportedModel, "the window must be two hops long");
  return {};
}

/// A thread's scratch: a frame, the transform's work, half a frame.
inline size_t half_overlap_slot(const StftOptions& o) {
  const size_t floats =
      static_cast<size_t>(o.window) + fft_work_floats(o.window) + static_cast<size_t>(o.hop);
  return align_up(floats * sizeof(float)) / sizeof(float);
}

struct HalfOverlapData {
  Fft fft;
  int32_t slots = 0;
  size_t slot_floats = 0;
  const float* window = nullptr;  ///< [2 hop]
};

inline Status measure_half_overlap(const OpContext& ctx, Needs* needs) {
  const auto& o = ctx.options<StftOptions>();
  needs->data_bytes = align_up(sizeof(HalfOverlapData)) +
                      (static_cast<size_t>(o.window) + fft_table_floats(o.window)) * sizeof(float);
  needs->scratch_bytes = half_overlap_slot(o) * sizeof(float) * static_cast<size_t>(ctx.threads);
  return {};
}

/// Fills `data`; `weight(i)` is sample i of the window, in double.
template <typename Weight>
Status prepare_half_overlap(const OpContext& ctx, void* data, Weight weight) {
  const auto& o = ctx.options<StftOptions>();
  auto* window =
      reinterpret_cast<float*>(static_cast<std::byte*>(data) + align_up(sizeof(HalfOverlapData)));
  for (int32_t i = 0; i < o.window; ++i) {
    window[i] = static_cast<float>(weight(i));
  }
  *static_cast<HalfOverlapData*>(data) = {
      fft_prepare(o.window, window + o.window), ctx.threads, half_overlap_slot(o), window};
  return {};
}

}  // namespace ligero

#endif  // LIGERO_OPS_HALF_OVERLAP_H_
