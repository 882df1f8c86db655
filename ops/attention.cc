// attention: softmax(scale q k^T) v, along time (all frames, or a window that ends at the query's
// frame) or along the bins of each frame. A tile of queries meets all its keys at once, so memory
// grows with the keys and not with their square. Not: scores and sums (ops/kernels).
#include "ops/kernels/attention/attention.h"

#include <new>

#include "ops/check.h"
#include "ops/frames.h"
#include "ops/kernels/product/product.h"
#include "ops/table.h"

namespace ligero {
namespace {

enum Input : size_t { kQuery = 0, kKey = 1, kValue = 2, kInputs = 3 };

/// Queries that share one walk over keys and values.
constexpr int32_t kTileQueries = 48;
/// Keys and values of a block stay in the second-level cache while the tile's queries meet them.
constexpr int32_t kBlockKeys = 128;
constexpr int32_t kMaxWindow = 1 << 20;

struct Shape {
  int32_t bins = 1;
  int32_t channels = 0;
  int32_t head = 0;  // channels of a head
  int32_t window = 0;
  bool along_bins = false;
};

struct Data {
  const AttentionKernels* attention;
  const ProductKernels* product;
  const ProductKernels* reference;  // partial last panels of the values
  Shape shape;
  float scale;
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
  const int32_t axis = ctx.node.int_or("axis", 0);
  const int32_t window = ctx.node.int_or("window", 0);
  const int32_t heads = ctx.node.int_or("heads", 1);
  LIGERO_RETURN_IF_ERROR(check_int(axis, 0, 1));
  LIGERO_RETURN_IF_ERROR(check_int(window, 0, axis == 0 ? kMaxWindow : 0));
  LIGERO_RETURN_IF_ERROR(check_int(heads, 1, q.channels()));
  LIGERO_CHECK(q.channels() % heads == 0, Code::kBadModel, "heads do not divide the channels");
  constexpr float kMaxScale = 1e6f;
  LIGERO_RETURN_IF_ERROR(check_float(ctx.node.float_or("scale", 1.0f), -kMaxScale, kMaxScale));
  int64_t pairs = 0;
  if (axis == 0) {
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
    pairs = static_cast<int64_t>(q.bins()) * q.bins();
  }
  out->outputs[0].set(out->outputs[0].kind, q.bins(), q.channels());
  LIGERO_CHECK(checked_mul(2 * static_cast<int64_t>(q.channels()), pairs, &out->macs),
               Code::kBadModel,
               "attention over too many bins");
  return {};
}

Shape read_shape(const OpContext& ctx) {
  Shape s;
  s.bins = ctx.input(kQuery).bins();
  s.channels = ctx.input(kQuery).channels();
  s.head = s.channels / ctx.node.int_or("heads", 1);
  s.window = ctx.node.int_or("window", 0);
  s.along_bins = ctx.node.int_or("axis", 0) == 1;
  return s;
}

/// Most keys of a tile, rounded up so that rows of scores start on a cache line.
int64_t max_keys(const OpContext& ctx, const Shape& s) {
  constexpr size_t kLine = kAlignment / sizeof(float);
  int64_t keys = int64_t{ctx.max_frames} + ctx.around;
  if (s.along_bins) {
    keys = s.bins;
  } else if (s.window > 0) {
    const int64_t queries = ctx.max_frames < kTileQueries ? ctx.max_frames : kTileQueries;
    keys = s.window - 1 + queries;
  }
  return static_cast<int64_t>(align_up(static_cast<size_t>(keys), kLine));
}

int32_t slices(const OpContext& ctx) {
  return ctx.threads > 1 ? ctx.threads : 1;
}

int64_t tile_queries(const OpContext& ctx, const Shape& s) {
  const int64_t queries = s.along_bins ? s.bins : ctx.max_frames;
  return queries < kTileQueries ? queries : kTileQueries;
}

Status measure(const OpContext& ctx, Needs* needs) {
  const Shape s = read_shape(ctx);
  const int64_t floats = max_keys(ctx, s) * tile_queries(ctx, s) * slices(ctx);
  needs->data_bytes = sizeof(Data);
  needs->scratch_bytes = static_cast<size_t>(floats) * sizeof(float);
  return {};
}

Status prepare(const OpContext& ctx, void* data) {
  auto* d = new (data) Data();
  d->attention = &attention_kernels(ctx.cpu);
  d->product = &product_kernels(ctx.cpu);
  d->reference = &product_kernels(0);
  d->shape = read_shape(ctx);
  d->scale = ctx.node.float_or("scale", 1.0f);
  d->max_keys = max_keys(ctx, d->shape);
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
  const float* a[kProductMaxRows];
  float* out[kProductMaxRows];
  const float* add[kProductMaxRows];
  int32_t add_count[kProductMaxRows];
  const int32_t full = d.shape.head / kProductPanel;
  const int32_t panels = (d.shape.head + kProductPanel - 1) / kProductPanel;
  const ProductEpilogue none;
  for (int32_t first = 0; first < t.keys; first += kBlockKeys) {
    const int32_t keys = t.keys - first < kBlockKeys ? t.keys - first : kBlockKeys;
    ProductWeights weights;
    weights.data = t.value + first * t.stride;
    weights.panel_stride = kProductPanel;
    weights.outputs = d.shape.head;
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
      ProductTile tile = {rows, 1, keys, a, out, add, add_count, 0};
      d.product->f32(tile, weights, none, 0, full);
      for (int32_t r = 0; full < panels && r < rows; ++r) {
        const ProductTile one = {1, 1, keys, a + r, out + r, add + r, add_count + r, 0};
        d.reference->f32(one, weights, none, full, panels);
      }
    }
  }
}

void attend(const Data& d, const Tile& tile, float* scores) noexcept {
  for (int32_t head = 0; head < d.shape.channels; head += d.shape.head) {
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
      d.attention->scores_f32(queries, keys, d.shape.head, d.scale, scores + first, d.max_keys);
    }
    normalise(d, t, scores);
    mix(d, t, scores);
  }
}

