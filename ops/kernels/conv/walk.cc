// SPDX-License-Identifier: Apache-2.0
// From rows to tiles: the pointers of each row's taps, the order of tiles and panels, the threads.
// Not: arithmetic.
#include "ops/kernels/conv/walk.h"

namespace ligero {
namespace {

/// Weights that are gone through for one tile after another stay in the second-level cache.
constexpr int64_t kGroupBytes = 384 * 1024;

int32_t panel_count(const GemmWeights& w) {
  return (w.outputs + kGemmPanel - 1) / kGemmPanel;
}

/// Rows of a full tile of a product of so many panels.
int32_t full_tile_rows(const GemmTileShape& shape, int32_t panels) {
  return panels <= shape.narrow_panels ? shape.narrow_rows : shape.max_rows;
}

int32_t mirrored(int32_t frame, int32_t frames) {
  int32_t f = frame < 0 ? -frame : frame;
  if (f >= frames) {
    f = 2 * (frames - 1) - f;
  }
  return f < 0 ? 0 : f >= frames ? frames - 1 : f;
}

/// The frame from which row (t, b) takes tap i.
int32_t tap_frame(const ConvRows& r, int32_t t, int32_t i) {
  const int32_t frame = t + i * r.dilation_t - r.past;
  return r.mirror_frames > 0 ? mirrored(frame, r.mirror_frames) : frame;
}

/// Rows of one frame, as many as are alike: all taps inside, or not all of them.
struct Run {
  int32_t t;
  int32_t count;
  int32_t first_bin;  ///< of the first row's first tap
  bool inside;
};

/// The run that begins with row (t, b), of at most `most` rows.
Run find_run(const ConvRows& r, int32_t t, int32_t b, int32_t most) {
  const int32_t first = b * r.stride_f - r.pad_f;
  const int32_t room = r.bins - 1 - (r.taps_f - 1) * r.dilation_f - first;
  const bool inside = first >= 0 && room >= 0;
  const int32_t left = r.out_bins - b < most ? r.out_bins - b : most;
  const int32_t alike = !inside                           ? 1
                        : room >= (left - 1) * r.stride_f ? left
                                                          : room / r.stride_f + 1;
  return {t, alike, first, inside};
}

/// to[k] = first + k * step for the rows [row, row + count) of a tile. Of the first ones all that
/// there can be are written: a number of steps known here costs less than the steps that are too
/// many, and later runs write over those.
template <typename T>
void spread(T* first, int64_t step, int32_t row, int32_t count, T** to) {
  if (row == 0) {
    for (int32_t k = 0; k < kGemmMaxRows; ++k) {
      to[k] = first + k * step;
    }
  } else {
    for (int32_t k = 0; k < count; ++k) {
      to[row + k] = first + k * step;
    }
  }
}

/// The pointers of a run's rows, of which the first is number `row` of the tile, to `pieces` pieces
/// of each frame.
template <typename T>
void gather(const ConvRows& r,
            const ConvSource<T>& source,
            const Run& run,
            int32_t pieces,
            int32_t row,
            const T** a) {
  const int64_t tap_step = int64_t{r.dilation_f} * r.channels;
  const int64_t row_step = int64_t{r.stride_f} * r.channels;
  for (int32_t i = 0; i < r.taps_t; ++i) {
    const T* x = source.x + (tap_frame(r, run.t, i) - source.first) * source.frame_stride +
                 int64_t{run.first_bin} * r.channels;
    for (int32_t j = 0; j < pieces; ++j, x += tap_step, a += kGemmMaxRows) {
      const int32_t bin = run.first_bin + j * r.dilation_f;
      if (run.inside) {
        spread(x, row_step, row, run.count, a);
      } else {
        a[row] = bin >= 0 && bin < r.bins ? x : source.zeros;
      }
    }
  }
}

/// What a tile points to.
struct TileRows {
  union {
    const float* f32[kGemmMaxSegments * kGemmMaxRows];
    const int8_t* q8[kGemmMaxSegments * kGemmMaxRows];
  };
  float scales[kGemmMaxSegments * kGemmMaxRows];
  int32_t sums[kGemmMaxSegments * kGemmMaxRows];
  float* out[kGemmMaxRows];
  const float* add[kGemmMaxRows];
  int32_t add_count[kGemmMaxRows];
};

/// Scales and sums of a run's rows, of which the first is number `row` of the tile.
void gather_scales(
    const ConvRows& r, const ConvInput& input, const Run& run, int32_t row, TileRows* out) {
  for (int32_t tap = 0; tap < r.taps_t; ++tap) {
    const int64_t frame = tap_frame(r, run.t, tap) - input.q8.first;
    float* scales = out->scales + tap * kGemmMaxRows;
    for (int32_t k = row; k < kGemmMaxRows; ++k) {
      scales[k] = input.scales[frame];
    }
    if (input.sums == nullptr) {
      continue;
    }
    const int32_t* bins = input.sums + frame * r.bins;
    int32_t* sums = out->sums + tap * kGemmMaxRows + row;
    for (int32_t k = 0; k < run.count; ++k) {
      int32_t sum = 0;
      int32_t bin = run.first_bin + k * r.stride_f;
      for (int32_t j = 0; j < r.taps_f; ++j, bin += r.dilation_f) {
        sum += run.inside || (bin >= 0 && bin < r.bins) ? bins[bin] : 0;
      }
      sums[k] = sum;
    }
  }
}

/// A tile that points to `to`, without rows.
GemmTile make_tile(const ConvProblem& p, TileRows* to) {
  GemmTile tile = {};
  tile.out = to->out;
  tile.add = p.add.data != nullptr ? to->add : nullptr;
  tile.add_count = to->add_count;
  tile.add_stride = p.add.tap_stride;
  if (p.q8 != nullptr) {
    tile.taps = p.rows.taps_t;
    tile.q = to->q8;
    tile.q_scales = to->scales;
    tile.q_sums = to->sums;
  } else {
    tile.a = to->f32;
  }
  return tile;
}

/// Fills a tile of tile->rows rows, the first of them (*t, *b), which moves on behind the last. The
/// taps of a frame are one segment where they lie together in every row.
void fill_tile(const ConvProblem& p,
               const ConvInput& input,
               int32_t* t,
               int32_t* b,
               TileRows* to,
               GemmTile* tile) {
  const ConvRows& r = p.rows;
  int32_t pieces = 1;
  for (int32_t i = 0; i < tile->rows;) {
    const Run run = find_run(r, *t, *b, tile->rows - i);
    if (i == 0) {
      const bool together =
          r.merged() || (r.dilation_f == 1 && run.inside && run.count == tile->rows);
      pieces = together ? 1 : r.taps_f;
      tile->segments = r.taps_t * pieces;
      tile->length = together ? r.taps_f * r.channels : r.channels;
    }
    if (p.q8 != nullptr) {
      gather(r, input.q8, run, pieces, i, to->q8);
      gather_scales(r, input, run, i, to);
    } else {
      gather(r, input.f32, run, pieces, i, to->f32);
    }
    float* y = p.output.y + *t * p.output.frame_stride + *b * p.output.bin_stride;
    spread(y, p.output.bin_stride, i, run.count, to->out);
    for (int32_t k = 0; p.add.data != nullptr && k < run.count; ++k) {
      to->add[i + k] = conv_add_rows(p.add, *t, *b + k, &to->add_count[i + k]);
    }
    i += run.count;
    *b += run.count;
    if (*b == r.out_bins) {
      *b = 0;
      ++*t;
    }
  }
}

/// Panels of `all` that are gone through together.
int32_t group_panels(const ConvProblem& p, int32_t rows, int32_t all) {
  if (rows == 1 && !p.last_panels_first) {
    return all;
  }
  const int64_t panel_bytes =
      int64_t{p.rows.taps_t} * p.rows.taps_f * p.rows.channels * kGemmPanel * p.weight_bytes + 1;
  const int64_t fitting = kGroupBytes / (p.shape.panels * panel_bytes);
  const int64_t wanted = p.shape.panels * (fitting > 1 ? fitting : 1);
  return wanted < all ? static_cast<int32_t>(wanted) : all;
}

/// Rows [row_begin, row_end) of panels [panel_begin, panel_end), a group of panels at a time.
void walk_range(const ConvProblem& p,
                const ConvInput& input,
                int32_t row_begin,
                int32_t row_end,
                int32_t panel_begin,
                int32_t panel_end) noexcept {
  const int32_t rows = row_end - row_begin;
  if (rows == 0) {
    return;
  }
  TileRows to;
  GemmTile tile = make_tile(p, &to);
  const int32_t all = panel_end - panel_begin;
  const int32_t group = group_panels(p, rows, all);
  const int32_t groups = (all + group - 1) / group;
  const int32_t max_rows = full_tile_rows(p.shape, panel_count(p.weights));
  const int32_t tiles = (rows + max_rows - 1) / max_rows;
  const int32_t least = rows / tiles;
  const int32_t larger = rows % tiles;  // so many are larger by a row, the first ones
  for (int32_t g = 0; g < groups; ++g) {
    const int32_t panel = panel_begin + group * (p.last_panels_first ? groups - 1 - g : g);
    const int32_t group_end = panel_end - panel < group ? panel_end : panel + group;
    int32_t t = row_begin / p.rows.out_bins;
    int32_t b = row_begin % p.rows.out_bins;
    for (int32_t n = 0; n < tiles; ++n) {
      tile.rows = n < larger ? least + 1 : least;
      fill_tile(p, input, &t, &b, &to, &tile);
      p.tile(tile, p.weights, p.epilogue, panel, group_end);
    }
  }
}

/// The next bank's weights, epilogue, rows and output.
void next_bank(ConvProblem* p) {
  const int32_t outputs = p->weights.outputs;
  const int64_t panels = panel_count(p->weights);
  p->weights.data = static_cast<const std::byte*>(p->weights.data) +
                    panels * p->weights.panel_stride * p->weight_bytes;
  if (p->weights.scale != nullptr) {
    p->weights.scale += panels * kGemmPanel;
  }
  p->epilogue.advance(outputs);
  p->rows.pad_f -= p->bank_stride;
  p->output.y += outputs;
}

/// walk_rows() of one bank, whose problem is `p`.
void walk_bank(const ConvProblem& p,
               const ConvInput& input,
               int32_t begin,
               int32_t end,
               Parallel* pool) noexcept {
  const int32_t rows = end - begin;
  const int32_t panels = panel_count(p.weights);
  const int64_t macs = static_cast<int64_t>(rows) * p.weights.outputs * p.rows.taps_t *
                       p.rows.taps_f * (p.single_channels ? 1 : p.rows.channels);
  if (pool == nullptr || pool->threads() < 2 || macs < 2 * kConvMinMacsPerThread) {
    walk_range(p, input, begin, end, 0, panels);
    return;
  }
  const int32_t max_rows = full_tile_rows(p.shape, panels);
  if (rows >= 2 * max_rows * pool->threads()) {
    parallel_for(pool, rows, max_rows, [&](int from, int to) noexcept {
      walk_range(p, input, begin + from, begin + to, 0, panels);
    });
  } else {
    const int32_t grain = rows == 1 ? p.shape.vec_panels : p.shape.panels;
    parallel_for(pool, panels, grain, [&](int from, int to) noexcept {
      walk_range(p, input, begin, end, from, to);
    });
  }
}

}  // namespace

const float* conv_add_rows(const ConvAdd& add, int32_t t, int32_t b, int32_t* count) {
  int32_t first = 0;
  int32_t last = add.taps;
  if (add.total_frames >= 0) {
    const int64_t frame = add.first_frame + t - add.past;
    while (first < last && frame + static_cast<int64_t>(first) * add.dilation < 0) {
      ++first;
    }
    while (last > first &&
           frame + static_cast<int64_t>(last - 1) * add.dilation >= add.total_frames) {
      --last;
    }
  }
  *count = last - first;
  return add.data + t * add.frame_stride + b * add.bin_stride + first * add.tap_stride;
}

bool is_small_row(const ConvProblem& p, int32_t frames) noexcept {
  const ConvRows& r = p.rows;
  if (frames != 1 || p.banks != 1 || r.out_bins != 1 || r.taps_t != 1 || r.past != 0 ||
      r.mirror_frames != 0 || !r.merged()) {
    return false;
  }
  const int64_t weights = int64_t{r.taps_f} * (p.single_channels ? 1 : r.channels) *
                          panel_count(p.weights) * kGemmPanel;
  return weights < 2 * kConvMinMacsPerThread && weights * p.weight_bytes <= kGroupBytes;
}

void convolve_small_row(const ConvProblem& p) noexcept {
  const ConvRows& r = p.rows;
  const int64_t first = -int64_t{r.pad_f} * r.channels;
  const float* a = r.x + first;
  const int8_t* q = nullptr;
  const float* add = nullptr;
  float scale = 0.0f;
  int32_t sum = 0;
  int32_t add_count = 0;
  GemmTile tile = {};
  tile.rows = 1;
  tile.segments = 1;
  tile.length = r.taps_f * r.channels;
  tile.out = &p.output.y;
  if (p.q8 != nullptr) {
    auto* values = static_cast<int8_t*>(p.scratch);
    scale = p.quantize->q8(r.x, int64_t{r.bins} * r.channels, values);
    q = values + first;
    if (p.q8->sums != nullptr) {
      p.q8->sums(q, 1, tile.length, &sum);
    }
    tile.q = &q;
    tile.q_scales = &scale;
    tile.q_sums = &sum;
  } else {
    tile.a = &a;
  }
  if (p.add.data != nullptr) {
    add = conv_add_rows(p.add, 0, 0, &add_count);
    tile.add = &add;
    tile.add_count = &add_count;
    tile.add_stride = p.add.tap_stride;
  }
  p.tile(tile, p.weights, p.epilogue, 0, panel_count(p.weights));
}

void walk_rows(const ConvProblem& p,
               const ConvInput& input,
               int32_t begin,
               int32_t end,
               Parallel* pool) noexcept {
  if (p.banks == 1) {
    walk_bank(p, input, begin, end, pool);
    return;
  }
  ConvProblem bank = p;
  for (int32_t b = 0; b < p.banks; ++b) {
    walk_bank(bank, input, begin, end, pool);
    next_bank(&bank);
  }
}

}  // namespace ligero
