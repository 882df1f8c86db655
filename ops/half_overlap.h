// What stft and istft share: frames of two hops, their transform, window and scratch. Not: what is
// done with a frame.
#ifndef LIGERO_OPS_HALF_OVERLAP_H_
#define LIGERO_OPS_HALF_OVERLAP_H_

#include "ops/check.h"
#include "ops/frames.h"
#include "ops/kernels/fft/fft.h"
#include "ops/window.h"

namespace ligero {

/// Frames of `window` samples, `hop` apart.
struct HalfOverlap {
  int32_t window = 0;
  int32_t hop = 0;

  explicit HalfOverlap(const Node& node)
      : window(node.int_or("window", 320)), hop(node.int_or("hop", 160)) {}

  Status check() const {
    LIGERO_CHECK(fft_supported(window), Code::kUnsupportedModel, "no transform of this length");
    LIGERO_CHECK(hop == window / 2, Code::kUnsupportedModel, "the window must be two hops long");
    return {};
  }

  /// A thread's scratch: a frame, the transform's work, half a frame.
  size_t slot_floats() const {
    const size_t floats =
        static_cast<size_t>(window) + fft_work_floats(window) + static_cast<size_t>(hop);
    return align_up(floats * sizeof(float)) / sizeof(float);
  }
};

struct HalfOverlapData {
  Fft fft;
  int32_t hop = 0;
  int32_t slots = 0;
  size_t slot_floats = 0;
  const float* window = nullptr;  ///< [2 hop]
};

inline Status measure_half_overlap(const OpContext& ctx, Needs* needs) {
  const HalfOverlap h(ctx.node);
  needs->data_bytes = align_up(sizeof(HalfOverlapData)) +
                      (static_cast<size_t>(h.window) + fft_table_floats(h.window)) * sizeof(float);
  needs->scratch_bytes = h.slot_floats() * sizeof(float) * static_cast<size_t>(ctx.threads);
  return {};
}

/// Fills `data`; `weight(i)` is sample i of the window, in double.
template <typename Weight>
Status prepare_half_overlap(const OpContext& ctx, void* data, Weight weight) {
  const HalfOverlap h(ctx.node);
  auto* window = reinterpret_cast<float*>(static_cast<std::byte*>(data) +
                                          align_up(sizeof(HalfOverlapData)));
  for (int32_t i = 0; i < h.window; ++i) {
    window[i] = static_cast<float>(weight(i));
  }
  *static_cast<HalfOverlapData*>(data) = {
      fft_prepare(h.window, window + h.window), h.hop, ctx.threads, h.slot_floats(), window};
  return {};
}

}  // namespace ligero

#endif  // LIGERO_OPS_HALF_OVERLAP_H_
