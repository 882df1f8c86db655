// linear, conv2d, conv2d_transposed, conv2d_map: one product each, or one for each phase or time
// row. Not: shapes, which ops/ has checked.
#include <algorithm>

#include "platforms/cuda/ops/weighed.h"
#include "platforms/cuda/table.h"

namespace ligero::cuda {
namespace {

void add_epilogue(const Recorder& r, Product* p) {
  p->activation = static_cast<Function>(r.node().int_or("activation", 0));
  p->bias = r.weight(2);
  p->slopes = r.weight(3);
  p->post_scale = r.weight(4);
  p->post_shift = r.weight(5);
}

Status linear(Recorder* r) {
  Weighed w = start_product(*r);
  add_epilogue(*r, &w.product);
  launch(r, w);
  return {};
}

void set_taps(const Recorder& r, Product* p) {
  const Node& node = r.node();
  p->taps_t = node.int_or("kernel_t", 1);
  p->taps_f = node.int_or("kernel_f", 1);
  p->stride_f = node.int_or("stride_f", 1);
  p->dilation_t = node.int_or("dilation_t", 1);
  p->dilation_f = node.int_or("dilation_f", 1);
  p->pad_f = node.int_or("pad_f", 0);
  p->past = node.int_or("past", 0);
  const int32_t extent = p->dilation_f * (p->taps_f - 1) + 1;
  p->out_bins = (p->bins + 2 * p->pad_f - extent) / p->stride_f + 1;
}

Status conv2d(Recorder* r) {
  constexpr size_t kBiasMap = 6;
  Weighed w = start_product(*r);
  Product& p = w.product;
  add_epilogue(*r, &p);
  set_taps(*r, &p);
  w.groups = r->node().int_or("groups", 1);
  p.channels /= w.groups;
  p.inner = p.taps_t * p.taps_f * p.channels;
  p.group_stride = static_cast<int64_t>(p.inner) * kPanel;
  p.y_bin = p.outputs * w.groups;
  p.mirror = r->node().int_or("reflect_t", 0) != 0;
  p.mapped = r->has(kBiasMap);
  if (p.mapped) {
    // Its rows are time taps, whether it is a constant or a weight.
    p.add = r->in(kBiasMap);
    p.add.row = r->output().elements();
    p.add.step = 1;
  }
  launch(r, w);
  return {};
}

/// Output bin p + stride * q takes from input bin q - j the tap p + stride * j.
Status conv2d_transposed(Recorder* r) {
  Weighed w = start_product(*r);
  Product& p = w.product;
  add_epilogue(*r, &p);
  p.taps_t = r->node().int_or("kernel_t", 1);
  p.past = r->node().int_or("past", 0);
  const int32_t kernel = r->node().int_or("kernel_f", 1);
  const int32_t stride = r->node().int_or("stride_f", 1);
  const int32_t out_bins = r->output().bins();
  const int32_t outputs = p.outputs;
  p.y_bin = stride * outputs;
  for (int32_t phase = 0; phase < std::min(stride, out_bins); ++phase) {
    const int32_t taps = phase < kernel ? (kernel - phase + stride - 1) / stride : 0;
    p.taps_f = std::max(taps, 1);
    p.pad_f = taps - 1;
    p.out_bins = (out_bins - phase + stride - 1) / stride;
    p.inner = p.taps_t * taps * p.channels;
    p.y_first = phase * outputs;
    launch(r, w);
    w.first += p.inner;
  }
  return {};
}

/// Row k of the output is the convolution with kernel row k alone.
Status conv2d_map(Recorder* r) {
  Weighed w = start_product(*r);
  Product& p = w.product;
  set_taps(*r, &p);
  const int32_t kernel_rows = p.taps_t;
  p.taps_t = 1;
  p.past = 0;
  p.inner = p.taps_f * p.channels;
  for (int32_t k = 0; k < kernel_rows; ++k) {
    p.y_first = k * r->output().channels();
    launch(r, w);
    w.first += p.inner;
  }
  return {};
}

constexpr DeviceOp kOps[] = {
    {"linear", nullptr, linear},
    {"conv2d", nullptr, conv2d},
    {"conv2d_transposed", nullptr, conv2d_transposed},
    {"conv2d_map", nullptr, conv2d_map},
};

}  // namespace

std::span<const DeviceOp> product_ops() {
  return kOps;
}

}  // namespace ligero::cuda
