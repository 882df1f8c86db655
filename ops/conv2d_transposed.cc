// conv2d_transposed: along bins, the outputs of each phase (bin mod stride) are a plain convolution
// with the taps of that phase, so nothing is scattered. Over time it is a convolution. Not: the
// product.
#include <new>

#include "ops/check.h"
#include "ops/option_table.h"
#include "ops/options.h"
#include "ops/product_op.h"
#include "ops/table.h"

namespace ligero {
namespace {

enum Input : size_t { kX = 0, kW = 1, kEpilogue = 2, kInputs = 6 };

using Options = TransposedConvOptions;
constexpr Option kOptions[] = {
    LIGERO_INT_OPTION(Options, kernel_t, kRequired, 1, 4096),
    LIGERO_INT_OPTION(Options, kernel_f, kRequired, 1, 4096),
    LIGERO_INT_OPTION(Options, stride_f, 1, 1, 4096),
    LIGERO_INT_OPTION(Options, out_pad_f, 0, 0, 4096),
    LIGERO_INT_OPTION(Options, past, 0, 0, 4096),
    LIGERO_INT_OPTION(Options, future, 0, 0, 4096),
    LIGERO_INT_OPTION(Options, activation, 0, 0, 6),
};
static_assert(kNumActivations == 7);

Status infer(const OpContext& ctx, Inference* out) {
  LIGERO_RETURN_IF_ERROR(check_arity(ctx, 2, kInputs));
  LIGERO_RETURN_IF_ERROR(check_signal(ctx, kX));
  const Tensor& x = ctx.input(kX);
  const auto& o = ctx.options<Options>();
  LIGERO_CHECK(o.past + o.future == o.kernel_t - 1,
               Code::kBadModel,
               "past and future do not add up to the kernel's extent in time");
  LIGERO_CHECK(o.kernel_t * o.kernel_f <= kGemmMaxSegments,
               Code::kUnsupportedModel,
               "a convolution has too many taps");
  LIGERO_CHECK(x.kind == Kind::kSequence || o.kernel_t == 1,
               Code::kBadModel,
               "a convolution over time of a constant");
  const int64_t bins = static_cast<int64_t>(x.bins() - 1) * o.stride_f + o.kernel_f + o.out_pad_f;
  LIGERO_CHECK(bins <= kMaxFrameElements, Code::kBadModel, "a tensor is too large");
  const int64_t inner = static_cast<int64_t>(o.kernel_t) * o.kernel_f * x.channels();
  LIGERO_RETURN_IF_ERROR(check_panels(ctx, kW, inner, x.channels(), o.kernel_t));
  const int32_t outputs = ctx.input(kW).dim[1];
  LIGERO_RETURN_IF_ERROR(check_epilogue(ctx, kEpilogue, outputs, o.activation));
  out->outputs[0].set(out->outputs[0].kind, static_cast<int32_t>(bins), outputs);
  LIGERO_RETURN_IF_ERROR(check_size(out->outputs[0].dim, 2));
  if (o.kernel_t > 1) {
    out->time[kX] = {TimeUse::kWindow, o.past, o.future};
  }
  LIGERO_CHECK(checked_mul(inner * outputs, x.bins(), &out->macs),
               Code::kBadModel,
               "a convolution is too large");
  return {};
}

/// Where a call may have so many frames, rows that have taps outside the input are products of
/// their own, which leave those taps out. With fewer, they would read the weights again for tiles
/// that are not full.
constexpr int32_t kManyFrames = 16;

/// Followed by the problems, the first output bin of each, and the zeros of a bin outside.
struct Data {
  ConvProblem* problems;
  int32_t* first_bins;
  int32_t count;
};

/// Phases that have any output.
int32_t phase_count(const OpContext& ctx) {
  const int32_t stride = ctx.options<Options>().stride_f;
  const int32_t out_bins = ctx.output(0).bins();
  return stride < out_bins ? stride : out_bins;
}

/// The rows of a phase: output bin phase + stride * q, 0 <= q < rows, takes from input bin q - j
/// the tap phase + stride * j, 0 <= j < taps.
struct Phase {
  int32_t taps;
  int32_t rows;
  int32_t edge;  ///< rows at either end that are problems of their own
};

Phase phase_of(const OpContext& ctx, int32_t phase) {
  const auto& o = ctx.options<Options>();
  const int32_t left = o.kernel_f - phase;
  const int32_t taps = left > 0 ? (left + o.stride_f - 1) / o.stride_f : 0;
  const int32_t rows = (ctx.output(0).bins() - phase + o.stride_f - 1) / o.stride_f;
  const bool apart = ctx.max_frames >= kManyFrames && ctx.input(kW).type != Type::kQ8 &&
                     taps >= 2 && ctx.input(kX).bins() >= taps;
  return {taps, rows, apart ? taps - 1 : 0};
}

int32_t problem_count(const OpContext& ctx) {
  int32_t count = 0;
  for (int32_t phase = 0; phase < phase_count(ctx); ++phase) {
    count += 1 + 2 * phase_of(ctx, phase).edge;
  }
  return count;
}

/// What all phases have in common.
void set_rows(const OpContext& ctx, ConvRows* rows) {
  const Tensor& x = ctx.input(kX);
  rows->frame_stride = x.elements();
  rows->bins = x.bins();
  rows->channels = x.channels();
  rows->taps_t = ctx.options<Options>().kernel_t;
  rows->past = ctx.options<Options>().past;
}

Status measure(const OpContext& ctx, Needs* needs) {
  LIGERO_RETURN_IF_ERROR(check_rows(ctx, ctx.output(0).bins()));
  ConvRows rows;
  set_rows(ctx, &rows);
  const auto problems = static_cast<size_t>(problem_count(ctx));
  needs->data_bytes = align_up(sizeof(Data)) + problems * sizeof(ConvProblem) +
                      align_up(problems * sizeof(int32_t)) + product_data_bytes(rows.channels);
  needs->scratch_bytes = product_scratch_bytes(ctx, kW, rows, ctx.max_frames);
  return {};
}

/// The rows [q, q + rows) of a phase, of which `p` has the weights.
void add_problem(ConvProblem p, int32_t first_bin, int32_t q, int32_t rows, Data* d) {
  p.rows.pad_f = p.rows.taps_f - 1 - q;
  p.rows.out_bins = rows;
  d->first_bins[d->count] = first_bin;
  new (d->problems + d->count) ConvProblem(p);
  ++d->count;
}

Status prepare(const OpContext& ctx, void* data) {
  const Tensor& x = ctx.input(kX);
  const auto& o = ctx.options<Options>();
  const int32_t problems = problem_count(ctx);
  auto* d = new (data) Data();
  d->problems =
      reinterpret_cast<ConvProblem*>(static_cast<std::byte*>(data) + align_up(sizeof(Data)));
  d->first_bins = reinterpret_cast<int32_t*>(d->problems + problems);
  ConvProblem p =
      make_product_data(reinterpret_cast<std::byte*>(d->first_bins) +
                            align_up(static_cast<size_t>(problems) * sizeof(int32_t)),
                        x.channels())
          ->problem;
  prepare_weights(ctx, kW, &p);
  prepare_epilogue(ctx, kEpilogue, o.activation, &p.epilogue);
  set_rows(ctx, &p.rows);
  p.output.frame_stride = ctx.output(0).elements();
  p.output.bin_stride = static_cast<int64_t>(o.stride_f) * p.weights.outputs;
  for (int32_t phase = 0; phase < phase_count(ctx); ++phase) {
    const Phase of = phase_of(ctx, phase);
    const auto add = [&](const ConvProblem& rows_of, int32_t q, int32_t rows) {
      add_problem(rows_of, phase + o.stride_f * q, q, rows, d);
    };
    p.rows.taps_f = of.taps;
    add(p, of.edge, of.rows - 2 * of.edge);
    ConvProblem alone = p;
    alone.rows.zeros = nullptr;
    for (int32_t k = 0; k < of.edge; ++k) {
      add(alone, k, 1);
      add(alone, of.rows - 1 - k, 1);
    }
    p.weights.data =
        static_cast<const std::byte*>(p.weights.data) +
        int64_t{p.rows.taps_t} * of.taps * x.channels() * kGemmPanel * p.weight_bytes;
  }
  return {};
}

void run(const RunContext& ctx) noexcept {
  const Data& d = *static_cast<const Data*>(ctx.data);
  for (int32_t n = 0; n < d.count; ++n) {
    ConvProblem& p = d.problems[n];
    p.rows.x = ctx.x(kX);
    p.scratch = ctx.scratch;
    p.output.y = ctx.out[0] + static_cast<int64_t>(d.first_bins[n]) * p.weights.outputs;
  }
  convolve(d.problems, d.count, ctx.frames, ctx.pool);
}

}  // namespace

const Op kConv2dTransposedOp = {
    "conv2d_transposed", 1, parse<kOptions>, infer, measure, prepare, run};

}  // namespace ligero
