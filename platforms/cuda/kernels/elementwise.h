// SPDX-License-Identifier: Apache-2.0
// Kernels that compute each value from a few others at once: functions, sums of tensors, moves, and
// arithmetic on bins of (re, im). Not: sums over many values (reduce.h, product.h).
#ifndef LIGERO_PLATFORMS_CUDA_KERNELS_ELEMENTWISE_H_
#define LIGERO_PLATFORMS_CUDA_KERNELS_ELEMENTWISE_H_

#include "platforms/cuda/kernels/views.h"

namespace ligero::cuda {

/// Values that one block computes.
inline constexpr int32_t kElementsPerBlock = 1024;

enum class Function : int32_t {
  kNone = 0,  // to kElu: the numbers of the attribute `activation` (ops/OPS.md)
  kRelu,
  kPrelu,
  kTanh,
  kSigmoid,
  kGelu,
  kElu,
  kSquare,
  kSqrt,
  kPower,
};

LIGERO_KERNEL float sigmoid(float x) {
  return 1.0f / (1.0f + expf(-x));
}

/// `value`: the slope of prelu, the exponent of power.
LIGERO_KERNEL float apply(Function function, float x, float value) {
  constexpr float kSqrtHalf = 0.70710678118654752f;
  switch (function) {
    case Function::kRelu:
      return x > 0.0f ? x : 0.0f;
    case Function::kPrelu:
      return x > 0.0f ? x : value * x;
    case Function::kTanh:
      return tanhf(x);
    case Function::kSigmoid:
      return sigmoid(x);
    case Function::kGelu:
      return 0.5f * x * (1.0f + erff(x * kSqrtHalf));
    case Function::kElu:
      return x > 0.0f ? x : expm1f(x);
    case Function::kSquare:
      return x * x;
    case Function::kSqrt:
      return sqrtf(x > 0.0f ? x : 0.0f);
    case Function::kPower:
      return powf(x > 0.0f ? x : 0.0f, value);
    case Function::kNone:
      break;
  }
  return x;
}

/// f(session, part, row, element) for all elements of a launch over grid (chunks of a session's
/// elements, sessions). 32 bits count a session's elements: GPUs divide 64 bits slowly.
template <int kLanes, typename F>
LIGERO_KERNEL void each_element(
    const Block<kLanes>& block, const Sessions& s, const Rows& rows, int32_t width, const F& f) {
  const Part part = rows.part(s, block.y);
  if (!part.runs) {
    return;
  }
  const int32_t begin = block.x * kElementsPerBlock;
  const int32_t left = rows.count() * width - begin;
  block.each(left < kElementsPerBlock ? left : kElementsPerBlock, [&](int32_t i) {
    const int32_t row = (begin + i) / width;
    f(block.y, part, row - rows.revised, begin + i - row * width);
  });
}

/// y = function(x * scale[c] + shift[c]); scale, shift: null for 1 and 0. `slopes` (prelu): one for
/// each channel, or one. In place.
struct Map {
  static constexpr int kLanes = 256;
  Sessions sessions;
  Rows rows;
  View x;
  View y;
  const float* scale;
  const float* shift;
  const float* slopes;
  int32_t channels;
  int32_t slope_step;
  int32_t width;
  Function function;
  float value;

  template <int kLanes_>
  LIGERO_KERNEL void operator()(const Block<kLanes_>& block) const {
    each_element(block, sessions, rows, width, [&](int32_t b, const Part& p, int32_t t, int32_t e) {
      float result = 0.0f;
      if (p.has(t)) {
        const int32_t c = e % channels;
        float v = x.at(sessions, b, t)[e];
        v = scale != nullptr ? v * scale[c] + shift[c] : v;
        result = apply(function, v, slopes != nullptr ? slopes[c * slope_step] : value);
      }
      y.at(sessions, b, t)[e] = result;
    });
  }
};

enum class Operator : int32_t { kAdd, kSubtract, kMultiply, kDivide, kLargest };

/// y = activation(x op z), z spread over x's bins or channels, or both. In place of x.
struct Binary {
  static constexpr int kLanes = 256;
  Sessions sessions;
  Rows rows;
  View x;
  View z;
  View y;
  int32_t channels;
  int32_t width;
  int32_t z_bin;      ///< floats from bin to bin of z: 0 where it has one
  int32_t z_channel;  ///< 0 where it has one
  Operator op;
  Function activation;

  template <int kLanes_>
  LIGERO_KERNEL void operator()(const Block<kLanes_>& block) const {
    each_element(block, sessions, rows, width, [&](int32_t b, const Part& p, int32_t t, int32_t e) {
      float result = 0.0f;
      if (p.has(t)) {
        const float first = x.at(sessions, b, t)[e];
        const float second = z.at(sessions, b, t)[e / channels * z_bin + e % channels * z_channel];
        result = apply(activation, compute(first, second), 0.0f);
      }
      y.at(sessions, b, t)[e] = result;
    });
  }

  LIGERO_KERNEL float compute(float a, float b) const {
    switch (op) {
      case Operator::kAdd:
        return a + b;
      case Operator::kSubtract:
        return a - b;
      case Operator::kMultiply:
        return a * b;
      case Operator::kDivide:
        return a / b;
      case Operator::kLargest:
        return a > b ? a : b;
    }
    return a;
  }
};

/// y[bin * y_bin + c * y_channel] = sum over k of x[bin * x_bin + c * x_channel + k * x_chunk],
/// with x and y moved by x_first and y_first: copies, slices, transposes, joints and folds.
struct Move {
  static constexpr int kLanes = 256;
  Sessions sessions;
  Rows rows;
  View x;
  View y;
  int32_t bins;
  int32_t channels;
  int32_t x_first, x_bin, x_channel;
  int32_t y_first, y_bin, y_channel;
  int32_t chunks, x_chunk;

