// The end of a tile of the product, in vectors, for files compiled once per instruction set: a row's
// sums through the epilogue to the output. Not: the sums (product_simd.cc, product_q8_simd.cc).
#ifndef LIGERO_OPS_KERNELS_PRODUCT_PRODUCT_FINISH_INL_H_
#define LIGERO_OPS_KERNELS_PRODUCT_PRODUCT_FINISH_INL_H_

#include <string.h>

#include "ops/kernels/product/product.h"
#include "ops/kernels/unroll-inl.h"
#include "ops/kernels/variants.h"
#include "ops/kernels/vec/vec_math-inl.h"

namespace ligero {
namespace LIGERO_ISA {
namespace {

using D = hn::CappedTag<float, kProductPanel>;
using V = hn::Vec<D>;
constexpr int kLanes = static_cast<int>(hn::MaxLanes(D()));
constexpr int kRegs = kProductPanel / kLanes;  // vectors in a panel row

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

HWY_INLINE V activate(V y, Activation activation, V slopes) {
  const D d;
  switch (activation) {
    case Activation::kNone:
      return y;
    case Activation::kRelu:
      return relu_v(d, y);
    case Activation::kPrelu:
      return prelu_v(d, y, slopes);
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

// Where loads and stores under a mask touch nothing beyond it, a panel that is not full takes them.
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX2
constexpr bool kMasks = true;
#else
constexpr bool kMasks = false;
#endif

/// All lanes of a vector, or the first `count` of a panel from lane `first` on, the others zero.
template <bool kPart>
HWY_INLINE V load_lanes(const float* p, int first, int count) {
  const D d;
  if constexpr (kPart) {
    return hn::MaskedLoad(hn::FirstN(d, static_cast<size_t>(count > first ? count - first : 0)), d, p);
  } else {
    return hn::LoadU(d, p);
  }
}

/// The epilogue of the first `count` outputs of a panel, 16 where not kPart.
template <bool kPart>
HWY_NOINLINE void finish_panel(const float* sums, const Lines& e, int count, float* out) {
  const D d;
  for (int i = 0; i < kProductPanel; i += kLanes) {
    V y = hn::Load(d, sums + i);
    if (e.bias != nullptr) {
      y = hn::Add(y, load_lanes<kPart>(e.bias + i, i, count));
    }
    for (int32_t m = 0; m < e.add_count; ++m) {
      y = hn::Add(y, load_lanes<kPart>(e.add + m * e.add_stride + i, i, count));
    }
    if (e.activation != Activation::kNone) {
      const bool slopes = e.activation == Activation::kPrelu;
      y = activate(y, e.activation, slopes ? load_lanes<kPart>(e.slopes + i, i, count) : y);
    }
    if (e.scale != nullptr) {
      y = hn::Mul(y, load_lanes<kPart>(e.scale + i, i, count));
    }
    if (e.shift != nullptr) {
      y = hn::Add(y, load_lanes<kPart>(e.shift + i, i, count));
    }
    if constexpr (kPart) {
      const auto left = static_cast<size_t>(count > i ? count - i : 0);
      hn::BlendedStore(y, hn::FirstN(d, left), d, out + i);
    } else {
      hn::StoreU(y, d, out + i);
    }
  }
}

/// A panel of which only `count` outputs exist, without masks: through copies, so that nothing is
/// read or written beyond them. The add rows are summed after the bias as above.
HWY_NOINLINE void finish_copies(const float* sums, const Lines& e, int count, float* out) {
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
  finish_panel<false>(y, rest, kProductPanel, y);
  memcpy(out, y, bytes);
}

HWY_INLINE void finish_part(const float* sums, const Lines& e, int count, float* out) {
  if constexpr (kMasks) {
    finish_panel<true>(sums, e, count, out);
  } else {
    finish_copies(sums, e, count, out);
  }
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
      finish_panel<false>(sums + p * kProductPanel, lines, kProductPanel, t.out[row] + o);
    } else {
      finish_part(sums + p * kProductPanel, lines, outputs - o, t.out[row] + o);
    }
  }
}

}  // namespace
}  // namespace LIGERO_ISA
}  // namespace ligero

#endif  // LIGERO_OPS_KERNELS_PRODUCT_PRODUCT_FINISH_INL_H_
