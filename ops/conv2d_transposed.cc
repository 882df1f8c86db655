// SPDX-License-Identifier: Apache-2.0
// conv2d_transposed: along bins, the outputs of each phase (bin mod stride) are a plain convolution
// with the taps of that phase, so nothing is scattered. Over time it is a convolution. Each group of
// channels is a product of its own. Not: the product.
#include <new>

#include "ops/check.h"
#include "ops/option_table.h"
#include "ops/options.h"
#include "ops/product_op.h"
#include "ops/table.h"
#include "ops/transposed_shape.h"

namespace ligero {
namespace {

enum Input : size_t { kX = 0, kW = 1, kEpilogue = 2, kInputs = 6 };

using Options = TransposedConvOptions;
constexpr Option kOptions[] = {
    LIGERO_INT_OPTION(Options, kernel_t, kRequired, 1, 4096),
    LIGERO_INT_OPTION(Options, kernel_f, kRequired, 1, 4096),
    LIGERO_INT_OPTION(Options, stride_f, 1, 1, 4096),
    LIGERO_INT_OPTION(Options, pad_f, 0, 0, 4096),
    LIGERO_INT_OPTION(Options, out_pad_f, 0, 0, 4096),
    LIGERO_INT_OPTION(Options, past, 0, 0, 4096),
    LIGERO_INT_OPTION(Options, future, 0, 0, 4096),
    LIGERO_INT_OPTION(Options, groups, 1, 1, 4096),
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
  const int64_t bins = transposed_bins(o, x.bins());
  LIGERO_CHECK(bins >= 1, Code::kBadModel, "pad_f leaves no bin of the output");
  LIGERO_CHECK(bins <= kMaxFrameElements, Code::kBadModel, "a tensor is too large");
  LIGERO_CHECK(x.channels() % o.groups == 0, Code::kBadModel, "groups do not divide the channels");
  const int64_t inner = static_cast<int64_t>(o.kernel_t) * o.kernel_f * x.channels();
  LIGERO_RETURN_IF_ERROR(check_panels(ctx, kW, inner, x.channels() / o.groups, o.kernel_t));
  const int64_t all_outputs = int64_t{o.groups} * ctx.input(kW).dim[1];
  LIGERO_CHECK(all_outputs <= kMaxFrameElements, Code::kBadModel, "a tensor is too large");
  const auto outputs = static_cast<int32_t>(all_outputs);
  LIGERO_RETURN_IF_ERROR(check_epilogue(ctx, kEpilogue, outputs, o.activation));
  out->outputs[0].set(out->outputs[0].kind, static_cast<int32_t>(bins), outputs);
  LIGERO_RETURN_IF_ERROR(check_size(out->outputs[0].dim, 2));
  if (o.kernel_t > 1) {
    out->time[kX] = {TimeUse::kWindow, o.past, o.future};
  }
  LIGERO_CHECK(checked_mul(inner * (outputs / o.groups), x.bins(), &out->macs),
               Code::kBadModel,
               "a convolution is too large");
  return {};
}

/// Where a call may have so many frames, rows that have taps outside the input are products of
/// their own, which leave those taps out. With fewer, they would read the weights again for tiles
/// that are not full.
constexpr int32_t kManyFrames = 16;

/// Followed by the problems, the first output of each, and the zeros of a bin outside.
struct Data {
  ConvProblem* problems;
  int64_t* first_outputs;
  int32_t count;
};

/// The rows of a phase that are problems of their own, at either end.
struct Edges {
  int32_t low = 0;
  int32_t high = 0;
};

Edges edges_of(const OpContext& ctx, const TransposedPhase& of) {
  const auto& o = ctx.options<Options>();
  const bool apart = ctx.max_frames >= kManyFrames && ctx.input(kW).type != Type::kQ8 &&
                     of.taps >= 2 && o.pad_f < o.kernel_f && ctx.input(kX).bins() >= of.taps;
  if (!apart) {
    return {};
  }
  const int32_t last = of.first + of.rows - 1;  // and the input bins after it that have taps
  const int32_t after = last - (ctx.input(kX).bins() - 1);
  const Edges edges = {of.taps - 1 - of.first, after < of.taps - 1 ? after : of.taps - 1};
  return edges.low >= 0 && edges.high >= 0 && edges.low + edges.high <= of.rows ? edges : Edges();
}

TransposedPhase phase_of(const OpContext& ctx, int32_t phase) {
  return transposed_phase(ctx.options<Options>(), ctx.input(kX).bins(), phase);
}

size_t problem_count(const OpContext& ctx) {
  const auto& o = ctx.options<Options>();
  int64_t count = 0;
  for (int32_t phase = 0; phase < o.stride_f; ++phase) {
    const TransposedPhase of = phase_of(ctx, phase);
    const Edges edges = edges_of(ctx, of);
    count += of.rows > 0 ? 1 + edges.low + edges.high : 0;
  }
  return static_cast<size_t>(count * o.groups);
}

/// What all phases of the first group have in common. A group's channels of a bin are a bin of their
/// own, `groups` bins from those of the next.
void set_rows(const OpContext& ctx, ConvRows* rows) {
  const Tensor& x = ctx.input(kX);
  const auto& o = ctx.options<Options>();
  rows->frame_stride = x.elements();
  rows->bins = x.bins() * o.groups;
  rows->channels = x.channels() / o.groups;
  rows->stride_f = o.groups;
  rows->dilation_f = o.groups;
  rows->taps_t = o.kernel_t;
  rows->past = o.past;
}

Status measure(const OpContext& ctx, Needs* needs) {
  LIGERO_RETURN_IF_ERROR(check_rows(ctx, ctx.output(0).bins()));
  ConvRows rows;
  set_rows(ctx, &rows);
  const size_t problems = problem_count(ctx);
  needs->data_bytes = align_up(sizeof(Data)) + problems * sizeof(ConvProblem) +
                      align_up(problems * sizeof(int64_t)) + product_data_bytes(rows.channels);
  needs->scratch_bytes = product_scratch_bytes(ctx, kW, rows, ctx.max_frames);
  return {};
}

/// The rows [q, q + rows) of a phase, of which `p` has the weights and `first` is where output 0 of
/// row 0 goes.
void add_problem(const TransposedPhase& of,
                 int64_t first,
                 int32_t q,
                 int32_t rows,
                 ConvProblem p,
                 Data* d) {
  p.rows.pad_f += (of.taps - 1 - of.first - q) * p.rows.stride_f;
  p.rows.out_bins = rows;
  d->first_outputs[d->count] = first + q * p.output.bin_stride;
  new (d->problems + d->count) ConvProblem(p);
  ++d->count;
}

void add_phase(const OpContext& ctx,
               const TransposedPhase& of,
               int64_t first,
               const ConvProblem& p,
               Data* d) {
  const Edges edges = edges_of(ctx, of);
  const int32_t end = of.rows - edges.high;
  add_problem(of, first, edges.low, end - edges.low, p, d);
  ConvProblem alone = p;
  alone.rows.zeros = nullptr;
  for (int32_t q = 0; q < edges.low; ++q) {
    add_problem(of, first, q, 1, alone, d);
  }
  for (int32_t q = end; q < of.rows; ++q) {
    add_problem(of, first, q, 1, alone, d);
  }
}

Status prepare(const OpContext& ctx, void* data) {
  const auto& o = ctx.options<Options>();
  const size_t problems = problem_count(ctx);
  auto* d = new (data) Data();
  d->problems =
      reinterpret_cast<ConvProblem*>(static_cast<std::byte*>(data) + align_up(sizeof(Data)));
  d->first_outputs = reinterpret_cast<int64_t*>(d->problems + problems);
  auto* behind = reinterpret_cast<std::byte*>(d->first_outputs) +
                 align_up(problems * sizeof(int64_t));
  ConvProblem group = make_product_data(behind, ctx.input(kX).channels() / o.groups)->problem;
  prepare_weights(ctx, kW, &group);
  prepare_epilogue(ctx, kEpilogue, o.activation, &group.epilogue);
  set_rows(ctx, &group.rows);
  const int64_t outputs = ctx.output(0).channels();
  group.output.frame_stride = ctx.output(0).elements();
  group.output.bin_stride = o.stride_f * outputs;
  for (int32_t g = 0; g < o.groups; ++g) {
    ConvProblem p = group;
    for (int32_t phase = 0; phase < o.stride_f; ++phase) {
      const TransposedPhase of = phase_of(ctx, phase);
      p.rows.taps_f = of.taps;
      if (of.rows > 0) {
        add_phase(ctx, of, of.first_bin * outputs + g * group.weights.outputs, p, d);
      }
      p.weights.data =
          static_cast<const std::byte*>(p.weights.data) +
          int64_t{p.rows.taps_t} * of.taps * p.rows.channels * kGemmPanel * p.weight_bytes;
    }
    to_next_group(o.kernel_t * o.kernel_f, &group);
  }
  return {};
}

void run(const RunContext& ctx) noexcept {
  const Data& d = *static_cast<const Data*>(ctx.data);
  for (int32_t n = 0; n < d.count; ++n) {
    ConvProblem& p = d.problems[n];
    p.rows.x = ctx.x(kX);
    p.scratch = ctx.scratch;
    p.output.y = ctx.out[0] + d.first_outputs[n];
  }
  convolve(d.problems, d.count, ctx.frames, ctx.pool);
}

}  // namespace

const Op kConv2dTransposedOp = {
    "conv2d_transposed", 1, parse<kOptions>, infer, measure, prepare, run};

}  // namespace ligero
