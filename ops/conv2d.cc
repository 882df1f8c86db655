// conv2d: convolution over time and bins, all forms but the transposed. A row of the product
// is an output bin of a frame; taps are pointers into the input, never copies. Each group of
// channels is a product of its own. Not: the product.
#include "ops/check.h"
#include "ops/conv_shape.h"
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
  const int32_t channels = o.groups == 1 ? x.channels() : 0;  // that int8 takes
  LIGERO_RETURN_IF_ERROR(check_panels(ctx, kW, inner, channels, o.kernel_t));
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

/// A problem with weights and rows, all but the data.
ConvProblem describe(const OpContext& ctx) {
  const Tensor& x = ctx.input(kX);
  const auto& o = ctx.options<ConvOptions>();
  ConvProblem p;
  prepare_weights(ctx, kW, &p);
  // A group's channels of a bin are a bin of their own, `groups` bins from those of the next.
  set_conv_rows(o, x.bins() * o.groups, x.channels() / o.groups, ctx.output(0).bins(), &p.rows);
  p.rows.stride_f *= o.groups;
  p.rows.dilation_f *= o.groups;
  p.rows.pad_f *= o.groups;
  p.rows.mirror_frames = o.reflect_t;
  p.add.taps = o.kernel_t;
  p.add.dilation = o.dilation_t;
  p.add.past = o.past;
  return p;
}

/// Where a Winograd is in the op's data.
size_t winograd_at(const OpContext& ctx) {
  return align_up(product_data_bytes(ctx.input(kX).channels()));
}

Status measure(const OpContext& ctx, Needs* needs) {
  LIGERO_RETURN_IF_ERROR(check_rows(ctx, ctx.output(0).bins()));
  const ConvProblem p = describe(ctx);
  if (winograd_serves(p)) {
    needs->data_bytes = add_bytes(winograd_at(ctx), winograd_data_bytes(p));
    needs->scratch_bytes = winograd_scratch_bytes(p, ctx.max_frames);
  } else {
    needs->data_bytes = product_data_bytes(ctx.input(kX).channels());
    needs->scratch_bytes = product_scratch_bytes(ctx, kW, p.rows, ctx.max_frames);
  }
  return {};
}

Status prepare(const OpContext& ctx, void* data) {
  ProductData& d = *make_product_data(data, ctx.input(kX).channels());
  ConvProblem& p = d.problem;
  const float* zeros = p.rows.zeros;
  p = describe(ctx);
  p.rows.zeros = zeros;
  prepare_epilogue(ctx, kEpilogue, ctx.options<ConvOptions>().activation, &p.epilogue);
  p.output.bin_stride = ctx.output(0).channels();
  p.output.frame_stride = ctx.output(0).elements();
  p.add.bin_stride = p.output.bin_stride;
  p.add.tap_stride = p.output.frame_stride;
  if (winograd_serves(p)) {
    d.winograd = make_winograd(p, ctx.cpu, static_cast<std::byte*>(data) + winograd_at(ctx));
  }
  return {};
}

void run(const RunContext& ctx) noexcept {
  const ProductData& d = *static_cast<const ProductData*>(ctx.data);
  ConvProblem p = d.problem;
  p.rows.x = ctx.x(kX);
  p.scratch = ctx.scratch;
  p.output.y = ctx.out[0];
  if (ctx.node.has_input(kBiasMap)) {
    p.add.data = ctx.x(kBiasMap);
    p.add.first_frame = ctx.first_frame;
    p.add.total_frames = ctx.total_frames;
  }
  if (p.rows.mirror_frames > 0) {
    // Mirrored rows are all inside, and so is every row of a bias map.
    p.rows.mirror_frames = ctx.frames;
    p.add.total_frames = -1;
  }
  const int64_t inner =
      static_cast<int64_t>(p.rows.taps_t) * p.rows.taps_f * p.rows.channels * kGemmPanel;
  const auto next = [&](const float* values) {
    return values != nullptr ? values + p.weights.outputs : nullptr;
  };
  for (int32_t outputs = ctx.output(0).channels(); outputs > 0; outputs -= p.weights.outputs) {
    if (kVectorIsas > 0 && d.winograd != nullptr) {
      winograd(*d.winograd, p, ctx.frames, ctx.pool);
    } else {
      convolve(p, ctx.frames, ctx.pool);
    }
    p.rows.x += p.rows.channels;
    p.weights.data = static_cast<const std::byte*>(p.weights.data) + inner * p.weight_bytes;
    p.output.y += p.weights.outputs;
    p.add.data = next(p.add.data);
    p.epilogue.bias = next(p.epilogue.bias);
    p.epilogue.slopes = next(p.epilogue.slopes);
    p.epilogue.post_scale = next(p.epilogue.post_scale);
    p.epilogue.post_shift = next(p.epilogue.post_shift);
  }
}

}  // namespace

const Op kConv2dOp = {"conv2d", 1, parse<kConvOptions>, infer, measure, prepare, run};

}  // namespace ligero
