// deep_filter: the network's complex taps applied to the spectrum around each bin. Not: the loop
// (kernels/deep_filter).
#include "ops/kernels/deep_filter/deep_filter.h"

#include <new>

#include "ops/check.h"
#include "ops/frames.h"
#include "ops/table.h"

namespace ligero {
namespace {

constexpr int32_t kMaxKernel = 64;

DeepFilterShape shape_of(const Node& node, int32_t bins) {
  return {bins, node.int_or("kernel_t", 5), node.int_or("kernel_f", 3)};
}

struct Data {
  DeepFilterFn filter;
  DeepFilterShape shape;
  int32_t past;
};

Status infer(const OpContext& ctx, Inference* out) {
  LIGERO_RETURN_IF_ERROR(check_arity(ctx, 2, 2));
  LIGERO_RETURN_IF_ERROR(check_sequence(ctx, 0));
  LIGERO_RETURN_IF_ERROR(check_sequence(ctx, 1));
  const int32_t bins = ctx.input(0).bins();
  const DeepFilterShape s = shape_of(ctx.node, bins);
  LIGERO_RETURN_IF_ERROR(check_int(s.kernel_t, 1, kMaxKernel));
  LIGERO_RETURN_IF_ERROR(check_int(s.kernel_f, 1, kMaxKernel));
  LIGERO_CHECK(s.kernel_f % 2 == 1, Code::kBadModel, "kernel_f must be odd");
  const int32_t past = ctx.node.int_or("past", -1);
  const int32_t future = ctx.node.int_or("future", -1);
  LIGERO_CHECK(past >= 0 && past < s.kernel_t && future == s.kernel_t - 1 - past,
               Code::kBadModel,
               "past + future must be kernel_t - 1");
  LIGERO_CHECK(ctx.input(0).channels() == 2 * s.kernel_t * s.kernel_f,
               Code::kBadModel,
               "taps must have 2 * kernel_t * kernel_f channels");
  LIGERO_CHECK(ctx.input(1).bins() == bins && ctx.input(1).channels() == 2,
               Code::kBadModel,
               "the spectrum must have the taps' bins and two channels");
  out->outputs[0].set(Kind::kSequence, bins, 2);
  out->time[1] = {TimeUse::kWindow, past, future};
  out->macs = 4 * int64_t{bins} * s.kernel_t * s.kernel_f;
  return {};
}

Status measure(const OpContext&, Needs* needs) {
  needs->data_bytes = sizeof(Data);
  return {};
}

Status prepare(const OpContext& ctx, void* data) {
  new (data) Data{deep_filter_kernels(ctx.cpu).deep_filter_f32,
                  shape_of(ctx.node, ctx.input(0).bins()),
                  ctx.node.int_or("past", 0)};
  return {};
}

void run(const RunContext& ctx) noexcept {
  const Data& d = *static_cast<const Data*>(ctx.data);
  const ptrdiff_t taps_row = ctx.input(0).elements();
  const ptrdiff_t row = 2 * static_cast<ptrdiff_t>(d.shape.bins);
  for_frames(ctx, taps_row, [&](int begin, int end) noexcept {
    for (int t = begin; t < end; ++t) {
      d.filter(
          d.shape, ctx.x(0) + t * taps_row, ctx.x(1) + (t - d.past) * row, ctx.out[0] + t * row);
    }
  });
}

}  // namespace

const Op kDeepFilterOp = {"deep_filter", 1, nullptr, infer, measure, prepare, run, false};

}  // namespace ligero
