// conv2d: convolution over time and bins, all forms but the transposed. A row of the product
// is an output bin of a frame; taps are pointers into the input, never copies. Each group of
// channels is a product of its own. Not: the product.
#include "ops/check.h"
#include "ops/conv_shape.h"
#include "ops/kernels/winograd/winograd.h"
#include "ops/product_op.h"
#include "ops/table.h"

namespace ligero {
namespace {

enum Input : size_t { kX = 0, kW = 1, kEpilogue = 2, kBiasMap = 6, kInputs = 7 };

Status check_bias_map(const OpContext& ctx, const ConvShape& shape, int64_t row) {
  LIGERO_RETURN_IF_ERROR(check_plain(ctx, kBiasMap));
  const Tensor& map = ctx.input(kBiasMap);
  LIGERO_CHECK(map.kind != Kind::kSequence && map.bins() == shape.kernel_t && map.channels() == row,
               Code::kBadModel,
               "a bias map is not a constant [kernel_t, outputs of a frame]");
  return {};
}

Status read_groups(const OpContext& ctx, int32_t* groups) {
  const int32_t channels = ctx.input(kX).channels();
  *groups = ctx.node.int_or("groups", 1);
  LIGERO_RETURN_IF_ERROR(check_int(*groups, 1, kMaxConvNumber));
  LIGERO_CHECK(channels % *groups == 0, Code::kBadModel, "groups do not divide the channels");
  return {};
}

Status infer(const OpContext& ctx, Inference* out) {
  LIGERO_RETURN_IF_ERROR(check_arity(ctx, 2, kInputs));
  LIGERO_RETURN_IF_ERROR(check_signal(ctx, kX));
  const Tensor& x = ctx.input(kX);
  ConvShape shape;
  LIGERO_RETURN_IF_ERROR(read_conv_shape(ctx, x.bins(), &shape));
  LIGERO_CHECK(x.kind == Kind::kSequence || shape.kernel_t == 1,
               Code::kBadModel,
               "a convolution over time of a constant");
  int32_t groups = 1;
  LIGERO_RETURN_IF_ERROR(read_groups(ctx, &groups));
  const int64_t inner = static_cast<int64_t>(shape.kernel_t) * shape.kernel_f * x.channels();
  const int32_t channels = groups == 1 ? x.channels() : 0;  // that int8 takes
  LIGERO_RETURN_IF_ERROR(check_panels(ctx, kW, inner, channels, shape.kernel_t));
  const int64_t all_outputs = int64_t{groups} * ctx.input(kW).dim[1];
  LIGERO_CHECK(all_outputs <= kMaxFrameElements, Code::kBadModel, "a tensor is too large");
  const auto outputs = static_cast<int32_t>(all_outputs);
  LIGERO_RETURN_IF_ERROR(check_epilogue(ctx, kEpilogue, outputs));
  out->outputs[0].set(out->outputs[0].kind, shape.out_bins, outputs);
  LIGERO_RETURN_IF_ERROR(check_size(out->outputs[0].dim, 2));
  if (has(ctx, kBiasMap)) {
    const int64_t row = static_cast<int64_t>(shape.out_bins) * outputs;
    LIGERO_RETURN_IF_ERROR(check_bias_map(ctx, shape, row));
  }
  if (shape.reflect_t) {
    out->time[kX] = {TimeUse::kWhole, 0, 0};
  } else if (shape.kernel_t > 1 || shape.past + shape.future > 0) {
    out->time[kX] = {TimeUse::kWindow, shape.past, shape.future};
  }
  LIGERO_CHECK(checked_mul(inner * (outputs / groups), shape.out_bins, &out->macs),
               Code::kBadModel,
               "a convolution is too large");
  return {};
}

/// Puts weights and rows into `p`, all but the data.
Status describe(const OpContext& ctx, ProductProblem* p) {
  const Tensor& x = ctx.input(kX);
  ConvShape shape;
  LIGERO_RETURN_IF_ERROR(read_conv_shape(ctx, x.bins(), &shape));
  int32_t groups = 1;
  LIGERO_RETURN_IF_ERROR(read_groups(ctx, &groups));
  prepare_weights(ctx, kW, p);
  // A group's channels of a bin are a bin of their own, `groups` bins from those of the next.
  set_conv_rows(shape, x.bins() * groups, x.channels() / groups, &p->rows);
  p->rows.stride_f *= groups;
  p->rows.dilation_f *= groups;
  p->rows.pad_f *= groups;
  p->rows.mirror_frames = shape.reflect_t ? 1 : 0;
  p->add.taps = shape.kernel_t;
  p->add.dilation = shape.dilation_t;
  p->add.past = shape.past;
  return {};
}

/// Where a Winograd is in the op's data.
size_t winograd_at(const OpContext& ctx) {
  return align_up(product_data_bytes(ctx.input(kX).channels()));
}

Status measure(const OpContext& ctx, Needs* needs) {
  LIGERO_RETURN_IF_ERROR(check_rows(ctx, ctx.output(0).bins()));
  ProductProblem p;
  LIGERO_RETURN_IF_ERROR(describe(ctx, &p));
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
  ProductProblem& p = make_product_data(data, ctx.input(kX).channels())->problem;
  LIGERO_RETURN_IF_ERROR(describe(ctx, &p));
  prepare_epilogue(ctx, kEpilogue, &p.epilogue);
  p.output.bin_stride = ctx.output(0).channels();
  p.output.frame_stride = ctx.output(0).elements();
  p.add.bin_stride = p.output.bin_stride;
  p.add.tap_stride = p.output.frame_stride;
  if (winograd_serves(p)) {
    p.winograd = make_winograd(p, ctx.cpu, static_cast<std::byte*>(data) + winograd_at(ctx));
  }
  return {};
}

void run(const RunContext& ctx) noexcept {
  ProductProblem p = static_cast<const ProductData*>(ctx.data)->problem;
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
      static_cast<int64_t>(p.rows.taps_t) * p.rows.taps_f * p.rows.channels * kProductPanel;
  const auto next = [&](const float* values) {
    return values != nullptr ? values + p.weights.outputs : nullptr;
  };
  for (int32_t outputs = ctx.output(0).channels(); outputs > 0; outputs -= p.weights.outputs) {
    product(p, ctx.frames, ctx.pool);
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

const Op kConv2dOp = {"conv2d", 1, nullptr, infer, measure, prepare, run};

}  // namespace ligero
