// The shape of a convolution from its attributes, checked. Shared by conv2d and conv2d_map. Not:
// the transposed one.
#ifndef LIGERO_OPS_CONV_SHAPE_H_
#define LIGERO_OPS_CONV_SHAPE_H_

#include <cstdint>

#include "ops/check.h"
#include "ops/kernels/product/product.h"
#include "runtime/op.h"

namespace ligero {

/// Most taps of a kernel along one axis, most bins of stride, dilation or padding: above any
/// network's, and small enough that index arithmetic cannot overflow.
inline constexpr int32_t kMaxConvNumber = 4096;

struct ConvShape {
  int32_t kernel_t = 1;
  int32_t kernel_f = 1;
  int32_t stride_f = 1;
  int32_t dilation_t = 1;
  int32_t dilation_f = 1;
  int32_t pad_f = 0;
  int32_t past = 0;
  int32_t future = 0;
  bool reflect_t = false;
  int32_t out_bins = 0;
};

/// Reads the attributes of a conv2d on `bins` bins. `shape` is complete if ok.
inline Status read_conv_shape(const OpContext& ctx, int32_t bins, ConvShape* shape) {
  const auto read = [&](const char* name, int32_t fallback, int32_t least, int32_t* value) {
    *value = ctx.node.int_or(name, fallback);
    return check_int(*value, least, kMaxConvNumber);
  };
  LIGERO_RETURN_IF_ERROR(read("kernel_t", 0, 1, &shape->kernel_t));
  LIGERO_RETURN_IF_ERROR(read("kernel_f", 0, 1, &shape->kernel_f));
  LIGERO_RETURN_IF_ERROR(read("stride_f", 1, 1, &shape->stride_f));
  LIGERO_RETURN_IF_ERROR(read("dilation_t", 1, 1, &shape->dilation_t));
  LIGERO_RETURN_IF_ERROR(read("dilation_f", 1, 1, &shape->dilation_f));
  LIGERO_RETURN_IF_ERROR(read("pad_f", 0, 0, &shape->pad_f));
  LIGERO_RETURN_IF_ERROR(read("past", 0, 0, &shape->past));
  LIGERO_RETURN_IF_ERROR(read("future", 0, 0, &shape->future));
  const int32_t reflect = ctx.node.int_or("reflect_t", 0);
  LIGERO_RETURN_IF_ERROR(check_int(reflect, 0, 1));
  shape->reflect_t = reflect != 0;
  LIGERO_CHECK(shape->past + shape->future == shape->dilation_t * (shape->kernel_t - 1),
               Code::kBadModel,
               "past and future do not add up to the kernel's extent in time");
  LIGERO_CHECK(shape->kernel_t * shape->kernel_f <= kProductMaxSegments,
               Code::kUnsupportedModel,
               "a convolution has too many taps");
  const int64_t extent = static_cast<int64_t>(shape->dilation_f) * (shape->kernel_f - 1) + 1;
  const int64_t room = static_cast<int64_t>(bins) + 2 * shape->pad_f - extent;
  LIGERO_CHECK(room >= 0, Code::kBadModel, "a kernel is wider than its input");
  shape->out_bins = static_cast<int32_t>(room / shape->stride_f) + 1;
  return {};
}

/// The rows of a convolution on frames [bins, channels].
inline void set_conv_rows(const ConvShape& s, int32_t bins, int32_t channels, ProductRows* rows) {
  rows->frame_stride = static_cast<int64_t>(bins) * channels;
  rows->bins = bins;
  rows->channels = channels;
  rows->out_bins = s.out_bins;
  rows->stride_f = s.stride_f;
  rows->taps_t = s.kernel_t;
  rows->dilation_t = s.dilation_t;
  rows->past = s.past;
  rows->taps_f = s.kernel_f;
  rows->dilation_f = s.dilation_f;
  rows->pad_f = s.pad_f;
}

}  // namespace ligero

#endif  // LIGERO_OPS_CONV_SHAPE_H_
