// SPDX-License-Identifier: Apache-2.0
// Where tensors lie on the device, and which of a call's rows each session computes. Not: who fills
// these in (recorder.h).
//
// Every session has an arena of the same layout, `stride` floats from the next one's. What differs
// from call to call and from session to session is read from device memory, so that a sequence of
// launches can be captured once and played back for every hop.
#ifndef LIGERO_PLATFORMS_CUDA_KERNELS_VIEWS_H_
#define LIGERO_PLATFORMS_CUDA_KERNELS_VIEWS_H_

#include <cstdint>

#include "platforms/cuda/kernels/block.h"
#include "runtime/history.h"

namespace ligero::cuda {

/// One session's place in its signal; the host writes it before each run.
struct Clock {
  int64_t frames_in;     ///< of all earlier calls
  int64_t total_frames;  ///< kEndless where it is not known
  int64_t total_samples;
  int64_t runs;  ///< 0: the session stands still
};

struct Sessions {
  const Clock* clocks = nullptr;   ///< [count]
  const int32_t* heads = nullptr;  ///< [count][rings]: where each ring's oldest row is
  int32_t rings = 0;
  int32_t count = 0;
};

/// The rows of one tensor: row t of a call, in the arena of session b, is at(sessions, b, t). A
/// ring goes round by itself. A constant or a weight has one row, whatever t.
struct View {
  float* data = nullptr;
  int64_t stride = 0;    ///< floats from a session to the next; weights: 0
  int64_t row = 0;       ///< floats
  int32_t step = 0;      ///< 1, or 0 where there is one row
  int32_t first = 0;     ///< place of row 0
  int32_t ring = -1;     ///< its head's index; -1: rows stand still
  int32_t capacity = 0;  ///< rows of a ring

  /// The row of a ring for `place`, which is less than twice round (history_capacity()).
  LIGERO_KERNEL int32_t wrapped(int32_t place) const {
    return place >= capacity ? place - capacity : place;
  }
  LIGERO_KERNEL float* at(const Sessions& s, int32_t b, int32_t t) const {
    int32_t place = first + step * t;
    if (ring >= 0) {
      place = wrapped(place + s.heads[b * s.rings + ring]);
    }
    return data + b * stride + place * row;
  }
};

/// The rows of one session that a node computes in this call: [begin, end) lie inside the signal,
/// the node's other rows are zero. Inputs declared `whole` have `before` and `after` more.
struct Part {
  int64_t first;  ///< the signal's frame that row 0 is
  int64_t total;  ///< frames of the signal
  int32_t begin;
  int32_t end;
  int32_t before;
  int32_t after;
  bool runs;

  LIGERO_KERNEL bool has(int32_t t) const {
    return t >= begin && t < end;
  }
};

enum class Reach : uint8_t {
  kSignal,  ///< the rows inside the signal
  kCall,    ///< all rows of the call
  kAlways,  ///< that, also of sessions which stand still
};

/// A node's rows: [-revised, frames), see runtime/history.h.
struct Rows {
  int32_t frames = 1;
  int32_t revised = 0;
  int32_t delay = 0;
  int32_t context = 0;
  int32_t ahead = 0;
  Reach reach = Reach::kSignal;

  LIGERO_KERNEL int32_t count() const {
    return revised + frames;
  }
  LIGERO_KERNEL Part part(const Sessions& s, int32_t b) const {
    const Clock clock = s.clocks[b];
    const bool runs = clock.runs != 0 || reach == Reach::kAlways;
    if (reach != Reach::kSignal) {
      return {0, frames, -revised, frames, 0, 0, runs};
    }
    const int64_t first = clock.frames_in - delay;
    const RowsInside inside =
        rows_inside(first, revised, frames, clock.total_frames, context, ahead);
    return {first,
            clock.total_frames,
            inside.begin,
            inside.end,
            inside.before,
            inside.after,
            runs};
  }
};

}  // namespace ligero::cuda

#endif  // LIGERO_PLATFORMS_CUDA_KERNELS_VIEWS_H_
