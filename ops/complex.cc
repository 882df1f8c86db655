// SPDX-License-Identifier: Apache-2.0
// magnitude, compress, complex_multiply: arithmetic on bins of (re, im). Not: filters
// (deep_filter.cc).
#include <cmath>

#include "ops/check.h"
#include "ops/frames.h"
#include "ops/option_table.h"
#include "ops/options.h"
#include "ops/table.h"

namespace ligero {
namespace {

Status check_complex(const OpContext& ctx, size_t k) {
  LIGERO_RETURN_IF_ERROR(check_signal(ctx, k));
  LIGERO_CHECK(ctx.input(k).channels() == 2, Code::kBadModel, "the input must be [bins, 2]");
  return {};
}

constexpr Option kMagnitudeOptions[] = {LIGERO_FLOAT_OPTION(MagnitudeOptions, floor, 0, 0, 1)};

Status infer_magnitude(const OpContext& ctx, Inference* out) {
  LIGERO_RETURN_IF_ERROR(check_arity(ctx, 1, 1));
  LIGERO_RETURN_IF_ERROR(check_complex(ctx, 0));
  out->outputs[0].set(out->outputs[0].kind, ctx.input(0).bins(), 1);
  return {};
}

void run_magnitude(const RunContext& ctx) noexcept {
  const ptrdiff_t bins = ctx.input(0).bins();
  const float floor = ctx.options<MagnitudeOptions>().floor;
  for_frames(ctx, bins, [&](int begin, int end) noexcept {
    const float* x = ctx.x(0);
    for (ptrdiff_t i = begin * bins; i < end * bins; ++i) {
      ctx.out[0][i] = std::sqrt(x[2 * i] * x[2 * i] + x[2 * i + 1] * x[2 * i + 1] + floor);
    }
  });
}

// Under the power of |x|^2, so that silence stays silent (spec 8.1).
constexpr float kCompressFloor = 1e-8f;

constexpr Option kCompressOptions[] = {LIGERO_FLOAT_OPTION(ExponentOptions, exponent, 1, 0, 1),
                                       LIGERO_INT_OPTION(ExponentOptions, magnitude, 0, 0, 1)};

// With the magnitude: re, im, it, and 0, for int8 products take channels by fours.
constexpr int32_t kWithMagnitude = 4;

Status infer_compress(const OpContext& ctx, Inference* out) {
  LIGERO_RETURN_IF_ERROR(check_arity(ctx, 1, 1));
  LIGERO_RETURN_IF_ERROR(check_complex(ctx, 0));
  LIGERO_CHECK(ctx.options<ExponentOptions>().exponent > 0.0f,
               Code::kBadModel,
               "exponent must be above 0 and at most 1");
  output_like_input(ctx, out);
  if (ctx.options<ExponentOptions>().magnitude != 0) {
    out->outputs[0].dim[1] = kWithMagnitude;
  }
  return {};
}

/// y = gain(|x|^2) x, of [n, 2]; y may be x. With the magnitude y is [n, 4]. Some gains at a time,
/// by themselves, are vectors.
template <class Gain>
void scale(const float* x, ptrdiff_t n, bool magnitude, Gain gain, float* y) {
  constexpr ptrdiff_t kGains = 16;
  float gains[kGains];
  float powers[kGains];
  for (ptrdiff_t done = 0; done < n; done += kGains) {
    const ptrdiff_t count = n - done < kGains ? n - done : kGains;
    const float* in = x + 2 * done;
    for (ptrdiff_t i = 0; i < count; ++i) {
      powers[i] = in[2 * i] * in[2 * i] + in[2 * i + 1] * in[2 * i + 1] + kCompressFloor;
      gains[i] = gain(powers[i]);
    }
    if (magnitude) {
      float* out = y + kWithMagnitude * done;
      for (ptrdiff_t i = 0; i < count; ++i, out += kWithMagnitude) {
        out[0] = in[2 * i] * gains[i];
        out[1] = in[2 * i + 1] * gains[i];
        out[2] = std::sqrt(powers[i]) * gains[i];
        out[3] = 0.0f;
      }
      continue;
    }
    float* out = y + 2 * done;
    for (ptrdiff_t i = 0; i < 2 * count; ++i) {
      out[i] = in[i] * gains[i / 2];
    }
  }
}

void run_compress(const RunContext& ctx) noexcept {
  const ptrdiff_t bins = ctx.input(0).bins();
  const float exponent = ctx.options<ExponentOptions>().exponent;
  const bool magnitude = ctx.options<ExponentOptions>().magnitude != 0;
  const ptrdiff_t channels = ctx.output(0).channels();
  for_frames(ctx, bins, [&](int begin, int end) noexcept {
    const float* x = ctx.x(0) + 2 * begin * bins;
    float* y = ctx.out[0] + channels * begin * bins;
    const ptrdiff_t n = (end - begin) * bins;
    if (exponent == 0.5f) {  // the usual one, without pow
      scale(
          x, n, magnitude, [](float power) { return 1.0f / std::sqrt(std::sqrt(power)); }, y);
    } else {
      const float half = 0.5f * (exponent - 1.0f);
      scale(
          x, n, magnitude, [half](float power) { return std::pow(power, half); }, y);
    }
  });
}

Status infer_multiply(const OpContext& ctx, Inference* out) {
  LIGERO_RETURN_IF_ERROR(check_arity(ctx, 2, 2));
  LIGERO_RETURN_IF_ERROR(check_complex(ctx, 0));
  LIGERO_RETURN_IF_ERROR(check_complex(ctx, 1));
  LIGERO_CHECK(ctx.input(0).bins() == ctx.input(1).bins(),
               Code::kBadModel,
               "the factors have different numbers of bins");
  output_like_input(ctx, out);
  out->macs = 4 * int64_t{ctx.input(0).bins()};
  return {};
}

void run_multiply(const RunContext& ctx) noexcept {
  const ptrdiff_t bins = ctx.input(0).bins();
  const ptrdiff_t step_a = frame_step(ctx, 0);
  const ptrdiff_t step_b = frame_step(ctx, 1);
  for_frames(ctx, 2 * bins, [&](int begin, int end) noexcept {
    for (int t = begin; t < end; ++t) {
      const float* a = ctx.x(0) + t * step_a;
      const float* b = ctx.x(1) + t * step_b;
      float* y = ctx.out[0] + t * 2 * bins;
      for (ptrdiff_t i = 0; i < 2 * bins; i += 2) {
        const float re = a[i] * b[i] - a[i + 1] * b[i + 1];
        y[i + 1] = a[i] * b[i + 1] + a[i + 1] * b[i];
        y[i] = re;
      }
    }
  });
}

}  // namespace

const Op kMagnitudeOp = {"magnitude",
                         1,
                         parse<kMagnitudeOptions>,
                         infer_magnitude,
                         nullptr,
                         nullptr,
                         run_magnitude,
                         false};
const Op kCompressOp = {
    "compress", 1, parse<kCompressOptions>, infer_compress, nullptr, nullptr, run_compress, true};
const Op kComplexMultiplyOp = {
    "complex_multiply", 1, nullptr, infer_multiply, nullptr, nullptr, run_multiply, false};

}  // namespace ligero
