// SPDX-License-Identifier: Apache-2.0
// A product of input 0 with panels, and the choice of its kernel. Not: which product an op is.
#ifndef LIGERO_PLATFORMS_CUDA_OPS_WEIGHED_H_
#define LIGERO_PLATFORMS_CUDA_OPS_WEIGHED_H_

#include "platforms/cuda/recorder.h"

namespace ligero::cuda {

/// With the panels of input 1 from inner row `first` on.
struct Weighed {
  Product product;
  Type type = Type::kF32;
  int32_t groups = 1;  ///< of channels, or bands
  int64_t first = 0;
};

/// Puts the weights' type in place of W: f(W()).
template <typename F>
void with_type(Type type, const F& f) {
  switch (type) {
    case Type::kF32:
      return f(float());
    case Type::kF16:
      return f(Half());
    case Type::kQ8:
      return f(int8_t());
  }
}

/// The largest tiles of which there are as many as the GPU has processors, or single rows. (By
/// reckoning: a tile of 128 rows reads least and multiplies most for it, but a processor that has
/// no tile does nothing, and rows share the weights through the cache.)
template <typename W>
void launch_as(Recorder* r, const Weighed& p) {
  const auto* from = static_cast<const W*>(r->panels(1).data) + p.first * kPanel;
  const int64_t rows = p.product.total_rows();
  const int64_t outputs = p.product.outputs;
  const auto put = [&](auto body, int64_t tile_rows, int64_t tile_outputs) {
    static_cast<Product&>(body) = p.product;
    body.weights = from;
    // A block's rows are counted past the last one.
    r->launch(body,
              rows <= INT32_MAX - tile_rows ? ceil_div(rows, tile_rows) : Recorder::kTooMany,
              ceil_div(outputs, tile_outputs),
              p.groups,
              decltype(body)::kSharedFloats);
  };
  const auto try_tile = [&](auto body) {
    using Tile = decltype(body);
    const int64_t tiles =
        ceil_div(rows, Tile::kTileRows) * ceil_div(outputs, Tile::kTileOutputs) * p.groups;
    if (tiles < r->processors()) {
      return false;
    }
    put(body, Tile::kTileRows, Tile::kTileOutputs);
    return true;
  };
  const bool narrow = outputs <= ProductNarrow<W>::kTileOutputs;
  if (narrow ? try_tile(ProductNarrow<W>())
             : try_tile(ProductWide<W>()) || try_tile(ProductSquare<W>())) {
    return;
  }
  put(ProductRow<W>(), ProductRow<W>::kRows, kPanel);
}

inline void launch(Recorder* r, const Weighed& p) {
  with_type(p.type, [&](auto w) { launch_as<decltype(w)>(r, p); });
}

/// A product of single bins, without an epilogue: a linear layer.
inline Weighed start_product(const Recorder& r) {
  Weighed w;
  w.type = r.panels(1).type;
  Product& p = w.product;
  p = {};
  p.sessions = r.sessions();
  p.rows = r.rows();
  p.x = r.in(0);
  p.y = r.out();
  p.scale = r.panels(1).scale;
  p.panel_stride = static_cast<int64_t>(r.panels(1).inner) * kPanel;
  p.inner = r.panels(1).inner;
  p.outputs = r.panels(1).outputs;
  p.bins = r.input(0).bins();
  p.channels = r.input(0).channels();
  p.out_bins = p.bins;
  p.x_bin = p.channels;
  p.y_bin = p.outputs;
  p.taps_t = p.dilation_t = p.taps_f = p.dilation_f = p.stride_f = 1;
  return w;
}

}  // namespace ligero::cuda

#endif  // LIGERO_PLATFORMS_CUDA_OPS_WEIGHED_H_
