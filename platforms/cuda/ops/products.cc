// SPDX-License-Identifier: Apache-2.0
// linear, band_linear, conv2d, conv2d_transposed, conv2d_map: one product each, or one for each
// phase or time row. Not: shapes, which ops/ has checked.
#include <algorithm>

#include "ops/options.h"
#include "ops/transposed_shape.h"
#include "platforms/cuda/ops/weighed.h"
#include "platforms/cuda/table.h"

namespace ligero::cuda {
namespace {

void add_epilogue(const Recorder& r, Activation activation, Product* p) {
  p->activation = static_cast<Function>(activation);
  p->bias = r.weight(2);
  p->slopes = r.weight(3);
  p->post_scale = r.weight(4);
  p->post_shift = r.weight(5);
}

Status linear(Recorder* r) {
  Weighed w = start_product(*r);
  add_epilogue(*r, r->options<ActivationOptions>().activation, &w.product);
  launch(r, w);
  return {};
}

/// Bands are groups of one output bin.
Status band_linear(Recorder* r) {
  constexpr size_t kBias = 2;
  Weighed w = start_product(*r);
  Product& p = w.product;
  const auto& options = r->options<BandLinearOptions>();
  p.activation = static_cast<Function>(options.activation);
  w.groups = options.bands;
  p.outputs = options.outputs;
  p.group_stride = options.columns() / kPanel * p.panel_stride;
  p.group_scales = options.columns();
  p.group_bins = options.stride;
  p.taps_t = options.kernel_t;
  p.past = options.kernel_t - 1;
  p.taps_f = options.width;
  p.pad_f = -options.first;
  p.out_bins = 1;
  p.y_bin = p.outputs * w.groups;
  p.shifted = r->has(kBias);
  if (p.shifted) {
    p.constant = r->in(kBias);
  }
  launch(r, w);
  return {};
}

void set_taps(const ConvOptions& o, int32_t out_bins, Product* p) {
  p->taps_t = o.kernel_t;
  p->taps_f = o.kernel_f;
  p->stride_f = o.stride_f;
  p->dilation_t = o.dilation_t;
  p->dilation_f = o.dilation_f;
  p->pad_f = o.pad_f;
  p->past = o.past;
  p->out_bins = out_bins;
}

Status conv2d(Recorder* r) {
  constexpr size_t kBiasMap = 6;
  Weighed w = start_product(*r);
  Product& p = w.product;
  const auto& options = r->options<ConvOptions>();
  add_epilogue(*r, options.activation, &p);
  set_taps(options, r->output().bins(), &p);
  w.groups = options.groups;
  p.channels /= w.groups;
  p.group_floats = p.channels;
  p.inner = p.taps_t * p.taps_f * p.channels;
  p.group_stride = static_cast<int64_t>(p.inner) * kPanel;
  p.y_bin = p.outputs * w.groups;
  p.mirror = options.reflect_t != 0;
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

Status conv2d_transposed(Recorder* r) {
  Weighed w = start_product(*r);
  Product& p = w.product;
  const auto& options = r->options<TransposedConvOptions>();
  add_epilogue(*r, options.activation, &p);
  p.taps_t = options.kernel_t;
  p.past = options.past;
  w.groups = options.groups;
  p.channels /= w.groups;
  p.group_floats = p.channels;
  p.group_stride = static_cast<int64_t>(p.taps_t) * options.kernel_f * p.channels * kPanel;
  const int32_t outputs = p.outputs * w.groups;
  p.y_bin = options.stride_f * outputs;
  for (int32_t phase = 0; phase < options.stride_f; ++phase) {
    const TransposedPhase of = transposed_phase(options, r->input(0).bins(), phase);
    p.taps_f = std::max(of.taps, 1);
    p.pad_f = of.taps - 1 - of.first;
    p.out_bins = of.rows;
    p.inner = p.taps_t * of.taps * p.channels;
    p.y_first = of.first_bin * outputs;
    if (of.rows > 0) {
      launch(r, w);
    }
    w.first += p.inner;
  }
  return {};
}

/// Row k of the output is the convolution with kernel row k alone.
Status conv2d_map(Recorder* r) {
  Weighed w = start_product(*r);
  Product& p = w.product;
  set_taps(r->options<ConvOptions>(), r->output().channels() / p.outputs, &p);
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
    {"band_linear", nullptr, band_linear},
    {"conv2d", nullptr, conv2d},
    {"conv2d_transposed", nullptr, conv2d_transposed},
    {"conv2d_map", nullptr, conv2d_map},
};

}  // namespace

std::span<const DeviceOp> product_ops() {
  return kOps;
}

}  // namespace ligero::cuda
