// SPDX-License-Identifier: Apache-2.0
// The options and the shape of a convolution, for conv2d and conv2d_map. Not: the transposed one.
#ifndef LIGERO_OPS_CONV_SHAPE_H_
#define LIGERO_OPS_CONV_SHAPE_H_

#include <cstdint>

#include "ops/check.h"
#include "ops/kernels/conv/conv.h"
#include "ops/option_table.h"
#include "ops/options.h"
#include "runtime/op.h"

namespace ligero {

/// conv2d's options; conv2d_map has the first kConvMapOptions of them.
inline constexpr Option kConvOptions[] = {
    LIGERO_INT_OPTION(ConvOptions, kernel_t, kRequired, 1, 4096),
    LIGERO_INT_OPTION(ConvOptions, kernel_f, kRequired, 1, 4096),
    LIGERO_INT_OPTION(ConvOptions, stride_f, 1, 1, 4096),
    LIGERO_INT_OPTION(ConvOptions, dilation_t, 1, 1, 4096),
    LIGERO_INT_OPTION(ConvOptions, dilation_f, 1, 1, 4096),
    LIGERO_INT_OPTION(ConvOptions, pad_f, 0, 0, 4096),
    LIGERO_INT_OPTION(ConvOptions, past, 0, 0, 4096),
    LIGERO_INT_OPTION(ConvOptions, future, 0, 0, 4096),
    LIGERO_INT_OPTION(ConvOptions, reflect_t, 0, 0, 1),
    LIGERO_INT_OPTION(ConvOptions, groups, 1, 1, 4096),
    LIGERO_INT_OPTION(ConvOptions, activation, 0, 0, 6),
};
inline constexpr size_t kConvMapOptions = 8;
static_assert(kNumActivations == 7);

/// Checks what a row of the table cannot say, for an input of `bins` bins, and finds the output's.
inline Status check_conv(const ConvOptions& o, int32_t bins, int32_t* out_bins) {
  LIGERO_CHECK(o.past + o.future == o.dilation_t * (o.kernel_t - 1),
               Code::kBadModel,
               "past and future do not add up to the kernel's extent in time");
  LIGERO_CHECK(o.kernel_t * o.kernel_f <= kGemmMaxSegments,
               Code::kUnsupportedModel,
               "a convolution has too many taps");
  const int64_t extent = static_cast<int64_t>(o.dilation_f) * (o.kernel_f - 1) + 1;
  const int64_t room = static_cast<int64_t>(bins) + 2 * o.pad_f - extent;
  LIGERO_CHECK(room >= 0, Code::kBadModel, "a kernel is wider than its input");
  *out_bins = static_cast<int32_t>(room / o.stride_f) + 1;
  return {};
}

/// The rows of a convolution on frames [bins, channels].
inline void set_conv_rows(
    const ConvOptions& o, int32_t bins, int32_t channels, int32_t out_bins, ConvRows* rows) {
  rows->frame_stride = static_cast<int64_t>(bins) * channels;
  rows->bins = bins;
  rows->channels = channels;
  rows->out_bins = out_bins;
  rows->stride_f = o.stride_f;
  rows->taps_t = o.kernel_t;
  rows->dilation_t = o.dilation_t;
  rows->past = o.past;
  rows->taps_f = o.kernel_f;
  rows->dilation_f = o.dilation_f;
  rows->pad_f = o.pad_f;
}

}  // namespace ligero

#endif  // LIGERO_OPS_CONV_SHAPE_H_
