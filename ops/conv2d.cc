// SPDX-License-Identifier: Apache-2.0
// conv2d: convolution over time and bins, all forms but the transposed. A row of the product
// is an output bin of a frame; taps are pointers into the input, never copies. Each group of
// channels is a product of its own; int8 rows are made once for all groups. Where a group is one channel
// with one output, all groups together are one product of another kind. Not: the product.
#include <algorithm>
#include <new>

#include "ops/check.h"
#include "ops/conv_shape.h"
#include "ops/kernels/depthwise/depthwise.h"
#include "ops/kernels/winograd/winograd.h"
#include "ops/options.h"
#include "ops/product_op.h"
#include "ops/table.h"

namespace ligero {
namespace {

enum Input : size_t { kX = 0, kW = 1, kEpilogue = 2, kBiasMap = 6, kInputs = 7 };

Status check_bias_map(const OpContext& ctx, int64_t row) {
  LIGERO_RETURN_IF_ERROR(check_plain(ctx, kBiasMap));
  const Tensor& map = ctx.input(kBiasMap);
  LIGERO_CHECK(map.kind != Kind::kSequence && map.bins() == ctx.options<ConvOptions>().kernel_t &&
                   map.channels() == row,
               Code::kBadModel,
               "a bias map is not a constant [kernel_t, outputs of a frame]");
  return {};
}

Status infer(const OpContext& ctx, Inference* out) {
  LIGERO_RETURN_IF_ERROR(check_arity(ctx, 2, kInputs));
  LIGERO_RETURN_IF_ERROR(check_signal(ctx, kX));
  const Tensor& x = ctx.input(kX);
  const auto& o = ctx.options<ConvOptions>();
  int32_t out_bins = 0;
  LIGERO_RETURN_IF_ERROR(check_conv(o, x.bins(), &out_bins));
  LIGERO_CHECK(x.kind == Kind::kSequence || o.kernel_t == 1,
               Code::kBadModel,
               "a convolution over time of a constant");
  LIGERO_CHECK(x.channels() % o.groups == 0, Code::kBadModel, "groups do not divide the channels");
  const int64_t inner = static_cast<int64_t>(o.kernel_t) * o.kernel_f * x.channels();
  LIGERO_RETURN_IF_ERROR(check_panels(ctx, kW, inner, x.channels() / o.groups, o.kernel_t));
  const int64_t all_outputs = int64_t{o.groups} * ctx.input(kW).dim[1];
  LIGERO_CHECK(all_outputs <= kMaxFrameElements, Code::kBadModel, "a tensor is too large");
  const auto outputs = static_cast<int32_t>(all_outputs);
  LIGERO_RETURN_IF_ERROR(check_epilogue(ctx, kEpilogue, outputs, o.activation));
  out->outputs[0].set(out->outputs[0].kind, out_bins, outputs);
  LIGERO_RETURN_IF_ERROR(check_size(out->outputs[0].dim, 2));
  if (has(ctx, kBiasMap)) {
    const int64_t row = static_cast<int64_t>(out_bins) * outputs;
    LIGERO_RETURN_IF_ERROR(check_bias_map(ctx, row));
  }
  if (o.reflect_t) {
    out->time[kX] = {TimeUse::kWhole, 0, 0};
  } else if (o.kernel_t > 1 || o.past + o.future > 0) {
    out->time[kX] = {TimeUse::kWindow, o.past, o.future};
  }
  LIGERO_CHECK(checked_mul(inner * (outputs / o.groups), out_bins, &out->macs),
               Code::kBadModel,
               "a convolution is too large");
  return {};
}

bool is_depthwise(const OpContext& ctx) {
  const auto& o = ctx.options<ConvOptions>();
  return o.groups > 1 && o.groups == ctx.input(kX).channels() && ctx.input(kW).dim[1] == 1;
}

/// Groups that are problems of their own.
int32_t problem_count(const OpContext& ctx) {
  return is_depthwise(ctx) ? 1 : ctx.options<ConvOptions>().groups;
}

/// Followed by the problems, the zeros of a bin outside, and a Winograd or weights that lie anew.
struct Data {
  ConvProblem* problems;
  int32_t count;
  const Winograd* winograd;  ///< the path, where it is not the direct one
};

struct Places {
  size_t problems = align_up(sizeof(Data));
  size_t zeros;
  size_t rest;  ///< the Winograd, the weights

