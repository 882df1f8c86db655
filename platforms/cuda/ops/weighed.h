// A product of input 0 with panels, and the choice of its kernel. Not: which product an op is.
#ifndef LIGERO_PLATFORMS_CUDA_OPS_WEIGHED_H_
#define LIGERO_PLATFORMS_CUDA_OPS_WEIGHED_H_

#include "platforms/cuda/recorder.h"

namespace ligero::cuda {

/// Up to so many rows their threads share out the inner dimension; above, the outputs.
inline constexpr int32_t kMostFewRows = 16;

/// With the panels of input 1 from inner row `first` on.
struct Weighed {
  Product product;
  Type type = Type::kF32;
  int32_t groups = 1;
  int64_t first = 0;
};

template <typename W>
void launch_as(Recorder* r, const Weighed& p) {
  const auto* from = static_cast<const W*>(r->panels(1).data) + p.first * kPanel;
  const int64_t rows = p.product.total_rows();
  const auto put = [&](auto body, int64_t row_tile, int64_t output_tile) {
    static_cast<Product&>(body) = p.product;
    body.weights = from;
    r->launch(body,
              rows <= INT32_MAX ? ceil_div(rows, row_tile) : rows,  // which is then refused
              ceil_div(p.product.outputs, output_tile),
              p.groups,
              decltype(body)::kSharedFloats);
  };
  if (rows <= kMostFewRows) {
    put(ProductRow<W>(), ProductRow<W>::kRows, kPanel);
  } else {
    put(ProductTile<W>(), ProductTile<W>::kTile, ProductTile<W>::kTile);
  }
}

inline void launch(Recorder* r, const Weighed& p) {
  if (p.type == Type::kF16) {
    launch_as<Half>(r, p);
  } else {
    launch_as<float>(r, p);
  }
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
