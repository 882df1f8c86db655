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

/// Where a call may have so many frames, rows that have taps outside the input are products of their
/// own, which leave those taps out. With fewer, they would read the weights again for tiles that are
/// not full.
constexpr int32_t kManyFrames = 16;

/// Followed by the problems, the first output bin of each, and the zeros of a bin outside.
struct Data {
  ProductProblem* problems;
  int32_t* first_bins;
  int32_t count;
};

/// Phases that have any output.
int32_t phase_count(const Shape& s) {
  return s.stride_f < s.out_bins ? s.stride_f : s.out_bins;
}

/// The rows of a phase: output bin phase + stride * q, 0 <= q < rows, takes from input bin q - j the
/// tap phase + stride * j, 0 <= j < taps.
struct Phase {
  int32_t taps;
  int32_t rows;
  int32_t edge;  ///< rows at either end that are problems of their own
};

Phase phase_of(const OpContext& ctx, const Shape& s, int32_t phase) {
  const int32_t left = s.kernel_f - phase;
  const int32_t taps = left > 0 ? (left + s.stride_f - 1) / s.stride_f : 0;
  const int32_t rows = (s.out_bins - phase + s.stride_f - 1) / s.stride_f;
  const bool apart = ctx.max_frames >= kManyFrames && ctx.input(kW).type != Type::kQ8 &&
                     taps >= 2 && ctx.input(kX).bins() >= taps;
  return {taps, rows, apart ? taps - 1 : 0};
}

int32_t problem_count(const OpContext& ctx, const Shape& s) {
  int32_t count = 0;
  for (int32_t phase = 0; phase < phase_count(s); ++phase) {
    count += 1 + 2 * phase_of(ctx, s, phase).edge;
  }
  return count;
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
  const auto problems = static_cast<size_t>(problem_count(ctx, shape));
  needs->data_bytes = align_up(sizeof(Data)) + problems * sizeof(ProductProblem) +
                      align_up(problems * sizeof(int32_t)) + product_data_bytes(x.channels());
  needs->scratch_bytes = product_scratch_bytes(ctx, kW, rows, ctx.max_frames);
  return {};
}

/// The rows [q, q + rows) of a phase, of which `p` has the weights.
void add_problem(ProductProblem p, const Shape& s, int32_t phase, int32_t q, int32_t rows, Data* d) {
  p.rows.pad_f = p.rows.taps_f - 1 - q;
  p.rows.out_bins = rows;
  d->first_bins[d->count] = phase + s.stride_f * q;
  new (d->problems + d->count) ProductProblem(p);
  ++d->count;
}

Status prepare(const OpContext& ctx, void* data) {
  const Tensor& x = ctx.input(kX);
  Shape shape;
  LIGERO_RETURN_IF_ERROR(read_shape(ctx, &shape));
  const int32_t problems = problem_count(ctx, shape);
  auto* d = new (data) Data();
  d->problems = reinterpret_cast<ProductProblem*>(static_cast<std::byte*>(data) +
                                                  align_up(sizeof(Data)));
  d->first_bins = reinterpret_cast<int32_t*>(d->problems + problems);
  ProductProblem p = make_product_data(reinterpret_cast<std::byte*>(d->first_bins) +
                                           align_up(static_cast<size_t>(problems) * sizeof(int32_t)),
                                       x.channels())
                         ->problem;
  prepare_weights(ctx, kW, &p);
  prepare_epilogue(ctx, kEpilogue, &p.epilogue);
  set_rows(shape, x, &p.rows);
  p.output.frame_stride = static_cast<int64_t>(shape.out_bins) * p.weights.outputs;
  p.output.bin_stride = static_cast<int64_t>(shape.stride_f) * p.weights.outputs;
  for (int32_t phase = 0; phase < phase_count(shape); ++phase) {
    const Phase of = phase_of(ctx, shape, phase);
    p.rows.taps_f = of.taps;
    add_problem(p, shape, phase, of.edge, of.rows - 2 * of.edge, d);
    ProductProblem alone = p;
    alone.rows.zeros = nullptr;
    for (int32_t k = 0; k < of.edge; ++k) {
      add_problem(alone, shape, phase, k, 1, d);
      add_problem(alone, shape, phase, of.rows - 1 - k, 1, d);
    }
    p.weights.data = static_cast<const std::byte*>(p.weights.data) +
                     int64_t{p.rows.taps_t} * of.taps * x.channels() * kProductPanel *
                         p.weight_bytes;
  }
  return {};
}

void run(const RunContext& ctx) noexcept {
  const Data& d = *static_cast<const Data*>(ctx.data);
  for (int32_t n = 0; n < d.count; ++n) {
    ProductProblem& p = d.problems[n];
    p.rows.x = ctx.x(kX);
    p.scratch = ctx.scratch;
    p.output.y = ctx.out[0] + static_cast<int64_t>(d.first_bins[n]) * p.weights.outputs;
  }
  product(d.problems, d.count, ctx.frames, ctx.pool);
}

}  // namespace

const Op kConv2dTransposedOp = {"conv2d_transposed", 1, nullptr, infer, measure, prepare, run};

}  // namespace ligero