  explicit Places(const OpContext& ctx)
      : zeros(problems +
              align_up(static_cast<size_t>(problem_count(ctx)) * sizeof(ConvProblem))),
        rest(zeros + align_up(product_data_bytes(ctx.input(kX).channels()))) {}
};

/// The problem of the first group with weights and rows, all but the data.
ConvProblem describe(const OpContext& ctx) {
  const Tensor& x = ctx.input(kX);
  const auto& o = ctx.options<ConvOptions>();
  const int32_t groups = problem_count(ctx);
  ConvProblem p;
  prepare_weights(ctx, kW, &p);
  // A group's channels of a bin are a bin of their own, `groups` bins from those of the next.
  set_conv_rows(o, x.bins() * groups, x.channels() / groups, ctx.output(0).bins(), &p.rows);
  p.rows.stride_f *= groups;
  p.rows.dilation_f *= groups;
  p.rows.pad_f *= groups;
  p.rows.mirror_frames = o.reflect_t;
  p.add.taps = o.kernel_t;
  p.add.dilation = o.dilation_t;
  p.add.past = o.past;
  return p;
}

/// Floats of the weights of single channels, in panels of taps.
size_t depthwise_floats(const OpContext& ctx) {
  const auto& o = ctx.options<ConvOptions>();
  const int64_t panels = ceil_div(o.groups, kGemmPanel);
  return static_cast<size_t>(panels * o.kernel_t * o.kernel_f * kGemmPanel);
}

/// Makes `p`, of the weights [channel][tap][16] whose column 0 counts, a product of single channels.
/// A product with 1 widens a weight.
void make_depthwise(const OpContext& ctx, float* weights, ConvProblem* p) {
  const auto& o = ctx.options<ConvOptions>();
  const int32_t taps = o.kernel_t * o.kernel_f;
  const float one = 1.0f;
  const float* a = &one;
  std::fill(weights, weights + depthwise_floats(ctx), 0.0f);
  GemmWeights from = p->weights;
  for (int32_t n = 0; n < o.groups * taps; ++n) {
    const int32_t channel = n / taps;
    const int32_t row = channel / kGemmPanel * taps + n % taps;
    float* to = weights + int64_t{row} * kGemmPanel + channel % kGemmPanel;
    GemmTile tile = {};
    tile.rows = 1;
    tile.segments = 1;
    tile.length = 1;
    tile.a = &a;
    tile.out = &to;
    from.data = static_cast<const std::byte*>(p->weights.data) +
                int64_t{n} * kGemmPanel * p->weight_bytes;
    p->tile(tile, from, {}, 0, 1);
  }
  const DepthwiseKernels& kernels = kDepthwiseVariants.best(ctx.cpu);
  p->shape = kernels.shape;
  p->tile = kernels.f32;
  p->single_channels = true;
  p->weight_bytes = sizeof(float);
  p->weights.data = weights;
  p->weights.panel_stride = int64_t{taps} * kGemmPanel;
  p->weights.outputs = o.groups;
}

Status measure(const OpContext& ctx, Needs* needs) {
  LIGERO_RETURN_IF_ERROR(check_rows(ctx, ctx.output(0).bins()));
  const ConvProblem p = describe(ctx);
  const Places places(ctx);
  if (is_depthwise(ctx)) {
    needs->data_bytes = places.rest + depthwise_floats(ctx) * sizeof(float);
  } else if (winograd_serves(p)) {
    needs->data_bytes = add_bytes(places.rest, winograd_data_bytes(p));
    needs->scratch_bytes = winograd_scratch_bytes(p, ctx.max_frames);
  } else {
    needs->data_bytes = places.rest;
    needs->scratch_bytes = product_scratch_bytes(ctx, kW, p.rows, ctx.max_frames);
  }
  return {};
}

Status prepare(const OpContext& ctx, void* data) {
  const auto& o = ctx.options<ConvOptions>();
  auto* bytes = static_cast<std::byte*>(data);
  const Places places(ctx);
  auto* d = new (data) Data();
  d->problems = reinterpret_cast<ConvProblem*>(bytes + places.problems);
  d->count = problem_count(ctx);
  ConvProblem p = describe(ctx);
  p.rows.zeros =
      make_product_data(bytes + places.zeros, ctx.input(kX).channels())->problem.rows.zeros;
  prepare_epilogue(ctx, kEpilogue, o.activation, &p.epilogue);
  p.output.bin_stride = ctx.output(0).channels();
  p.output.frame_stride = ctx.output(0).elements();
  p.add.bin_stride = p.output.bin_stride;
  p.add.tap_stride = p.output.frame_stride;
  if (is_depthwise(ctx)) {
    make_depthwise(ctx, reinterpret_cast<float*>(bytes + places.rest), &p);
  } else if (winograd_serves(p)) {
    d->winograd = make_winograd(p, ctx.cpu, bytes + places.rest);
  }
  for (int32_t group = 0; group < d->count; ++group) {
    new (d->problems + group) ConvProblem(p);
    to_next_group(o.kernel_t * o.kernel_f, &p);
  }
  return {};
}

void run(const RunContext& ctx) noexcept {
  const Data& d = *static_cast<const Data*>(ctx.data);
  const auto& o = ctx.options<ConvOptions>();
  for (int32_t group = 0; group < d.count; ++group) {
    ConvProblem& p = d.problems[group];
    const int32_t first = group * p.weights.outputs;
    p.rows.x = ctx.x(kX);
    p.scratch = ctx.scratch;
    p.output.y = ctx.out[0] + first;
    if (ctx.node.has_input(kBiasMap)) {
      p.add.data = ctx.x(kBiasMap) + first;
      p.add.first_frame = ctx.first_frame;
      p.add.total_frames = ctx.total_frames;
    }
    if (o.reflect_t != 0) {
      // Mirrored rows are all inside, and so is every row of a bias map.
      p.rows.mirror_frames = ctx.frames;
      p.add.total_frames = -1;
    }
  }
  if (kVectorIsas > 0 && d.winograd != nullptr) {
    winograd(*d.winograd, d.problems[0], ctx.frames, ctx.pool);
  } else {
    convolve(d.problems, d.count, ctx.frames, ctx.pool);
  }
}

}  // namespace

const Op kConv2dOp = {"conv2d", 1, parse<kConvOptions>, infer, measure, prepare, run};

}  // namespace ligero
