// SPDX-License-Identifier: Apache-2.0
// band_linear: a linear layer with weights of its own for each band of neighbouring bins, of one
// frame or a few. Not: one matrix for all bins (linear.cc, conv2d.cc), nor the product.
#include "ops/check.h"
#include "ops/option_table.h"
#include "ops/options.h"
#include "ops/product_op.h"
#include "ops/table.h"

namespace ligero {
namespace {

enum Input : size_t { kX = 0, kW = 1, kBias = 2, kInputs = 3 };

constexpr Option kOptions[] = {
    LIGERO_INT_OPTION(BandLinearOptions, bands, kRequired, 1, 4096),
    LIGERO_INT_OPTION(BandLinearOptions, outputs, kRequired, 1, 65536),
    LIGERO_INT_OPTION(BandLinearOptions, first, 0, -4096, 65536),
    LIGERO_INT_OPTION(BandLinearOptions, width, 1, 1, 4096),
    LIGERO_INT_OPTION(BandLinearOptions, stride, 1, 1, 4096),
    LIGERO_INT_OPTION(BandLinearOptions, kernel_t, 1, 1, 4096),
    LIGERO_INT_OPTION(BandLinearOptions, activation, 0, 0, 6),
};
static_assert(kNumActivations == 7);

/// Every band has a bin of the input.
Status check_bands(const BandLinearOptions& o, int32_t bins) {
  LIGERO_CHECK(int64_t{o.kernel_t} * o.width <= kGemmMaxSegments,
               Code::kUnsupportedModel,
               "a band has too many bins and frames");
  const int64_t last = o.first + int64_t{o.bands - 1} * o.stride;
  LIGERO_CHECK(
      o.first + o.width > 0 && last < bins, Code::kBadModel, "a band lies outside its input");
  return {};
}

Status infer(const OpContext& ctx, Inference* out) {
  LIGERO_RETURN_IF_ERROR(check_arity(ctx, 2, kInputs));
  LIGERO_RETURN_IF_ERROR(check_signal(ctx, kX));
  const Tensor& x = ctx.input(kX);
  const auto& o = ctx.options<BandLinearOptions>();
  LIGERO_RETURN_IF_ERROR(check_bands(o, x.bins()));
  LIGERO_CHECK(o.activation != Activation::kPrelu,
               Code::kUnsupportedModel,
               "this op has no slopes for prelu");
  LIGERO_CHECK(x.kind == Kind::kSequence || o.kernel_t == 1,
               Code::kBadModel,
               "bands over several frames of a constant");
  const int64_t inner = int64_t{o.kernel_t} * o.width * x.channels();
  LIGERO_RETURN_IF_ERROR(check_panels(ctx, kW, inner, x.channels(), o.kernel_t));
  LIGERO_CHECK(ctx.input(kW).dim[1] == int64_t{o.bands} * o.columns(),
               Code::kBadModel,
               "the weights' columns are not whole panels for each band");
  if (has(ctx, kBias)) {
    LIGERO_RETURN_IF_ERROR(check_map(ctx, kBias, o.bands, o.outputs));
  }
  out->outputs[0].set(out->outputs[0].kind, o.bands, o.outputs);
  LIGERO_RETURN_IF_ERROR(check_size(out->outputs[0].dim, 2));
  if (o.kernel_t > 1) {
    out->time[kX] = {TimeUse::kWindow, o.kernel_t - 1, 0};
  }
  LIGERO_CHECK(checked_mul(inner * o.outputs, o.bands, &out->macs),
               Code::kBadModel,
               "a band layer is too large");
  return {};
}

ConvRows band_rows(const OpContext& ctx) {
  const Tensor& x = ctx.input(kX);
  const auto& o = ctx.options<BandLinearOptions>();
  ConvRows rows;
  rows.frame_stride = x.elements();
  rows.bins = x.bins();
  rows.channels = x.channels();
  rows.taps_t = o.kernel_t;
  rows.past = o.kernel_t - 1;
  rows.taps_f = o.width;
  rows.pad_f = -o.first;
  return rows;
}

Status measure(const OpContext& ctx, Needs* needs) {
  LIGERO_RETURN_IF_ERROR(check_rows(ctx, ctx.output(0).bins()));
  needs->data_bytes = product_data_bytes(ctx.input(kX).channels());
  needs->scratch_bytes = product_scratch_bytes(ctx, kW, band_rows(ctx), ctx.max_frames);
  return {};
}

Status prepare(const OpContext& ctx, void* data) {
  ConvProblem& p = make_product_data(data, ctx.input(kX).channels())->problem;
  const auto& o = ctx.options<BandLinearOptions>();
  const float* zeros = p.rows.zeros;
  prepare_weights(ctx, kW, &p);
  p.weights.outputs = o.outputs;
  p.banks = o.bands;
  p.bank_stride = o.stride;
  p.epilogue.activation = o.activation;
  p.rows = band_rows(ctx);
  p.rows.zeros = zeros;
  p.output.frame_stride = ctx.output(0).elements();
  return {};
}

void run(const RunContext& ctx) noexcept {
  ConvProblem p = static_cast<const ProductData*>(ctx.data)->problem;
  p.rows.x = ctx.x(kX);
  p.scratch = ctx.scratch;
  p.output.y = ctx.out[0];
  if (ctx.node.has_input(kBias)) {
    p.epilogue.bias = ctx.x(kBias);
  }
  convolve(p, ctx.frames, ctx.pool);
}

}  // namespace

const Op kBandLinearOp = {"band_linear", 1, parse<kOptions>, infer, measure, prepare, run};

}  // namespace ligero
