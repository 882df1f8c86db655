// Tiles of the product in vectors: a few rows times a few panels, sums in registers, k outermost.
// Not: which tiles there are to compute (product.cc).
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

// Tile shapes fill the register file: rows * panels * kRegs sums, the panel row, one input.
#if HWY_TARGET == HWY_AVX3
constexpr int kRows = 6;
constexpr int kPanels = 4;
constexpr int kVecPanels = 8;
#elif HWY_TARGET == HWY_AVX2
constexpr int kRows = 6;
constexpr int kPanels = 1;
constexpr int kVecPanels = 4;
#elif HWY_TARGET == HWY_NEON && HWY_ARCH_ARM_A64
constexpr int kRows = 6;
constexpr int kPanels = 1;
constexpr int kVecPanels = 4;
#else
constexpr int kRows = 2;
constexpr int kPanels = 1;
constexpr int kVecPanels = 2;
#endif
static_assert(kRows <= kProductMaxRows);

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

struct F32 {
  using T = float;
  static HWY_INLINE V load(const T* p) {
    return hn::LoadU(D(), p);
  }
};

struct F16 {
  using T = hwy::float16_t;
  static HWY_INLINE V load(const T* p) {
    return hn::PromoteTo(D(), hn::LoadU(hn::Rebind<T, D>(), p));
  }
};

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

/// kR rows times kP panels from `panel` on.
template <class W, int kR, int kP>
HWY_NOINLINE void tile(const ProductTile& t,
                       const ProductWeights& w,
                       const ProductEpilogue& e,
                       int32_t panel) {
  using T = typename W::T;
  constexpr int kWide = kP * kRegs;
  const D d;
  const T* weight = static_cast<const T*>(w.data) + panel * w.panel_stride;
  const int64_t stride = w.panel_stride;
  const int64_t row_stride = w.row_stride;
  V sums[kR][kWide];
  unroll<0, kR * kWide>([&](auto i) LIGERO_INLINE_LAMBDA {
    constexpr int n = decltype(i)::value;
    sums[n / kWide][n % kWide] = hn::Zero(d);
  });
  for (int32_t s = 0; s < t.segments; ++s) {
    const float* a[kR];
    unroll<0, kR>([&](auto i) LIGERO_INLINE_LAMBDA {
      a[decltype(i)::value] = t.a[s * kR + decltype(i)::value];
    });
    for (int32_t k = 0; k < t.length; ++k) {
      V b[kWide];
      unroll<0, kWide>([&](auto i) LIGERO_INLINE_LAMBDA {
        constexpr int n = decltype(i)::value;
        b[n] = W::load(weight + (n / kRegs) * stride + (n % kRegs) * kLanes);
      });
      unroll<0, kR>([&](auto i) LIGERO_INLINE_LAMBDA {
        constexpr int r = decltype(i)::value;
        const V x = hn::Set(d, a[r][k]);
        unroll<0, kWide>([&](auto j) LIGERO_INLINE_LAMBDA {
          constexpr int n = decltype(j)::value;
          sums[r][n] = hn::MulAdd(x, b[n], sums[r][n]);
        });
      });
      weight += row_stride;
    }
  }
  alignas(64) float buffer[kR][kP * kProductPanel];
  unroll<0, kR * kWide>([&](auto i) LIGERO_INLINE_LAMBDA {
    constexpr int n = decltype(i)::value;
    hn::Store(sums[n / kWide][n % kWide], d, &buffer[n / kWide][(n % kWide) * kLanes]);
  });
  for (int r = 0; r < kR; ++r) {
    finish_row<kP>(buffer[r], t, e, w.outputs, r, panel);
  }
}

/// All panels of [begin, end) for kR rows, kP at a time, then by halves.
template <class W, int kR, int kP>
HWY_INLINE void panels(const ProductTile& t,
                       const ProductWeights& w,
                       const ProductEpilogue& e,
                       int32_t begin,
                       int32_t end) {
  int32_t panel = begin;
  for (; panel + kP <= end; panel += kP) {
    tile<W, kR, kP>(t, w, e, panel);
  }
  if constexpr (kP > 1) {
    panels<W, kR, kP / 2>(t, w, e, panel, end);
  }
}

template <class W, int kR>
void rows(const ProductTile& t,
          const ProductWeights& w,
          const ProductEpilogue& e,
          int32_t begin,
          int32_t end) {
  if (t.rows == kR) {
    panels<W, kR, kR == 1 ? kVecPanels : kPanels>(t, w, e, begin, end);
  } else if constexpr (kR > 1) {
    rows<W, kR - 1>(t, w, e, begin, end);
  }
}

template <class W>
void product_tile(const ProductTile& t,
                  const ProductWeights& w,
                  const ProductEpilogue& e,
                  int32_t panel_begin,
                  int32_t panel_end) noexcept {
  rows<W, kRows>(t, w, e, panel_begin, panel_end);
}

}  // namespace

extern const ProductKernels kProduct;
const ProductKernels kProduct = {
    LIGERO_ISA_NAME,
    kRows,
    kPanels,
    kVecPanels,
    product_tile<F32>,
    product_tile<F16>,
};

}  // namespace LIGERO_ISA
}  // namespace ligero
