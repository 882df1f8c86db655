// SPDX-License-Identifier: Apache-2.0
// deep_filter: the network's complex taps applied to the spectrum around each bin. Not: the loop
// (kernels/deep_filter).
#include "ops/kernels/deep_filter/deep_filter.h"

#include "ops/check.h"
#include "ops/frames.h"
#include "ops/option_table.h"
#include "ops/options.h"
#include "ops/table.h"

namespace ligero {
namespace {

constexpr Option kOptions[] = {
    LIGERO_INT_OPTION(DeepFilterOptions, kernel_t, 5, 1, 64),
    LIGERO_INT_OPTION(DeepFilterOptions, kernel_f, 3, 1, 64),
    LIGERO_INT_OPTION(DeepFilterOptions, past, kRequired, 0, 63),
    LIGERO_INT_OPTION(DeepFilterOptions, future, kRequired, 0, 63),
};

Status infer(const OpContext& ctx, Inference* out) {
  LIGERO_RETURN_IF_ERROR(check_arity(ctx, 2, 2));
  LIGERO_RETURN_IF_ERROR(check_sequence(ctx, 0));
  LIGERO_RETURN_IF_ERROR(check_sequence(ctx, 1));
  const int32_t bins = ctx.input(0).bins();
  const auto& s = ctx.options<DeepFilterOptions>();
  LIGERO_CHECK(s.kernel_f % 2 == 1, Code::kBadModel, "kernel_f must be odd");
  LIGERO_CHECK(
      s.past + s.future == s.kernel_t - 1, Code::kBadModel, "past + future must be kernel_t - 1");
  LIGERO_CHECK(ctx.input(0).channels() == 2 * s.kernel_t * s.kernel_f,
               Code::kBadModel,
               "taps must have 2 * kernel_t * kernel_f channels");
  LIGERO_CHECK(ctx.input(1).bins() == bins && ctx.input(1).channels() == 2,
               Code::kBadModel,
               "the spectrum must have the taps' bins and two channels");
  out->outputs[0].set(Kind::kSequence, bins, 2);
  out->time[1] = {TimeUse::kWindow, s.past, s.future};
  out->macs = 4 * int64_t{bins} * s.kernel_t * s.kernel_f;
  return {};
}

Status measure(const OpContext&, Needs* needs) {
  needs->data_bytes = sizeof(DeepFilterFn);
  return {};
}

Status prepare(const OpContext& ctx, void* data) {
  *static_cast<DeepFilterFn*>(data) = kDeepFilterVariants.best(ctx.cpu).deep_filter_f32;
  return {};
}

void run(const RunContext& ctx) noexcept {
  const DeepFilterFn filter = *static_cast<const DeepFilterFn*>(ctx.data);
  const auto& options = ctx.options<DeepFilterOptions>();
  const DeepFilterShape shape = {ctx.input(0).bins(), options.kernel_t, options.kernel_f};
  const ptrdiff_t taps_row = ctx.input(0).elements();
  const ptrdiff_t row = 2 * static_cast<ptrdiff_t>(shape.bins);
  for_frames(ctx, taps_row, [&](int begin, int end) noexcept {
    for (int t = begin; t < end; ++t) {
      filter(shape,
             ctx.x(0) + t * taps_row,
             ctx.x(1) + (t - options.past) * row,
             ctx.out[0] + t * row);
    }
  });
}

}  // namespace

const Op kDeepFilterOp = {"deep_filter", 1, parse<kOptions>, infer, measure, prepare, run, false};

}  // namespace ligero
