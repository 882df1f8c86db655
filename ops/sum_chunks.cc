// SPDX-License-Identifier: Apache-2.0
// sum_chunks: y[c] = sum_k x[k * C / chunks + c]. Not: sums over bins or time.
#include <cstring>

#include "ops/check.h"
#include "ops/frames.h"
#include "ops/option_table.h"
#include "ops/table.h"

namespace ligero {
namespace {

struct Options {
  int32_t chunks;
};
constexpr Option kOptions[] = {LIGERO_INT_OPTION(Options, chunks, kRequired, 1, 67108864)};

Status infer(const OpContext& ctx, Inference* out) {
  LIGERO_RETURN_IF_ERROR(check_arity(ctx, 1, 1));
  LIGERO_RETURN_IF_ERROR(check_signal(ctx, 0));
  const int32_t channels = ctx.input(0).channels();
  const int32_t chunks = ctx.options<Options>().chunks;
  LIGERO_CHECK(channels % chunks == 0,
               Code::kBadModel,
               "the channels cannot be split into that many chunks");
  out->outputs[0].set(out->outputs[0].kind, ctx.input(0).bins(), channels / chunks);
  return {};
}

void run(const RunContext& ctx) noexcept {
  const ptrdiff_t bins = ctx.input(0).bins();
  const ptrdiff_t count = ctx.output(0).channels();
  const ptrdiff_t chunks = ctx.input(0).channels() / count;
  for_frames(ctx, bins * count * chunks, [&](int begin, int end) noexcept {
    for (ptrdiff_t i = begin * bins; i < end * bins; ++i) {
      const float* x = ctx.x(0) + i * count * chunks;
      float* y = ctx.out[0] + i * count;
      std::memcpy(y, x, static_cast<size_t>(count) * sizeof(float));
      for (ptrdiff_t k = 1; k < chunks; ++k) {
        for (ptrdiff_t c = 0; c < count; ++c) {
          y[c] += x[k * count + c];
        }
      }
    }
  });
}

}  // namespace

const Op kSumChunksOp = {"sum_chunks", 1, parse<kOptions>, infer, nullptr, nullptr, run, false};

}  // namespace ligero
