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

/// Followed by the products of the phases, and the zeros of a bin outside.
struct Data {
  ProductProblem* phases;
  int32_t count;
};

/// Phases that have any output.
int32_t phase_count(const Shape& s) {
  return s.stride_f < s.out_bins ? s.stride_f : s.out_bins;
}

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
  needs->data_bytes = align_up(sizeof(Data)) +
                      static_cast<size_t>(phase_count(shape)) * sizeof(ProductProblem) +
                      product_data_bytes(x.channels());
  needs->scratch_bytes = product_scratch_bytes(ctx, kW, rows, ctx.max_frames);
  return {};
}

/// Output bin p + stride * q takes from input bin q - j the tap p + stride * j.
Status prepare(const OpContext& ctx, void* data) {
  const Tensor& x = ctx.input(kX);
  Shape shape;
  LIGERO_RETURN_IF_ERROR(read_shape(ctx, &shape));
  auto* d = new (data) Data();
  d->count = phase_count(shape);
  d->phases = reinterpret_cast<ProductProblem*>(static_cast<std::byte*>(data) +
                                                align_up(sizeof(Data)));
  ProductProblem p = make_product_data(d->phases + d->count, x.channels())->problem;
  prepare_weights(ctx, kW, &p);
  prepare_epilogue(ctx, kEpilogue, &p.epilogue);
  set_rows(shape, x, &p.rows);
  p.output.frame_stride = static_cast<int64_t>(shape.out_bins) * p.weights.outputs;
  p.output.bin_stride = static_cast<int64_t>(shape.stride_f) * p.weights.outputs;
  for (int32_t phase = 0; phase < d->count; ++phase) {
    const int32_t taps =
        phase < shape.kernel_f ? (shape.kernel_f - phase + shape.stride_f - 1) / shape.stride_f : 0;
    p.rows.taps_f = taps;
    p.rows.pad_f = taps - 1;
    p.rows.out_bins = (shape.out_bins - phase + shape.stride_f - 1) / shape.stride_f;
    new (d->phases + phase) ProductProblem(p);
    p.weights.data = static_cast<const std::byte*>(p.weights.data) +
                     int64_t{p.rows.taps_t} * taps * x.channels() * kProductPanel * p.weight_bytes;
  }
  return {};
}

void run(const RunContext& ctx) noexcept {
  const Data& d = *static_cast<const Data*>(ctx.data);
  for (int32_t phase = 0; phase < d.count; ++phase) {
    ProductProblem& p = d.phases[phase];
    p.rows.x = ctx.x(kX);
    p.scratch = ctx.scratch;
    p.output.y = ctx.out[0] + static_cast<int64_t>(phase) * p.weights.outputs;
  }
  product(d.phases, d.count, ctx.frames, ctx.pool);
}

}  // namespace

const Op kConv2dTransposedOp = {"conv2d_transposed", 1, infer, measure, prepare, run};

}  // namespace ligero
