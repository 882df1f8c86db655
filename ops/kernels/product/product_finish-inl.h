// The end of a tile of the product, in vectors, for files compiled once per instruction set: a row's
// sums through the epilogue to the output. Not: the sums (product_simd.cc, product_q8_simd.cc).
#ifndef LIGERO_OPS_KERNELS_PRODUCT_PRODUCT_FINISH_INL_H_
#define LIGERO_OPS_KERNELS_PRODUCT_PRODUCT_FINISH_INL_H_

#include <string.h>

#include "ops/kernels/product/product.h"
#include "ops/kernels/variants.h"
#include "ops/kernels/vec/vec_math-inl.h"

#define LIGERO_INLINE_LAMBDA __attribute__((always_inline))

namespace ligero {
namespace LIGERO_ISA {
namespace {

using D = hn::CappedTag<float, kProductPanel>;
using V = hn::Vec<D>;
constexpr int kLanes = static_cast<int>(hn::MaxLanes(D()));
constexpr int kRegs = kProductPanel / kLanes;  // vectors in a panel row

template <int I>
struct Index {
  static constexpr int value = I;
};

/// f(Index<0>) ... f(Index<N - 1>), so that the sums are named registers and not memory.
template <int I, int N, class F>
HWY_INLINE void unroll(const F& f) {
  if constexpr (I < N) {
    f(Index<I>());
    unroll<I + 1, N>(f);
  }
}

/// Pointers into the epilogue's arrays at one panel's first output.
struct Lines {
  const float* bias;
  const float* slopes;
  const float* scale;
  const float* shift;
  const float* add;
  int32_t add_count;
  int64_t add_stride;
  Activation activation;
};

HWY_INLINE V activate(V y, Activation activation, const float* slopes, int i) {
  const D d;
  switch (activation) {
    case Activation::kNone:
      return y;
    case Activation::kRelu:
      return relu_v(d, y);
    case Activation::kPrelu:
      return prelu_v(d, y, hn::LoadU(d, slopes + i));
    case Activation::kTanh:
      return tanh_v(d, y);
    case Activation::kSigmoid:
      return sigmoid_v(d, y);
    case Activation::kGelu:
      return gelu_v(d, y);
    case Activation::kElu:
      return elu_v(d, y);
  }
  return y;
}

/// The epilogue of 16 outputs, all of which exist.
HWY_NOINLINE void finish_panel(const float* sums, const Lines& e, float* out) {
  const D d;
  for (int i = 0; i < kProductPanel; i += kLanes) {
    V y = hn::Load(d, sums + i);
    if (e.bias != nullptr) {
      y = hn::Add(y, hn::LoadU(d, e.bias + i));
    }
    for (int32_t m = 0; m < e.add_count; ++m) {
      y = hn::Add(y, hn::LoadU(d, e.add + m * e.add_stride + i));
    }
    y = activate(y, e.activation, e.slopes, i);
    if (e.scale != nullptr) {
      y = hn::Mul(y, hn::LoadU(d, e.scale + i));
    }
    if (e.shift != nullptr) {
      y = hn::Add(y, hn::LoadU(d, e.shift + i));
    }
    hn::StoreU(y, d, out + i);
  }
}

/// The same where only `count` outputs exist: through copies, so that nothing is read or written
/// beyond them. The add rows are summed after the bias as above.
HWY_NOINLINE void finish_part(const float* sums, const Lines& e, int count, float* out) {
  alignas(64) float y[kProductPanel];
  float copies[3][kProductPanel] = {};
  const float* lines[3] = {e.slopes, e.scale, e.shift};
  const size_t bytes = static_cast<size_t>(count) * sizeof(float);
  for (int i = 0; i < 3; ++i) {
    if (lines[i] != nullptr) {
      memcpy(copies[i], lines[i], bytes);
    }
  }
  memcpy(y, sums, sizeof(y));
  for (int i = 0; i < count; ++i) {
    if (e.bias != nullptr) {
      y[i] += e.bias[i];
    }
    for (int32_t m = 0; m < e.add_count; ++m) {
      y[i] += e.add[m * e.add_stride + i];
    }
  }
  const Lines rest = {nullptr,
                      copies[0],
                      e.scale != nullptr ? copies[1] : nullptr,
                      e.shift != nullptr ? copies[2] : nullptr,
                      nullptr,
                      0,
                      0,
                      e.activation};
  finish_panel(y, rest, y);
  memcpy(out, y, bytes);
}

HWY_INLINE const float* at(const float* p, int32_t o) {
  return p != nullptr ? p + o : nullptr;
}

/// Writes kP panels of one row.
template <int kP>
HWY_INLINE void finish_row(const float* sums,
                           const ProductTile& t,
                           const ProductEpilogue& e,
                           int32_t outputs,
                           int row,
                           int32_t panel) {
  for (int p = 0; p < kP; ++p) {
    const int32_t o = (panel + p) * kProductPanel;
    const Lines lines = {at(e.bias, o),
                         at(e.slopes, o),
                         at(e.post_scale, o),
                         at(e.post_shift, o),
                         t.add != nullptr ? t.add[row] + o : nullptr,
                         t.add != nullptr ? t.add_count[row] : 0,
                         t.add_stride,
                         e.activation};
    if (outputs - o >= kProductPanel) {
      finish_panel(sums + p * kProductPanel, lines, t.out[row] + o);
    } else {
      finish_part(sums + p * kProductPanel, lines, outputs - o, t.out[row] + o);
    }
  }
}

}  // namespace
}  // namespace LIGERO_ISA
}  // namespace ligero

#endif  // LIGERO_OPS_KERNELS_PRODUCT_PRODUCT_FINISH_INL_H_
