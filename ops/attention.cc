// SPDX-License-Identifier: Apache-2.0
// attention: softmax(scale q k^T) v, along time (all frames, or a window that ends at the query's
// frame) or along the bins of each frame. A tile of queries meets all its keys at once, so memory
// grows with the keys and not with their square. Not: scores and sums (ops/kernels).
#include "ops/kernels/attention/attention.h"

#include <new>

#include "ops/check.h"
#include "ops/frames.h"
#include "ops/kernels/gemm/gemm.h"
#include "ops/option_table.h"
#include "ops/options.h"
#include "ops/table.h"

namespace ligero {
namespace {

enum Input : size_t { kQuery = 0, kKey = 1, kValue = 2, kInputs = 3 };

/// Queries that share one walk over keys and values.
constexpr int32_t kTileQueries = 48;
/// Keys and values of a block stay in the second-level cache while the tile's queries meet them.
constexpr int32_t kBlockKeys = 128;

constexpr Option kOptions[] = {
    LIGERO_INT_OPTION(AttentionOptions, axis, 0, 0, 1),
    LIGERO_INT_OPTION(AttentionOptions, window, 0, 0, 32768),
    LIGERO_INT_OPTION(AttentionOptions, heads, 1, 1, 67108864),
    LIGERO_FLOAT_OPTION(AttentionOptions, scale, 1, -1e6, 1e6),
};

struct Data {
  const AttentionKernels* attention;
  const GemmKernels* product;
  const GemmKernels* reference;  // partial last panels of the values
  int32_t head;                     // channels of a head
  int64_t max_keys;
  int32_t slices;  // of the scratch, one for each task at a time
};

Status infer(const OpContext& ctx, Inference* out) {
  LIGERO_RETURN_IF_ERROR(check_arity(ctx, kInputs, kInputs));
  const Tensor& q = ctx.input(kQuery);
  for (size_t k = 0; k < kInputs; ++k) {
    LIGERO_RETURN_IF_ERROR(check_signal(ctx, k));
    LIGERO_CHECK(same_shape(q, ctx.input(k)) && ctx.input(k).kind == q.kind,
                 Code::kBadModel,
                 "query, key and value differ in shape");
  }
  const auto& options = ctx.options<AttentionOptions>();
  const int32_t window = options.window;
  LIGERO_CHECK(
      q.channels() % options.heads == 0, Code::kBadModel, "heads do not divide the channels");
  int64_t pairs = 0;
  if (!options.along_bins()) {
    LIGERO_CHECK(q.kind == Kind::kSequence && q.bins() == 1,
                 Code::kBadModel,
                 "attention along time needs a sequence of one bin");
    const TimeBehaviour keys = window > 0 ? TimeBehaviour{TimeUse::kWindow, window - 1, 0}
                                          : TimeBehaviour{TimeUse::kWhole, 0, 0};
    out->time[kKey] = keys;
    out->time[kValue] = keys;
    pairs = window;
    out->macs_by_signal = window > 0 ? 0 : 2 * int64_t{q.channels()};
  } else {
    LIGERO_CHECK(window == 0, Code::kBadModel, "a window along bins");
    pairs = static_cast<int64_t>(q.bins()) * q.bins();
  }
  out->outputs[0].set(out->outputs[0].kind, q.bins(), q.channels());
  LIGERO_CHECK(checked_mul(2 * static_cast<int64_t>(q.channels()), pairs, &out->macs),
               Code::kBadModel,
               "attention over too many bins");
  return {};
}

/// Most keys of a tile, rounded up so that rows of scores start on a cache line.
int64_t max_keys(const OpContext& ctx) {
  const auto& options = ctx.options<AttentionOptions>();
  constexpr size_t kLine = kAlignment / sizeof(float);
  int64_t keys = int64_t{ctx.max_frames} + ctx.around;
  if (options.along_bins()) {
    keys = ctx.input(kQuery).bins();
  } else if (options.window > 0) {
    const int64_t queries = ctx.max_frames < kTileQueries ? ctx.max_frames : kTileQueries;
    keys = options.window - 1 + queries;
  }
  return static_cast<int64_t>(align_up(static_cast<size_t>(keys), kLine));
}

int32_t slices(const OpContext& ctx) {
  return ctx.threads > 1 ? ctx.threads : 1;
}

int64_t tile_queries(const OpContext& ctx) {
  const bool along_bins = ctx.options<AttentionOptions>().along_bins();
  const int64_t queries = along_bins ? ctx.input(kQuery).bins() : ctx.max_frames;
  return queries < kTileQueries ? queries : kTileQueries;
}

Status measure(const OpContext& ctx, Needs* needs) {
  const int64_t floats = max_keys(ctx) * tile_queries(ctx) * slices(ctx);
  needs->data_bytes = sizeof(Data);
  needs->scratch_bytes = static_cast<size_t>(floats) * sizeof(float);
  return {};
}

Status prepare(const OpContext& ctx, void* data) {
  auto* d = new (data) Data();
  d->attention = &kAttentionVariants.best(ctx.cpu);
  d->product = &kGemmVariants.best(ctx.cpu);
  d->reference = &kGemmVariants.best(0);
  d->head = ctx.input(kQuery).channels() / ctx.options<AttentionOptions>().heads;
  d->max_keys = max_keys(ctx);
  d->slices = slices(ctx);
  return {};
}

/// Queries of one head and the keys and values that any of them sees; rows are `stride` apart.
struct Tile {
  const float* query;
  const float* key;
  const float* value;
  float* out;
  int64_t stride;
  int32_t queries;
  int32_t keys;
  /// Query i sees the keys [max(0, i + offset), i + offset + window), or all where window is 0.
  int32_t offset;
  int32_t window;
};

/// Softmax of each query's scores, zero for the keys that it does not see.
void normalise(const Data& d, const Tile& t, float* scores) noexcept {
  for (int32_t i = 0; i < t.queries; ++i) {
    float* row = scores + i * d.max_keys;
    int32_t begin = 0;
    int32_t end = t.keys;
    if (t.window > 0) {
      begin = i + t.offset > 0 ? i + t.offset : 0;
      end = i + t.offset + t.window;
    }
    for (int32_t j = 0; j < begin; ++j) {
      row[j] = 0.0f;
    }
    for (int32_t j = end; j < t.keys; ++j) {
      row[j] = 0.0f;
    }
    d.attention->softmax_f32(end - begin, row + begin);
  }
}

/// out = scores times values, a block of keys after another added to the output.
void mix(const Data& d, const Tile& t, const float* scores) noexcept {
  const float* a[kGemmMaxRows];
  float* out[kGemmMaxRows];
  const float* add[kGemmMaxRows];
  int32_t add_count[kGemmMaxRows];
  const int32_t full = d.head / kGemmPanel;
  const int32_t panels = (d.head + kGemmPanel - 1) / kGemmPanel;
  const GemmEpilogue none;
  for (int32_t first = 0; first < t.keys; first += kBlockKeys) {
    const int32_t keys = t.keys - first < kBlockKeys ? t.keys - first : kBlockKeys;
    GemmWeights weights;
    weights.data = t.value + first * t.stride;
    weights.panel_stride = kGemmPanel;
    weights.outputs = d.head;
    weights.row_stride = t.stride;
    const int32_t most = d.product->shape.max_rows;
    for (int32_t i = 0; i < t.queries; i += most) {
      const int32_t rows = t.queries - i < most ? t.queries - i : most;
      for (int32_t r = 0; r < rows; ++r) {
        a[r] = scores + (i + r) * d.max_keys + first;
        out[r] = t.out + (i + r) * t.stride;
        add[r] = out[r];
        add_count[r] = first > 0 ? 1 : 0;
      }
      GemmTile tile = {rows, 1, keys, a, out, add, add_count, 0};
      d.product->f32(tile, weights, none, 0, full);
      for (int32_t r = 0; full < panels && r < rows; ++r) {
        const GemmTile one = {1, 1, keys, a + r, out + r, add + r, add_count + r, 0};
        d.reference->f32(one, weights, none, full, panels);
      }
    }
  }
}

void attend(const RunContext& ctx, const Tile& tile, float* scores) noexcept {
  const Data& d = *static_cast<const Data*>(ctx.data);
  const float scale = ctx.options<AttentionOptions>().scale;
  for (int32_t head = 0; head < tile.stride; head += d.head) {
    Tile t = tile;
    t.query += head;
    t.key += head;
    t.value += head;
    t.out += head;
    for (int32_t first = 0; first < t.keys; first += kBlockKeys) {
      const AttentionRows queries = {t.query, t.stride, t.queries};
      const AttentionRows keys = {t.key + first * t.stride,
                                  t.stride,
                                  t.keys - first < kBlockKeys ? t.keys - first : kBlockKeys};
      d.attention->scores_f32(queries, keys, d.head, scale, scores + first, d.max_keys);
    }
    normalise(d, t, scores);
    mix(d, t, scores);
  }
}

/// Queries [begin, end) of the sequence.
void attend_time(const RunContext& ctx, int32_t begin, int32_t end, float* scores) {
  const int64_t stride = ctx.input(kQuery).channels();
  const int32_t window = ctx.options<AttentionOptions>().window;
  for (int32_t t0 = begin; t0 < end; t0 += kTileQueries) {
    const int32_t queries = end - t0 < kTileQueries ? end - t0 : kTileQueries;
    int32_t first_key = -ctx.before;
    int32_t keys = whole_frames(ctx);
    int32_t offset = 0;
    if (window > 0) {
      const int64_t start = ctx.first_frame + t0;  // frames of the signal before the tile
      const int32_t past = start < window - 1 ? static_cast<int32_t>(start) : window - 1;
      first_key = t0 - past;
      keys = past + queries;
      offset = past - (window - 1);
    }
    attend(ctx,
           {ctx.x(kQuery) + t0 * stride,
            ctx.x(kKey) + first_key * stride,
            ctx.x(kValue) + first_key * stride,
            ctx.out[0] + t0 * stride,
            stride,
            queries,
            keys,
            offset,
            window},
           scores);
  }
}

/// Frames [begin, end), each on its own.
void attend_bins(const RunContext& ctx, int32_t begin, int32_t end, float* scores) {
  const int32_t bins = ctx.input(kQuery).bins();
  const int64_t stride = ctx.input(kQuery).channels();
  const int64_t frame = stride * bins;
  for (int32_t t = begin; t < end; ++t) {
    for (int32_t b = 0; b < bins; b += kTileQueries) {
      const int32_t left = bins - b;
      const int64_t at = t * frame + b * stride;
      attend(ctx,
             {ctx.x(kQuery) + at,
              ctx.x(kKey) + t * frame,
              ctx.x(kValue) + t * frame,
              ctx.out[0] + at,
              stride,
              left < kTileQueries ? left : kTileQueries,
              bins,
              0,
              0},
             scores);
    }
  }
}

void run(const RunContext& ctx) noexcept {
  const Data& d = *static_cast<const Data*>(ctx.data);
  auto* scratch = static_cast<float*>(ctx.scratch);
  const bool along_bins = ctx.options<AttentionOptions>().along_bins();
  const int32_t rows = along_bins ? ctx.input(kQuery).bins() : ctx.frames;
  const int64_t slice = d.max_keys * (rows < kTileQueries ? rows : kTileQueries);
  const int32_t tiles = (ctx.frames + kTileQueries - 1) / kTileQueries;
  const int32_t unit = along_bins ? 1 : kTileQueries;
  const int32_t units = along_bins ? ctx.frames : tiles;
  const int32_t tasks = units < d.slices ? units : d.slices;
  parallel_for(ctx.pool, tasks, 1, [&](int begin, int end) noexcept {
    for (int task = begin; task < end; ++task) {
      const int64_t first = static_cast<int64_t>(units) * task / tasks * unit;
      const int64_t limit = static_cast<int64_t>(units) * (task + 1) / tasks * unit;
      const auto last = static_cast<int32_t>(limit < ctx.frames ? limit : ctx.frames);
      if (along_bins) {
        attend_bins(ctx, static_cast<int32_t>(first), last, scratch + task * slice);
      } else {
        attend_time(ctx, static_cast<int32_t>(first), last, scratch + task * slice);
      }
    }
  });
}

}  // namespace

const Op kAttentionOp = {"attention", 1, parse<kOptions>, infer, measure, prepare, run};

}  // namespace ligero
