// SPDX-License-Identifier: Apache-2.0
// linear: y = post(act(x W + bias)) for every bin of every frame. Not: the product itself.
#include "ops/check.h"
#include "ops/option_table.h"
#include "ops/options.h"
#include "ops/product_op.h"
#include "ops/table.h"

namespace ligero {
namespace {

enum Input : size_t { kX = 0, kW = 1, kEpilogue = 2, kInputs = 6 };

constexpr Option kOptions[] = {LIGERO_INT_OPTION(ActivationOptions, activation, 0, 0, 6)};
static_assert(kNumActivations == 7);

Status infer(const OpContext& ctx, Inference* out) {
  LIGERO_RETURN_IF_ERROR(check_arity(ctx, 2, kInputs));
  LIGERO_RETURN_IF_ERROR(check_signal(ctx, kX));
  const Tensor& x = ctx.input(kX);
  LIGERO_RETURN_IF_ERROR(check_panels(ctx, kW, x.channels(), x.channels()));
  const int32_t outputs = ctx.input(kW).dim[1];
  LIGERO_RETURN_IF_ERROR(
      check_epilogue(ctx, kEpilogue, outputs, ctx.options<ActivationOptions>().activation));
  out->outputs[0].set(out->outputs[0].kind, x.bins(), outputs);
  LIGERO_RETURN_IF_ERROR(check_size(out->outputs[0].dim, 2));
  out->macs = static_cast<int64_t>(x.bins()) * x.channels() * outputs;
  return {};
}

void set_rows(const Tensor& x, ConvRows* rows) {
  rows->frame_stride = x.elements();
  rows->bins = x.bins();
  rows->channels = x.channels();
  rows->out_bins = x.bins();
}

Status measure(const OpContext& ctx, Needs* needs) {
  LIGERO_RETURN_IF_ERROR(check_rows(ctx, ctx.output(0).bins()));
  needs->data_bytes = product_data_bytes(0);
  ConvRows rows;
  set_rows(ctx.input(kX), &rows);
  needs->scratch_bytes = product_scratch_bytes(ctx, kW, rows, ctx.max_frames);
  return {};
}

Status prepare(const OpContext& ctx, void* data) {
  ConvProblem& p = make_product_data(data, 0)->problem;
  prepare_weights(ctx, kW, &p);
  prepare_epilogue(ctx, kEpilogue, ctx.options<ActivationOptions>().activation, &p.epilogue);
  const Tensor& x = ctx.input(kX);
  set_rows(x, &p.rows);
  p.output.bin_stride = p.weights.outputs;
  p.output.frame_stride = static_cast<int64_t>(x.bins()) * p.weights.outputs;
  return {};
}

void run(const RunContext& ctx) noexcept {
  ConvProblem p = static_cast<const ProductData*>(ctx.data)->problem;
  p.rows.x = ctx.x(kX);
  p.scratch = ctx.scratch;
  p.output.y = ctx.out[0];
  convolve(p, ctx.frames, ctx.pool);
}

}  // namespace

const Op kLinearOp = {"linear", 1, parse<kOptions>, infer, measure, prepare, run};

}  // namespace ligero
