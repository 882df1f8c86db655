// SPDX-License-Identifier: Apache-2.0
// conv2d_map: a constant convolved with each time row of a kernel alone: the bias maps of conv2d,
// worked out once for each speaker. Not: their sum over time rows (conv2d).
#include "ops/check.h"
#include "ops/conv_shape.h"
#include "ops/options.h"
#include "ops/product_op.h"
#include "ops/table.h"

namespace ligero {
namespace {

enum Input : size_t { kX = 0, kW = 1, kInputs = 2 };

Status parse_map(const Node& node, void* options) {
  return read_options(node, std::span(kConvOptions).first(kConvMapOptions), options);
}

Status infer(const OpContext& ctx, Inference* out) {
  LIGERO_RETURN_IF_ERROR(check_arity(ctx, 2, kInputs));
  LIGERO_RETURN_IF_ERROR(check_signal(ctx, kX));
  const Tensor& x = ctx.input(kX);
  LIGERO_CHECK(x.kind == Kind::kConstant, Code::kBadModel, "conv2d_map needs a constant");
  const auto& o = ctx.options<ConvOptions>();
  int32_t out_bins = 0;
  LIGERO_RETURN_IF_ERROR(check_conv(o, x.bins(), &out_bins));
  const int64_t inner = static_cast<int64_t>(o.kernel_t) * o.kernel_f * x.channels();
  LIGERO_RETURN_IF_ERROR(check_panels(ctx, kW, inner, 0));
  const int32_t outputs = ctx.input(kW).dim[1];
  const int64_t row = static_cast<int64_t>(out_bins) * outputs;
  LIGERO_CHECK(row <= kMaxFrameElements, Code::kBadModel, "a tensor is too large");
  out->outputs[0].set(Kind::kConstant, o.kernel_t, static_cast<int32_t>(row));
  LIGERO_RETURN_IF_ERROR(check_size(out->outputs[0].dim, 2));
  LIGERO_CHECK(checked_mul(inner * outputs, out_bins, &out->macs),
               Code::kBadModel,
               "a convolution is too large");
  return {};
}

Status measure(const OpContext& ctx, Needs* needs) {
  needs->data_bytes = product_data_bytes(ctx.input(kX).channels());
  return {};
}

Status prepare(const OpContext& ctx, void* data) {
  const Tensor& x = ctx.input(kX);
  ConvProblem& p = make_product_data(data, x.channels())->problem;
  prepare_weights(ctx, kW, &p);
  const int32_t out_bins = ctx.output(0).channels() / p.weights.outputs;
  set_conv_rows(ctx.options<ConvOptions>(), x.bins(), x.channels(), out_bins, &p.rows);
  p.rows.taps_t = 1;
  p.rows.past = 0;
  p.output.bin_stride = p.weights.outputs;
  return {};
}

void run(const RunContext& ctx) noexcept {
  ConvProblem p = static_cast<const ProductData*>(ctx.data)->problem;
  const auto* weights = static_cast<const std::byte*>(p.weights.data);
  const int64_t inner = static_cast<int64_t>(p.rows.taps_f) * p.rows.channels;
  const int32_t rows = ctx.output(0).bins();
  p.rows.x = ctx.x(kX);
  for (int32_t k = 0; k < rows; ++k) {
    p.weights.data = weights + k * inner * kGemmPanel * p.weight_bytes;
    p.output.y = ctx.out[0] + static_cast<int64_t>(k) * ctx.output(0).channels();
    convolve(p, 1, ctx.pool);
  }
}

}  // namespace

const Op kConv2dMapOp = {"conv2d_map", 1, parse_map, infer, measure, prepare, run};

}  // namespace ligero
