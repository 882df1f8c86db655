// SPDX-License-Identifier: Apache-2.0
// How ops walk over the frames of a call. Not: the threads (runtime/pool).
#ifndef LIGERO_OPS_FRAMES_H_
#define LIGERO_OPS_FRAMES_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "runtime/base/checked.h"
#include "runtime/op.h"

/// Before a loop whose output may be its own input, element by element, but never overlaps it
/// otherwise: without the promise compilers fall back to scalar code where the two are the same.
#if defined(__clang__)
#define LIGERO_ELEMENTWISE _Pragma("clang loop vectorize(assume_safety)")
#elif defined(__GNUC__)
#define LIGERO_ELEMENTWISE _Pragma("GCC ivdep")
#else
#define LIGERO_ELEMENTWISE
#endif

namespace ligero {

/// Fewer elements than these are not worth the handing over to another thread.
inline constexpr int64_t kElementsPerTask = 8192;

/// body(begin, end) over the frames of the call, in pieces of kElementsPerTask elements or more.
template <typename Body>
void for_frames(const RunContext& ctx, int64_t elements_per_frame, Body body) noexcept {
  const int64_t grain = ceil_div(kElementsPerTask, std::max<int64_t>(1, elements_per_frame));
  parallel_for(ctx.pool, ctx.frames, static_cast<int>(grain), std::move(body));
}

/// body(begin, end) over [0, columns): for ops that go down the time axis, column by column.
template <typename Body>
void for_columns(const RunContext& ctx, int64_t columns, Body body) noexcept {
  // A cache line of columns at least, so that two tasks do not write to one line.
  constexpr int64_t kColumnsPerLine = 16;
  const int64_t lines = ceil_div(kElementsPerTask, int64_t{ctx.frames} * kColumnsPerLine);
  parallel_for(ctx.pool,
               static_cast<int>(columns),
               static_cast<int>(lines * kColumnsPerLine),
               std::move(body));
}

/// body(slot, begin, end) over the frames of the call, in at most `slots` pieces, each with a slot
/// of its own: an index into scratch that was measured for OpContext::threads slots.
template <typename Body>
void for_slots(const RunContext& ctx, int32_t slots, Body body) noexcept {
  const int grain = static_cast<int>(ceil_div(ctx.frames, std::max<int32_t>(1, slots)));
  parallel_for(ctx.pool, ctx.frames, grain, [&](int begin, int end) noexcept {
    // Where pieces are joined (no pool) the first slot serves; every piece begins on the grain.
    body(begin / grain, begin, end);
  });
}

/// y [columns][rows] = x [rows][columns] with its axes exchanged; no overlap.
inline void transpose(const float* x, ptrdiff_t rows, ptrdiff_t columns, float* y) {
  for (ptrdiff_t c = 0; c < columns; ++c) {
    for (ptrdiff_t r = 0; r < rows; ++r) {
      y[c * rows + r] = x[r * columns + c];
    }
  }
}

/// The rows that a kWhole input has in this call: the signal, or a block with what lies around it.
inline int32_t whole_frames(const RunContext& ctx) {
  return ctx.before + ctx.frames + ctx.after;
}
inline const float* whole_rows(const RunContext& ctx, size_t k) {
  return ctx.x(k) - ctx.before * static_cast<ptrdiff_t>(ctx.input(k).elements());
}

/// Frames of input `k` advance with time; a constant or weight is the same for every frame.
inline ptrdiff_t frame_step(const RunContext& ctx, size_t k) {
  const Tensor& t = ctx.input(k);
  return t.kind == Kind::kSequence ? static_cast<ptrdiff_t>(t.elements()) : 0;
}

}  // namespace ligero

#endif  // LIGERO_OPS_FRAMES_H_