  template <int kLanes_>
  LIGERO_KERNEL void operator()(const Block<kLanes_>& block) const {
    const int32_t width = bins * channels;
    each_element(block, sessions, rows, width, [&](int32_t b, const Part& p, int32_t t, int32_t e) {
      const int32_t bin = e / channels;
      const int32_t c = e % channels;
      float sum = 0.0f;
      if (p.has(t)) {
        const float* from = x.at(sessions, b, t) + x_first + bin * x_bin + c * x_channel;
        sum = from[0];
        for (int32_t k = 1; k < chunks; ++k) {
          sum += from[k * x_chunk];
        }
      }
      y.at(sessions, b, t)[y_first + bin * y_bin + c * y_channel] = sum;
    });
  }
};

/// The rows [-before, 0) and [frames, frames + after) of a tensor become zero: what an op may read
/// around a signal that is run whole.
struct Margins {
  static constexpr int kLanes = 256;
  Sessions sessions;
  View y;
  int32_t before;
  int32_t frames;
  int32_t after;
  int32_t width;

  template <int kLanes_>
  LIGERO_KERNEL void operator()(const Block<kLanes_>& block) const {
    const Rows rows = {before + after, 0, 0, 0, 0, Reach::kCall};
    each_element(block, sessions, rows, width, [&](int32_t b, const Part&, int32_t i, int32_t e) {
      y.at(sessions, b, i < before ? i - before : i - before + frames)[e] = 0.0f;
    });
  }
};

enum class BinFunction : int32_t { kMagnitude, kCompress, kCompressMagnitude, kMultiply };

/// magnitude: y = sqrt(|x|^2 + value). compress: y = x (|x|^2 + 1e-8)^value; with the magnitude it
/// has
/// (|x|^2 + 1e-8)^(value + 0.5) and 0 too. multiply: y = x z. Each bin (re, im).
struct Bins {
  static constexpr int kLanes = 256;
  Sessions sessions;
  Rows rows;
  View x;
  View z;
  View y;
  int32_t bins;
  BinFunction function;
  float value;

  template <int kLanes_>
  LIGERO_KERNEL void operator()(const Block<kLanes_>& block) const {
    constexpr float kFloor = 1e-8f;
    each_element(block, sessions, rows, bins, [&](int32_t b, const Part& p, int32_t t, int32_t f) {
      const bool inside = p.has(t);
      const float* in = x.at(sessions, b, t) + 2 * f;
      float* out = y.at(sessions, b, t);
      const float re = inside ? in[0] : 0.0f;
      const float im = inside ? in[1] : 0.0f;
      if (function == BinFunction::kMagnitude) {
        out[f] = inside ? sqrtf(re * re + im * im + value) : 0.0f;
        return;
      }
      float gain_re = 0.0f;
      float gain_im = 0.0f;
      if (function != BinFunction::kMultiply) {
        const float power = re * re + im * im + kFloor;
        gain_re = powf(power, value);
        if (function == BinFunction::kCompressMagnitude) {
          out += 2 * f;  // four floats a bin
          out[2 * f + 2] = inside ? sqrtf(power) * gain_re : 0.0f;
          out[2 * f + 3] = 0.0f;
        }
      } else {
        gain_re = z.at(sessions, b, t)[2 * f];
        gain_im = z.at(sessions, b, t)[2 * f + 1];
      }
      out[2 * f] = inside ? re * gain_re - im * gain_im : 0.0f;
      out[2 * f + 1] = inside ? re * gain_im + im * gain_re : 0.0f;
    });
  }
};

/// y = sum over l, i of taps[l, i] spectrum(t + l - past, f + i - half), complex.
struct DeepFilter {
  static constexpr int kLanes = 256;
  Sessions sessions;
  Rows rows;
  View taps;
  View spectrum;
  View y;
  int32_t bins;
  int32_t kernel_t;
  int32_t kernel_f;
  int32_t past;

  template <int kLanes_>
  LIGERO_KERNEL void operator()(const Block<kLanes_>& block) const {
    each_element(block, sessions, rows, bins, [&](int32_t b, const Part& p, int32_t t, int32_t f) {
      float re = 0.0f;
      float im = 0.0f;
      const float* h = taps.at(sessions, b, t) + f * 2 * kernel_t * kernel_f;
      for (int32_t l = 0; p.has(t) && l < kernel_t; ++l) {
        const float* row = spectrum.at(sessions, b, t + l - past);
        for (int32_t i = 0; i < kernel_f; ++i, h += 2) {
          const int32_t bin = f + i - kernel_f / 2;
          if (bin >= 0 && bin < bins) {
            re += h[0] * row[2 * bin] - h[1] * row[2 * bin + 1];
            im += h[0] * row[2 * bin + 1] + h[1] * row[2 * bin];
          }
        }
      }
      float* out = y.at(sessions, b, t) + 2 * f;
      out[0] = re;
      out[1] = im;
    });
  }
};

}  // namespace ligero::cuda

#endif  // LIGERO_PLATFORMS_CUDA_KERNELS_ELEMENTWISE_H_
