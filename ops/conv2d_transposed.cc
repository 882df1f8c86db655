// conv2d_transposed: along bins, the outputs of each phase (bin mod stride) are a plain convolution
// with the taps of that phase, so nothing is scattered. Over time it is a convolution. Not: the
// product.
#include <new>

#include "ops/check.h"
#include "ops/conv_shape.h"
#include "ops/product_op.h"
#include "ops/table.h"

namespace ligero {
namespace {

enum Input : size_t { kX = 0, kW = 1, kEpilogue = 2, kInputs = 6 };

struct Shape {
  int32_t kernel_t = 1;
  int32_t kernel_f = 1;
  int32_t stride_f = 1;
  int32_t past = 0;
  int32_t future = 0;
  int32_t out_bins = 0;
};

Status read_shape(const OpContext& ctx, Shape* s) {
  const auto read = [&](const char* name, int32_t fallback, int32_t least, int32_t* value) {
    *value = ctx.node.int_or(name, fallback);
    return check_int(*value, least, kMaxConvNumber);
  };
  int32_t out_pad = 0;
  LIGERO_RETURN_IF_ERROR(read("kernel_t", 0, 1, &s->kernel_t));
  LIGERO_RETURN_IF_ERROR(read("kernel_f", 0, 1, &s->kernel_f));
  LIGERO_RETURN_IF_ERROR(read("stride_f", 1, 1, &s->stride_f));
  LIGERO_RETURN_IF_ERROR(read("out_pad_f", 0, 0, &out_pad));
  LIGERO_RETURN_IF_ERROR(read("past", 0, 0, &s->past));
  LIGERO_RETURN_IF_ERROR(read("future", 0, 0, &s->future));
  LIGERO_CHECK(s->past + s->future == s->kernel_t - 1,
               Code::kBadModel,
               "past and future do not add up to the kernel's extent in time");
  LIGERO_CHECK(s->kernel_t * s->kernel_f <= kProductMaxSegments,
               Code::kUnsupportedModel,
               "a convolution has too many taps");
  const int64_t bins =
      static_cast<int64_t>(ctx.input(kX).bins() - 1) * s->stride_f + s->kernel_f + out_pad;
  LIGERO_CHECK(bins <= kMaxFrameElements, Code::kBadModel, "a tensor is too large");
  s->out_bins = static_cast<int32_t>(bins);
  return {};
}

Status infer(const OpContext& ctx, Inference* out) {
  LIGERO_RETURN_IF_ERROR(check_arity(ctx, 2, kInputs));
  LIGERO_RETURN_IF_ERROR(check_signal(ctx, kX));
  const Tensor& x = ctx.input(kX);
  Shape shape;
  LIGERO_RETURN_IF_ERROR(read_shape(ctx, &shape));
  LIGERO_CHECK(x.kind == Kind::kSequence || shape.kernel_t == 1,
               Code::kBadModel,
               "a convolution over time of a constant");
  const int64_t inner = static_cast<int64_t>(shape.kernel_t) * shape.kernel_f * x.channels();
  LIGERO_RETURN_IF_ERROR(check_panels(ctx, kW, inner, x.channels(), shape.kernel_t));
  const int32_t outputs = ctx.input(kW).dim[1];
  LIGERO_RETURN_IF_ERROR(check_epilogue(ctx, kEpilogue, outputs));
  out->outputs[0].set(out->outputs[0].kind, shape.out_bins, outputs);
  LIGERO_RETURN_IF_ERROR(check_size(out->outputs[0].dim, 2));
  if (shape.kernel_t > 1) {
    out->time[kX] = {TimeUse::kWindow, shape.past, shape.future};
  }
  LIGERO_CHECK(checked_mul(inner * outputs, x.bins(), &out->macs),
               Code::kBadModel,
               "a convolution is too large");
  return {};
}

struct Data {
  ProductData product;
  int32_t kernel_f;
  int32_t stride_f;
  int32_t out_bins;
};

/// What all phases have in common.
void set_rows(const Shape& shape, const Tensor& x, ProductRows* rows) {
  rows->frame_stride = x.elements();
  rows->bins = x.bins();
  rows->channels = x.channels();
  rows->taps_t = shape.kernel_t;
  rows->past = shape.past;
}

Status measure(const OpContext& ctx, Needs* needs) {
  LIGERO_RETURN_IF_ERROR(check_rows(ctx, ctx.output(0).bins()));
  const Tensor& x = ctx.input(kX);
  Shape shape;
  LIGERO_RETURN_IF_ERROR(read_shape(ctx, &shape));
  ProductRows rows;
  set_rows(shape, x, &rows);
  needs->data_bytes = align_up(sizeof(Data)) + product_data_bytes(x.channels());
  needs->scratch_bytes = product_scratch_bytes(ctx, kW, rows, ctx.max_frames);
  return {};
}

Status prepare(const OpContext& ctx, void* data) {
  const Tensor& x = ctx.input(kX);
  Shape shape;
  LIGERO_RETURN_IF_ERROR(read_shape(ctx, &shape));
  void* rest = static_cast<std::byte*>(data) + align_up(sizeof(Data));
  auto* d = new (data) Data();
  d->product = *make_product_data(rest, x.channels());
  d->kernel_f = shape.kernel_f;
  d->stride_f = shape.stride_f;
  d->out_bins = shape.out_bins;
  ProductProblem& p = d->product.problem;
  prepare_weights(ctx, kW, &p);
  prepare_epilogue(ctx, kEpilogue, &p.epilogue);
  set_rows(shape, x, &p.rows);
  p.output.frame_stride = static_cast<int64_t>(shape.out_bins) * p.weights.outputs;
  p.output.bin_stride = static_cast<int64_t>(shape.stride_f) * p.weights.outputs;
  return {};
}

/// Output bin p + stride * q takes from input bin q - j the tap p + stride * j.
void run(const RunContext& ctx) noexcept {
  const Data& d = *static_cast<const Data*>(ctx.data);
  ProductProblem p = d.product.problem;
  const auto* weights = static_cast<const std::byte*>(p.weights.data);
  p.rows.x = ctx.x(kX);
  p.q8_scratch = ctx.scratch;
  for (int32_t phase = 0; phase < d.stride_f && phase < d.out_bins; ++phase) {
    const int32_t taps =
        phase < d.kernel_f ? (d.kernel_f - phase + d.stride_f - 1) / d.stride_f : 0;
    p.rows.taps_f = taps;
    p.rows.pad_f = taps - 1;
    p.rows.out_bins = (d.out_bins - phase + d.stride_f - 1) / d.stride_f;
    p.weights.data = weights;
    p.output.y = ctx.out[0] + static_cast<int64_t>(phase) * p.weights.outputs;
    product(p, ctx.frames, ctx.pool);
    weights += static_cast<int64_t>(p.rows.taps_t) * taps * p.rows.channels * kProductPanel *
               p.weight_bytes;
  }
}

}  // namespace

const Op kConv2dTransposedOp = {"conv2d_transposed", 1, infer, measure, prepare, run};

}  // namespace ligero
