// SPDX-License-Identifier: Apache-2.0
// The walk over frames, transforms and the products between them. Not: the transforms' code.
#include "ops/kernels/winograd/winograd.h"

#include <new>

#include "runtime/base/checked.h"

namespace ligero {
namespace {

/// Transformed rows and sums of the frames that are worked on at once, if that is enough for as
/// many frames as there are taps: a point, of which there are eight, has its part in the
/// second-level cache.
constexpr int64_t kChunkBytes = 1536 * 1024;

/// G: point i's share of tap j is p_i^j / N_i, N_i the product of p_i's distances to the other
/// points but infinity; at infinity it is the last tap.
float weight_factor(int32_t point, int32_t tap, int32_t taps) {
  constexpr float kPoint[] = {0.0f, 1.0f, -1.0f, 2.0f, -2.0f, 0.5f, -0.5f};
  constexpr float kOver[] = {1.0f, -4.5f, -4.5f, 90.0f, 90.0f, 1.40625f, 1.40625f};
  if (point == kWinogradPoints - 1) {
    return tap == taps - 1 ? 1.0f : 0.0f;
  }
  float power = 1.0f;
  for (int32_t j = 0; j < tap; ++j) {
    power *= kPoint[point];
  }
  return power / kOver[point];
}

WinogradFrame frame_of(const ConvProblem& p) {
  const ConvRows& r = p.rows;
  return {r.taps_f, r.pad_f, r.bins, r.channels, r.out_bins, p.weights.outputs, r.zeros};
}

/// Floats of a point's transformed weights.
int64_t point_weights(const ConvProblem& p) {
  return int64_t{p.rows.taps_t} * p.rows.channels * p.weights.outputs;
}

/// G w into panels [8][taps_t * channels][outputs]: a product whose rows are those of G, and whose
/// inner rows are a channel's taps along bins.
void transform_weights(const ConvProblem& p, float* weights) {
  const ConvRows& r = p.rows;
  float g[kWinogradPoints][kWinogradPoints];
  const float* a[kGemmMaxRows];
  float* to[kGemmMaxRows];
  for (int32_t i = 0; i < kWinogradPoints; ++i) {
    for (int32_t j = 0; j < r.taps_f; ++j) {
      g[i][j] = weight_factor(i, j, r.taps_f);
    }
  }
  GemmTile tile = {};
  tile.segments = 1;
  tile.length = r.taps_f;
  tile.a = a;
  tile.out = to;
  GemmWeights w = p.weights;
  w.outputs = kGemmPanel;
  w.row_stride = int64_t{r.channels} * kGemmPanel;
  const int64_t inner = int64_t{r.taps_t} * r.channels;  // of a point
  for (int64_t n = 0; n < inner * (p.weights.outputs / kGemmPanel); ++n) {
    const int64_t panel = n / inner;
    const int64_t tap = n % inner / r.channels;
    const int64_t from = tap * r.taps_f * r.channels + n % r.channels;
    w.data = static_cast<const std::byte*>(p.weights.data) +
             (panel * p.weights.panel_stride + from * kGemmPanel) * p.weight_bytes;
    for (int32_t i = 0; i < kWinogradPoints; i += tile.rows) {
      const int32_t left = kWinogradPoints - i;
      tile.rows = left < p.shape.max_rows ? left : p.shape.max_rows;
      for (int32_t k = 0; k < tile.rows; ++k) {
        a[k] = g[i + k];
        to[k] = weights + (i + k) * point_weights(p) + n * kGemmPanel;
      }
      p.tile(tile, w, {}, 0, 1);
    }
  }
}

/// The scratch: transformed rows [8][frames + taps_t - 1][groups][channels], then sums
/// [8][frames][groups][outputs].
struct Chunk {
  int32_t frames;  ///< of output, at once
  int64_t row_stride;
  int64_t sum_stride;
};

Chunk lay_out(const ConvProblem& p, int32_t frames) {
  const int64_t groups = frame_of(p).groups();
  const int64_t row_floats = groups * p.rows.channels;
  const int64_t sum_floats = groups * p.weights.outputs;
  const int64_t before = p.rows.taps_t - 1;  // frames that the first of a chunk's reads too
  const int64_t floats = kChunkBytes / (kWinogradPoints * int64_t{sizeof(float)});
  const int64_t fitting = (floats - before * row_floats) / (row_floats + sum_floats);
  const int64_t wanted = fitting > p.rows.taps_t ? fitting : p.rows.taps_t;
  const int64_t alike = ceil_div(frames, p.rows.dilation_t);
  const int64_t chunk = wanted < alike ? wanted : alike;
  return {static_cast<int32_t>(chunk), (chunk + before) * row_floats, chunk * sum_floats};
}

/// Adds the problem's add rows to the sums of frame t, which are in the output, and sends them
/// through its epilogue: a product without segments.
void finish_frame(const ConvProblem& p, int32_t t) {
  float* y = p.output.y + t * p.output.frame_stride;
  float* out[kGemmMaxRows];
  const float* add[kGemmMaxRows];
  int32_t add_count[kGemmMaxRows];
  GemmTile tile = {};
  tile.out = out;
  tile.add = add;
  tile.add_count = add_count;
  const int32_t panels = p.weights.outputs / kGemmPanel;
  for (int32_t b = 0; b < p.rows.out_bins; b += tile.rows) {
    const int32_t left = p.rows.out_bins - b;
    tile.rows = left < p.shape.max_rows ? left : p.shape.max_rows;
    for (int32_t i = 0; i < tile.rows; ++i) {
      out[i] = y + (b + i) * p.output.bin_stride;
      add[i] = out[i];
      add_count[i] = 1;
      if (p.add.data != nullptr) {
        int32_t count = 0;
        const float* rows = conv_add_rows(p.add, t, b + i, &count);
        for (int32_t m = 0; m < count; ++m, rows += p.add.tap_stride) {
          for (int32_t o = 0; o < p.weights.outputs; ++o) {
            out[i][o] += rows[o];
          }
        }
      }
    }
    p.tile(tile, p.weights, p.epilogue, 0, panels);
  }
}

}  // namespace

size_t winograd_data_bytes(const ConvProblem& p) {
  return add_bytes(align_up(sizeof(Winograd)),
                   bytes_of(kWinogradPoints * point_weights(p), sizeof(float)));
}

Winograd* make_winograd(const ConvProblem& p, uint32_t cpu, void* data) {
  auto* weights =
      reinterpret_cast<float*>(static_cast<std::byte*>(data) + align_up(sizeof(Winograd)));
  transform_weights(p, weights);
  return new (data) Winograd{&kWinogradVariants.best(cpu), kGemmVariants.best(cpu).f32, weights};
}

size_t winograd_scratch_bytes(const ConvProblem& p, int32_t frames) {
  const Chunk chunk = lay_out(p, frames);
  return bytes_of(kWinogradPoints * (chunk.row_stride + chunk.sum_stride), sizeof(float));
}

void winograd(const Winograd& winograd,
              const ConvProblem& p,
              int32_t frames,
              Parallel* pool) noexcept {
  const ConvRows& r = p.rows;
  const WinogradFrame frame = frame_of(p);
  const WinogradKernels& kernels = *winograd.kernels;
  const Chunk chunk = lay_out(p, frames);
  const int64_t macs = kWinogradPoints * point_weights(p) * frame.groups() * frames;
  pool = macs < 2 * kConvMinMacsPerThread ? nullptr : pool;
  auto* rows = static_cast<float*>(p.scratch);
  float* sums = rows + kWinogradPoints * chunk.row_stride;
  ConvProblem point;  // its frames are every dilation_t-th of the convolution's
  point.tile = winograd.tile;
  point.shape = p.shape;
  point.weights.panel_stride = int64_t{r.taps_t} * r.channels * kGemmPanel;
  point.weights.outputs = p.weights.outputs;
  point.rows.bins = frame.groups();
  point.rows.out_bins = frame.groups();
  point.rows.channels = r.channels;
  point.rows.frame_stride = int64_t{frame.groups()} * r.channels;
  point.rows.taps_t = r.taps_t;
  point.output.bin_stride = p.weights.outputs;
  point.output.frame_stride = int64_t{frame.groups()} * p.weights.outputs;
  for (int32_t phase = 0; phase < r.dilation_t && phase < frames; ++phase) {
    const int32_t alike = (frames - phase + r.dilation_t - 1) / r.dilation_t;
    for (int32_t from = 0; from < alike; from += chunk.frames) {
      const int32_t count = alike - from < chunk.frames ? alike - from : chunk.frames;
      const auto frame_at = [&](int32_t i) { return phase + (from + i) * r.dilation_t; };
      parallel_for(pool, count + r.taps_t - 1, 1, [&](int begin, int end) noexcept {
        for (int32_t i = begin; i < end; ++i) {
          kernels.input(frame,
                        r.x + (frame_at(i) - r.past) * r.frame_stride,
                        rows + i * point.rows.frame_stride,
                        chunk.row_stride);
        }
      });
      for (int32_t k = 0; k < kWinogradPoints; ++k) {
        point.weights.data = winograd.weights + k * point_weights(p);
        point.rows.x = rows + k * chunk.row_stride;
        point.output.y = sums + k * chunk.sum_stride;
        convolve(point, count, pool);
      }
      parallel_for(pool, count, 1, [&](int begin, int end) noexcept {
        for (int32_t i = begin; i < end; ++i) {
          kernels.output(frame,
                         sums + i * point.output.frame_stride,
                         chunk.sum_stride,
                         p.output.y + frame_at(i) * p.output.frame_stride,
                         p.output.bin_stride);
          finish_frame(p, frame_at(i));
        }
      });
    }
  }
}

}  // namespace ligero
