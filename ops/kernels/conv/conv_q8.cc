// SPDX-License-Identifier: Apache-2.0
// Products with int8 weights: some frames of the input become int8, then the rows that read them
// are computed. Not: the rounding (quantize.h).
#include <cstring>

#include "ops/kernels/conv/walk.h"
#include "runtime/base/checked.h"

namespace ligero {
namespace {

/// Input that is int8 at once: a share of the second-level cache, and enough rows for full tiles.
constexpr int64_t kChunkBytes = 128 * 1024;
constexpr int64_t kMinChunkFrames = 64;

/// Elements of a frame, and the bytes from one frame of int8 to the next.
int64_t frame_elements(const ConvRows& r) {
  return static_cast<int64_t>(r.bins) * r.channels;
}
int64_t q8_stride(const ConvRows& r) {
  return ceil_div(frame_elements(r), int64_t{kAlignment}) * int64_t{kAlignment};
}

/// Frames before and after an output frame that its taps reach.
int32_t reach(const ConvRows& r) {
  return (r.taps_t - 1) * r.dilation_t;
}

/// Output frames whose input is held as int8 at once.
int32_t chunk_frames(const ConvRows& r, int32_t frames) {
  const int64_t wanted = kChunkBytes / q8_stride(r);
  const int64_t chunk = wanted < kMinChunkFrames ? kMinChunkFrames : wanted;
  return chunk < frames ? static_cast<int32_t>(chunk) : frames;
}

/// The frames [*begin, *end) that the output frames [from, to) read, at most to - from + reach().
void frames_read(const ConvRows& r, int32_t from, int32_t to, int32_t* begin, int32_t* end) {
  const int32_t future = reach(r) - r.past;
  *begin = from - r.past;
  *end = to + future;
  if (r.mirror_frames > 0) {
    const int32_t last = r.mirror_frames - 1;
    const int32_t before = -*begin;             // mirrored into frame `before`
    const int32_t after = 2 * last - *end + 1;  // the last one, mirrored
    *begin = *begin < 0 ? 0 : *begin;
    *end = *end > last + 1 ? last + 1 : *end;
    if (before >= *end) {
      *end = before < last ? before + 1 : last + 1;
    }
    if (after < *begin) {
      *begin = after > 0 ? after : 0;
    }
  }
}

/// Where the parts of the scratch lie, for `frames` frames of input. The ops have checked shapes,
/// not that a frame, or as many as a chunk has, fit in memory.
struct Q8Scratch {
  size_t sums;
  size_t zeros;
  size_t values;
  size_t bytes;
};

Q8Scratch lay_out_q8(const ConvRows& r, int32_t frames) {
  const int64_t bins = int64_t{frames} * r.bins;
  const size_t frame = bytes_of(q8_stride(r), 1);
  Q8Scratch s = {};
  s.sums = align_up(bytes_of(frames, sizeof(float)));
  s.zeros = add_bytes(s.sums, align_up(bytes_of(bins, sizeof(int32_t))));
  s.values = add_bytes(s.zeros, align_up(bytes_of(r.channels, 1)));
  s.bytes = add_bytes(s.values, bytes_of(frames, frame));
  return s;
}

}  // namespace

size_t conv_q8_scratch_bytes(const ConvRows& rows, int32_t frames) {
  return lay_out_q8(rows, chunk_frames(rows, frames) + reach(rows)).bytes;
}

void convolve_q8(const ConvProblem* problems,
                 int32_t count,
                 int32_t frames,
                 Parallel* pool) noexcept {
  const ConvProblem& p = problems[0];
  const int64_t stride = q8_stride(p.rows);
  const int32_t chunk = chunk_frames(p.rows, frames);
  const Q8Scratch parts = lay_out_q8(p.rows, chunk + reach(p.rows));
  auto* scratch = static_cast<std::byte*>(p.scratch);
  auto* scales = reinterpret_cast<float*>(scratch);
  auto* sums = reinterpret_cast<int32_t*>(scratch + parts.sums);
  auto* zeros = reinterpret_cast<int8_t*>(scratch + parts.zeros);
  auto* values = reinterpret_cast<int8_t*>(scratch + parts.values);
  std::memset(zeros, 0, static_cast<size_t>(p.rows.channels));
  ConvInput input;
  input.scales = scales;
  input.sums = p.q8->sums != nullptr ? sums : nullptr;
  for (int32_t from = 0; from < frames; from += chunk) {
    const int32_t to = frames - from < chunk ? frames : from + chunk;
    int32_t first = 0;
    int32_t end = 0;
    frames_read(p.rows, from, to, &first, &end);
    for (int32_t f = first; f < end; ++f) {
      scales[f - first] = p.quantize->q8(p.rows.x + f * p.rows.frame_stride,
                                         frame_elements(p.rows),
                                         values + (f - first) * stride);
      if (input.sums != nullptr) {
        p.q8->sums(values + (f - first) * stride,
                   p.rows.bins,
                   p.rows.channels,
                   sums + int64_t{f - first} * p.rows.bins);
      }
    }
    input.q8 = {values, zeros, stride, first};
    for (int32_t i = 0; i < count; ++i) {
      const int32_t bins = problems[i].rows.out_bins;
      walk_rows(problems[i], input, from * bins, to * bins, pool);
    }
  }
}

}  // namespace ligero
