// Choice of the product's variant, and the walk over tiles, panels and threads. Not: arithmetic.
#include "ops/kernels/product/product.h"

#include "ops/kernels/variants.h"

#define LIGERO_DECLARE(isa, features)   \
  namespace ligero::isa {               \
  extern const ProductKernels kProduct; \
  }
LIGERO_FOR_EACH_ISA(LIGERO_DECLARE)
#undef LIGERO_DECLARE

namespace ligero {
namespace {

#define LIGERO_ENTRY(isa, features) {features, &isa::kProduct},
constexpr Variant<ProductKernels> kVariants[] = {LIGERO_FOR_EACH_ISA(LIGERO_ENTRY)};
#undef LIGERO_ENTRY

/// Weights that are gone through for one tile after another stay in the second-level cache.
constexpr int64_t kGroupBytes = 384 * 1024;
/// Below this many multiply-adds waking a thread costs more than it saves.
constexpr int64_t kMinMacsPerThread = 200 * 1000;

int32_t panel_count(const ProductWeights& w) {
  return (w.outputs + kProductPanel - 1) / kProductPanel;
}

int32_t mirrored(int32_t frame, int32_t frames) {
  int32_t f = frame < 0 ? -frame : frame;
  if (f >= frames) {
    f = 2 * (frames - 1) - f;
  }
  return f < 0 ? 0 : f >= frames ? frames - 1 : f;
}

/// The pointers of row (t, b), `rows` apart.
void gather(const ProductRows& r, int32_t t, int32_t b, int32_t rows, const float** a) {
  const bool merged = r.merged();
  for (int32_t i = 0; i < r.taps_t; ++i) {
    int32_t frame = t + i * r.dilation_t - r.past;
    if (r.mirror_frames > 0) {
      frame = mirrored(frame, r.mirror_frames);
    }
    const float* x = r.x + frame * r.frame_stride;
    const int32_t first_bin = b * r.stride_f - r.pad_f;
    if (merged) {
      *a = x + static_cast<int64_t>(first_bin) * r.channels;
      a += rows;
      continue;
    }
    for (int32_t j = 0; j < r.taps_f; ++j) {
      const int32_t bin = first_bin + j * r.dilation_f;
      const bool inside = bin >= 0 && bin < r.bins;
      *a = inside ? x + static_cast<int64_t>(bin) * r.channels : r.zeros;
      a += rows;
    }
  }
}

/// The add rows of row (t, b): the first one, and their number.
const float* add_rows(const ProductAdd& add, int32_t t, int32_t b, int32_t* count) {
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

/// Rows [row_begin, row_end) of panels [panel_begin, panel_end), a group of panels at a time.
void product_range(const ProductProblem& p,
                   int32_t row_begin,
                   int32_t row_end,
                   int32_t panel_begin,
                   int32_t panel_end) noexcept {
  const float* a[kProductMaxSegments * kProductMaxRows];
  float* out[kProductMaxRows];
  const float* add[kProductMaxRows] = {};
  int32_t add_count[kProductMaxRows] = {};
  const int32_t segments = p.rows.segments();
  const int32_t length = p.rows.channels * (p.rows.merged() ? p.rows.taps_f : 1);
  const int64_t panel_bytes =
      static_cast<int64_t>(segments) * length * kProductPanel * p.weight_bytes + 1;
  int32_t group = p.kernels->panels;
  while ((group + p.kernels->panels) * panel_bytes <= kGroupBytes) {
    group += p.kernels->panels;
  }
  if (row_end - row_begin == 1) {
    group = panel_end - panel_begin;
  }
  const int32_t max_rows = p.kernels->max_rows;
  for (int32_t panel = panel_begin; panel < panel_end; panel += group) {
    const int32_t group_end = panel_end - panel < group ? panel_end : panel + group;
    for (int32_t row = row_begin; row < row_end;) {
      const int32_t tiles_left = (row_end - row + max_rows - 1) / max_rows;
      const int32_t rows = (row_end - row + tiles_left - 1) / tiles_left;
      for (int32_t i = 0; i < rows; ++i) {
        const int32_t t = (row + i) / p.rows.out_bins;
        const int32_t b = (row + i) % p.rows.out_bins;
        gather(p.rows, t, b, rows, a + i);
        out[i] = p.output.y + t * p.output.frame_stride + b * p.output.bin_stride;
        if (p.add.data != nullptr) {
          add[i] = add_rows(p.add, t, b, &add_count[i]);
        }
      }
      const ProductTile tile = {rows,
                                segments,
                                length,
                                a,
                                out,
                                p.add.data != nullptr ? add : nullptr,
                                add_count,
                                p.add.tap_stride};
      p.tile(tile, p.weights, p.epilogue, panel, group_end);
      row += rows;
    }
  }
}

}  // namespace

const ProductKernels& product_kernels(uint32_t cpu) {
  const ProductKernels* best = nullptr;
  list_variants(kVariants, cpu, &best, 1);
  return *best;
}

size_t product_variants(uint32_t cpu, const ProductKernels** out, size_t capacity) {
  return list_variants(kVariants, cpu, out, capacity);
}

void product(const ProductProblem& p, int32_t frames, Parallel* pool) noexcept {
  const int32_t rows = frames * p.rows.out_bins;
  const int32_t panels = panel_count(p.weights);
  if (rows <= 0 || panels <= 0) {
    return;
  }
  const int64_t macs = static_cast<int64_t>(rows) * p.weights.outputs * p.rows.taps_t *
                       p.rows.taps_f * p.rows.channels;
  if (pool == nullptr || pool->threads() < 2 || macs < 2 * kMinMacsPerThread) {
    product_range(p, 0, rows, 0, panels);
    return;
  }
  const int32_t max_rows = p.kernels->max_rows;
  if (rows >= 2 * max_rows * pool->threads()) {
    parallel_for(pool, rows, max_rows, [&](int begin, int end) noexcept {
      product_range(p, begin, end, 0, panels);
    });
  } else {
    const int32_t grain = rows == 1 ? p.kernels->vec_panels : p.kernels->panels;
    parallel_for(pool, panels, grain, [&](int begin, int end) noexcept {
      product_range(p, 0, rows, begin, end);
    });
  }
}

}  // namespace ligero
