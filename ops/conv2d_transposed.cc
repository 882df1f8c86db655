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

/// From so many frames on, rows that have taps outside the input are products of their own, which
/// leave those taps out. With fewer they would read the weights again for tiles that are not full.
constexpr int32_t kManyFrames = 16;

/// Followed by the problems, the first output bin of each, and the zeros of a bin outside.
struct Data {
  ProductProblem* problems;  ///< [phases + parts]: each phase as a whole, then all in parts
  int32_t* first_bins;       ///< [phases + parts]
  int32_t phases;
  int32_t parts;  ///< 0 where weights are int8 or frames never many
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
  int32_t parts;  ///< each of the first and last taps - 1 rows and those between: or 1, the whole
};

Phase phase_of(const Shape& s, int32_t bins, int32_t phase) {
  const int32_t left = s.kernel_f - phase;
  const int32_t taps = left > 0 ? (left + s.stride_f - 1) / s.stride_f : 0;
  const int32_t rows = (s.out_bins - phase + s.stride_f - 1) / s.stride_f;
  const bool apart = taps >= 2 && bins >= taps;
  return {taps, rows, apart ? 1 + 2 * (taps - 1) : 1};
}

int32_t part_count(const OpContext& ctx, const Shape& s) {
  int32_t count = 0;
  if (ctx.input(kW).type == Type::kQ8 || ctx.max_frames < kManyFrames) {
    return 0;
  }
  for (int32_t phase = 0; phase < phase_count(s); ++phase) {
    count += phase_of(s, ctx.input(kX).bins(), phase).parts;
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
  const auto problems = static_cast<size_t>(phase_count(shape) + part_count(ctx, shape));
  needs->data_bytes = align_up(sizeof(Data)) + problems * sizeof(ProductProblem) +
                      align_up(problems * sizeof(int32_t)) + product_data_bytes(x.channels());
  needs->scratch_bytes = product_scratch_bytes(ctx, kW, rows, ctx.max_frames);
  return {};
}

/// The rows [q, q + rows) of a phase, of which `p` has the weights.
void add_problem(ProductProblem p, const Shape& s, int32_t phase, int32_t q, int32_t rows, Data* d) {
  const int32_t n = d->phases + d->parts;
  p.rows.pad_f = p.rows.taps_f - 1 - q;
  p.rows.out_bins = rows;
  new (d->problems + n) ProductProblem(p);
  d->first_bins[n] = phase + s.stride_f * q;
}

Status prepare(const OpContext& ctx, void* data) {
  const Tensor& x = ctx.input(kX);
  Shape shape;
  LIGERO_RETURN_IF_ERROR(read_shape(ctx, &shape));
  const int32_t phases = phase_count(shape);
  const int32_t problems = phases + part_count(ctx, shape);
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
  const ProductProblem first = p;
  const auto each_phase = [&](auto add) {
    p = first;
    for (int32_t phase = 0; phase < phases; ++phase) {
      const Phase rows = phase_of(shape, x.bins(), phase);
      p.rows.taps_f = rows.taps;
      add(phase, rows);
      p.weights.data = static_cast<const std::byte*>(p.weights.data) +
                       int64_t{p.rows.taps_t} * rows.taps * x.channels() * kProductPanel *
                           p.weight_bytes;
    }
  };
  each_phase([&](int32_t phase, const Phase& rows) {
    add_problem(p, shape, phase, 0, rows.rows, d);
    ++d->phases;
  });
  if (d->phases == problems) {
    return {};
  }
  each_phase([&](int32_t phase, const Phase& rows) {
    if (rows.parts == 1) {
      add_problem(p, shape, phase, 0, rows.rows, d);
      ++d->parts;
      return;
    }
    const int32_t edge = rows.taps - 1;
    add_problem(p, shape, phase, edge, rows.rows - 2 * edge, d);
    ++d->parts;
    ProductProblem alone = p;
    alone.rows.zeros = nullptr;
    for (int32_t k = 0; k < edge; ++k) {
      add_problem(alone, shape, phase, k, 1, d);
      ++d->parts;
      add_problem(alone, shape, phase, rows.rows - 1 - k, 1, d);
      ++d->parts;
    }
  });
  return {};
}

void run(const RunContext& ctx) noexcept {
  const Data& d = *static_cast<const Data*>(ctx.data);
  const bool apart = ctx.frames >= kManyFrames && d.parts > 0;
  const int32_t begin = apart ? d.phases : 0;
  const int32_t count = apart ? d.parts : d.phases;
  for (int32_t n = begin; n < begin + count; ++n) {
    ProductProblem& p = d.problems[n];
    p.rows.x = ctx.x(kX);
    p.scratch = ctx.scratch;
    p.output.y = ctx.out[0] + static_cast<int64_t>(d.first_bins[n]) * p.weights.outputs;
  }
  product(d.problems + begin, count, ctx.frames, ctx.pool);
}

}  // namespace

const Op kConv2dTransposedOp = {"conv2d_transposed", 1, infer, measure, prepare, run};

}  // namespace ligero
