// SPDX-License-Identifier: Apache-2.0
// Convolutions over frames and bins from a checkpoint's tensors, with the weights in the order that
// conv2d and conv2d_transposed want (ops/OPS.md). Not: what follows them (blocks.h).
#ifndef LIGERO_MODEL_SYSTEMS_CONV_H_
#define LIGERO_MODEL_SYSTEMS_CONV_H_

#include <string>

#include "model/systems/builder.h"

namespace ligero {

/// Of both kinds; an axis of time in the middle of the kernel, or causal at its end.
struct ConvSizes {
  int outputs = 1;
  int kernel_t = 3;
  int kernel_f = 3;
  int stride_f = 1;
  int dilation_t = 1;  ///< conv2d only
  int pad_f = 0;       ///< bins of zeros on both sides; transposed: bins left out on both sides
  int out_pad_f = 0;   ///< transposed only: bins added at the top, which hold the bias
  int groups = 1;
  bool bias = true;
  bool causal = false;
};

/// Frames before and after the current one that a convolution reads.
struct TimePadding {
  int past = 0;
  int future = 0;
};
TimePadding time_padding(const ConvSizes& sizes);

/// PyTorch's Conv2d or ConvTranspose2d `ck`, padded so that frames stay. Throws SystemError.
int conv2d(
    GraphBuilder& g, const std::string& ck, const std::string& name, int x, const ConvSizes& s);
int conv2d_transposed(
    GraphBuilder& g, const std::string& ck, const std::string& name, int x, const ConvSizes& s);

/// PyTorch's ConvTranspose2d `ck` of stride 1 and as many bins as it gets, as the convolution that it
/// is: the kernel runs backwards in time and along bins. Always causal. Throws SystemError.
int conv2d_backwards(
    GraphBuilder& g, const std::string& ck, const std::string& name, int x, const ConvSizes& s);

/// PyTorch [outputs, inputs, taps] -> [taps * inputs, outputs].
std::vector<float> conv_panels(const std::vector<float>& w, int outputs, int inputs, int taps);

}  // namespace ligero

#endif  // LIGERO_MODEL_SYSTEMS_CONV_H_