/// Queries [begin, end) of the sequence.
void attend_time(const RunContext& ctx, const Data& d, int32_t begin, int32_t end, float* scores) {
  const int64_t stride = d.shape.channels;
  for (int32_t t0 = begin; t0 < end; t0 += kTileQueries) {
    const int32_t queries = end - t0 < kTileQueries ? end - t0 : kTileQueries;
    int32_t first_key = -ctx.before;
    int32_t keys = whole_frames(ctx);
    int32_t offset = 0;
    if (d.shape.window > 0) {
      const int64_t start = ctx.first_frame + t0;  // frames of the signal before the tile
      const int32_t past =
          start < d.shape.window - 1 ? static_cast<int32_t>(start) : d.shape.window - 1;
      first_key = t0 - past;
      keys = past + queries;
      offset = past - (d.shape.window - 1);
    }
    attend(d,
           {ctx.x(kQuery) + t0 * stride,
            ctx.x(kKey) + first_key * stride,
            ctx.x(kValue) + first_key * stride,
            ctx.out[0] + t0 * stride,
            stride,
            queries,
            keys,
            offset,
            d.shape.window},
           scores);
  }
}

/// Frames [begin, end), each on its own.
void attend_bins(const RunContext& ctx, const Data& d, int32_t begin, int32_t end, float* scores) {
  const int64_t stride = d.shape.channels;
  const int64_t frame = stride * d.shape.bins;
  for (int32_t t = begin; t < end; ++t) {
    for (int32_t b = 0; b < d.shape.bins; b += kTileQueries) {
      const int32_t left = d.shape.bins - b;
      const int64_t at = t * frame + b * stride;
      attend(d,
             {ctx.x(kQuery) + at,
              ctx.x(kKey) + t * frame,
              ctx.x(kValue) + t * frame,
              ctx.out[0] + at,
              stride,
              left < kTileQueries ? left : kTileQueries,
              d.shape.bins,
              0,
              0},
             scores);
    }
  }
}

void run(const RunContext& ctx) noexcept {
  const Data& d = *static_cast<const Data*>(ctx.data);
  auto* scratch = static_cast<float*>(ctx.scratch);
  const int32_t rows = d.shape.along_bins ? d.shape.bins : ctx.frames;
  const int64_t slice = d.max_keys * (rows < kTileQueries ? rows : kTileQueries);
  const int32_t tiles = (ctx.frames + kTileQueries - 1) / kTileQueries;
  const int32_t unit = d.shape.along_bins ? 1 : kTileQueries;
  const int32_t units = d.shape.along_bins ? ctx.frames : tiles;
  const int32_t tasks = units < d.slices ? units : d.slices;
  parallel_for(ctx.pool, tasks, 1, [&](int begin, int end) noexcept {
    for (int task = begin; task < end; ++task) {
      const int64_t first = static_cast<int64_t>(units) * task / tasks * unit;
      const int64_t limit = static_cast<int64_t>(units) * (task + 1) / tasks * unit;
      const auto last = static_cast<int32_t>(limit < ctx.frames ? limit : ctx.frames);
      if (d.shape.along_bins) {
        attend_bins(ctx, d, static_cast<int32_t>(first), last, scratch + task * slice);
      } else {
        attend_time(ctx, d, static_cast<int32_t>(first), last, scratch + task * slice);
      }
    }
  });
}

}  // namespace

const Op kAttentionOp = {"attention", 1, nullptr, infer, measure, prepare, run};

}  // namespace ligero
