// SPDX-License-Identifier: Apache-2.0
// prelu: y = x > 0 ? x : slope * x, one slope per channel or one for all. Not: the fused form of
// the products, nor the loop over a bin (kernels/vec).
#include <algorithm>
#include <new>

#include "ops/check.h"
#include "ops/frames.h"
#include "ops/kernels/vec/vec.h"
#include "ops/table.h"

namespace ligero {
namespace {

Status infer(const OpContext& ctx, Inference* out) {
  LIGERO_RETURN_IF_ERROR(check_arity(ctx, 2, 2));
  LIGERO_RETURN_IF_ERROR(check_signal(ctx, 0));
  LIGERO_RETURN_IF_ERROR(check_plain(ctx, 1));
  const int32_t slopes = ctx.input(1).channels();
  LIGERO_RETURN_IF_ERROR(check_weight(ctx, 1, 1, slopes == 1 ? 1 : ctx.input(0).channels()));
  output_like_input(ctx, out);
  return {};
}

using PreluFn = decltype(VecKernels::prelu_f32);

/// Where all channels share a slope, followed by it for each of them.
struct Data {
  PreluFn prelu;
  const float* slopes;  ///< [channels]
};

bool single(const OpContext& ctx) {
  return ctx.input(1).channels() == 1;
}

Status measure(const OpContext& ctx, Needs* needs) {
  const auto channels = static_cast<size_t>(ctx.input(0).channels());
  needs->data_bytes = sizeof(Data) + (single(ctx) ? channels * sizeof(float) : 0);
  return {};
}

Status prepare(const OpContext& ctx, void* data) {
  auto* d = new (data) Data{kVecVariants.best(ctx.cpu).prelu_f32, ctx.input(1).f32()};
  if (single(ctx)) {
    auto* row = reinterpret_cast<float*>(d + 1);
    std::fill(row, row + ctx.input(0).channels(), d->slopes[0]);
    d->slopes = row;
  }
  return {};
}

void run(const RunContext& ctx) noexcept {
  const Data& d = *static_cast<const Data*>(ctx.data);
  const ptrdiff_t row = ctx.input(0).elements();
  const ptrdiff_t channels = ctx.input(0).channels();
  for_frames(ctx, row, [&](int begin, int end) noexcept {
    for (ptrdiff_t i = begin * row; i < end * row; i += channels) {
      d.prelu(ctx.x(0) + i, d.slopes, static_cast<size_t>(channels), ctx.out[0] + i);
    }
  });
}

}  // namespace

const Op kPreluOp = {"prelu", 1, nullptr, infer, measure, prepare, run, true};

}  // namespace ligero
