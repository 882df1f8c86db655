// SPDX-License-Identifier: Apache-2.0
// The end of a tile of the product, in vectors, for files compiled once per instruction set: a
// row's sums through the epilogue to the output. Not: the sums (gemm_simd.cc, gemm_q8_simd.cc).
#ifndef LIGERO_OPS_KERNELS_GEMM_GEMM_FINISH_INL_H_
#define LIGERO_OPS_KERNELS_GEMM_GEMM_FINISH_INL_H_

#include <string.h>

#include "ops/kernels/gemm/gemm.h"
#include "ops/kernels/unroll-inl.h"
#include "ops/kernels/variants.h"
#include "ops/kernels/vec/vec_math-inl.h"

namespace ligero {
namespace LIGERO_ISA {
namespace {

using D = hn::CappedTag<float, kGemmPanel>;
using V = hn::Vec<D>;
constexpr int kLanes = static_cast<int>(hn::MaxLanes(D()));
constexpr int kRegs = kGemmPanel / kLanes;  // vectors in a panel row

/// A panel of a tile, on its way to the output.
struct Finish {
  const GemmTile& tile;
  const GemmEpilogue& epilogue;
  const float* scale;  ///< of each output's sum; nullptr: 1
  int32_t output;      ///< the panel's first
  int row;             ///< the first of the tile's
  int rows;
};

/// Calls f with the function of an activation, of a value and its slope, so that a loop in f is one
/// for each.
template <class F>
HWY_INLINE void with_activation(Activation activation, F&& f) {
  const D d;
  switch (activation) {
    case Activation::kNone:
      return f([](V y, V) LIGERO_INLINE_LAMBDA { return y; });
    case Activation::kRelu:
      return f([d](V y, V) LIGERO_INLINE_LAMBDA { return relu_v(d, y); });
    case Activation::kPrelu:
      return f([d](V y, V slope) LIGERO_INLINE_LAMBDA { return prelu_v(d, y, slope); });
    case Activation::kTanh:
      return f([d](V y, V) LIGERO_INLINE_LAMBDA { return tanh_v(d, y); });
    case Activation::kSigmoid:
      return f([d](V y, V) LIGERO_INLINE_LAMBDA { return sigmoid_v(d, y); });
    case Activation::kGelu:
      return f([d](V y, V) LIGERO_INLINE_LAMBDA { return gelu_v(d, y); });
    case Activation::kElu:
      return f([d](V y, V) LIGERO_INLINE_LAMBDA { return elu_v(d, y); });
  }
}

// Where loads and stores under a mask touch nothing beyond it, a panel that is not full takes them.
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX2
constexpr bool kMasks = true;
#else
constexpr bool kMasks = false;
#endif

/// Lanes [i, i + kLanes) of a panel's line, `other` where there is no line; of a part, the lanes
/// from `count` on are zero.
template <bool kPart>
HWY_INLINE V load_lanes(const float* line, int i, int count, V other) {
  const D d;
  if (line == nullptr) {
    return other;
  }
  if constexpr (kPart) {
    const auto left = static_cast<size_t>(count > i ? count - i : 0);
    return hn::MaskedLoad(hn::FirstN(d, left), d, line + i);
  } else {
    return hn::LoadU(d, line + i);
  }
}

HWY_INLINE const float* at(const float* p, int32_t o) {
  return p != nullptr ? p + o : nullptr;
}

/// Vectors of a row that go through an activation side by side: where instructions run in their
/// order, one's chain of operations hides the other's; elsewhere it would be code for nothing.
#if HWY_ARCH_ARM
constexpr int kSide = 2;
#else
constexpr int kSide = 1;
#endif

/// The epilogue of the first `count` outputs of a panel, where not kPart rounded up to whole
/// vectors. Row r's sums are at sums + r * stride.
template <bool kPart>
HWY_NOINLINE void finish_panel(const float* sums, int64_t stride, const Finish& f, int count) {
  const D d;
  const GemmEpilogue& e = f.epilogue;
  const float* scale = at(f.scale, f.output);
  const float* bias = at(e.bias, f.output);
  const float* slope = at(e.activation == Activation::kPrelu ? e.slopes : nullptr, f.output);
  const float* post_scale = at(e.post_scale, f.output);
  const float* post_shift = at(e.post_shift, f.output);
  const bool post = post_scale != nullptr || post_shift != nullptr;
  const bool plain = scale == nullptr && f.tile.add == nullptr && !post;
  for (int i = 0; i < count; i += kSide * kLanes) {
    V biases[kSide], slopes[kSide], scales[kSide], factors[kSide], shifts[kSide];
    for (int k = 0; k < kSide; ++k) {
      const int lane = i + k * kLanes;
      biases[k] = load_lanes<kPart>(bias, lane, count, hn::Zero(d));
      slopes[k] = load_lanes<kPart>(slope, lane, count, hn::Zero(d));
      scales[k] = load_lanes<kPart>(scale, lane, count, hn::Set(d, 1.0f));
      factors[k] = load_lanes<kPart>(post_scale, lane, count, hn::Set(d, 1.0f));
      shifts[k] = load_lanes<kPart>(post_shift, lane, count, hn::Zero(d));
    }
    with_activation(e.activation, [&](auto activate) LIGERO_INLINE_LAMBDA {
      for (int r = 0; r < f.rows; ++r) {
        V y[kSide];
        for (int k = 0; k < kSide; ++k) {
          y[k] = hn::Load(d, sums + r * stride + i + k * kLanes);
          if (!plain) {
            y[k] = hn::Mul(y[k], scales[k]);
          }
          y[k] = hn::Add(y[k], biases[k]);
        }
        if (!plain && f.tile.add != nullptr) {
          const float* add = f.tile.add[f.row + r] + f.output;
          for (int32_t m = 0; m < f.tile.add_count[f.row + r]; ++m) {
            for (int k = 0; k < kSide; ++k) {
              y[k] = hn::Add(y[k],
                             load_lanes<kPart>(
                                 add + m * f.tile.add_stride, i + k * kLanes, count, hn::Zero(d)));
            }
          }
        }
        float* out = f.tile.out[f.row + r] + f.output + i;
        for (int k = 0; k < kSide; ++k) {
          y[k] = activate(y[k], slopes[k]);
        }
        for (int k = 0; !plain && post && k < kSide; ++k) {
          y[k] = hn::Add(hn::Mul(y[k], factors[k]), shifts[k]);
        }
        for (int k = 0; k < kSide; ++k) {
          if constexpr (kPart) {
            const int left = count - i - k * kLanes;
            hn::BlendedStore(
                y[k], hn::FirstN(d, static_cast<size_t>(left > 0 ? left : 0)), d, out + k * kLanes);
          } else {
            hn::StoreU(y[k], d, out + k * kLanes);
          }
        }
      }
    });
  }
}

/// A panel of which only `count` outputs exist, without masks: through copies, so that nothing is
/// read or written beyond them. The add rows are summed after the bias as above.
HWY_NOINLINE void finish_copies(const float* sums, int64_t stride, const Finish& f, int count) {
  alignas(64) float lines[5][kGemmPanel] = {};
  alignas(64) float y[kGemmMaxRows][kGemmPanel];
  float* out[kGemmMaxRows];
  const auto copy = [&](int i, const float* line) LIGERO_INLINE_LAMBDA {
    if (line != nullptr) {
      memcpy(lines[i], line + f.output, static_cast<size_t>(count) * sizeof(float));
      line = lines[i];
    }
    return line;
  };
  const GemmEpilogue& e = f.epilogue;
  const float* scale = copy(0, f.scale);
  const float* bias = copy(1, e.bias);
  GemmEpilogue rest = {
      nullptr, copy(2, e.slopes), copy(3, e.post_scale), copy(4, e.post_shift), e.activation};
  for (int r = 0; r < f.rows; ++r) {
    out[r] = y[r];
  }
  const GemmTile alone = {f.rows, 0, 0, nullptr, out, nullptr, nullptr, 0};
  if (f.tile.add == nullptr) {
    rest.bias = bias;
    finish_panel<false>(sums, stride, {alone, rest, scale, 0, 0, f.rows}, count);
  } else {
    const GemmEpilogue first = {bias, nullptr, nullptr, nullptr, Activation::kNone};
    finish_panel<false>(sums, stride, {alone, first, scale, 0, 0, f.rows}, count);
    for (int r = 0; r < f.rows; ++r) {
      const float* add = f.tile.add[f.row + r] + f.output;
      for (int32_t m = 0; m < f.tile.add_count[f.row + r]; ++m, add += f.tile.add_stride) {
        for (int i = 0; i < count; ++i) {
          y[r][i] += add[i];
        }
      }
    }
    finish_panel<false>(y[0], kGemmPanel, {alone, rest, nullptr, 0, 0, f.rows}, count);
  }
  for (int r = 0; r < f.rows; ++r) {
    float* to = f.tile.out[f.row + r] + f.output;
    int i = 0;
    for (; i + 4 <= count; i += 4) {
      memcpy(to + i, y[r] + i, 4 * sizeof(float));
    }
    for (; i < count; ++i) {
      to[i] = y[r][i];
    }
  }
}

/// The panel `f`, whose rows' sums lie `stride` floats apart, of a product of `outputs` outputs.
HWY_INLINE void finish_rows(const float* sums, int64_t stride, const Finish& f, int32_t outputs) {
  const int count = outputs - f.output;
  if (count >= kGemmPanel) {
    finish_panel<false>(sums, stride, f, kGemmPanel);
  } else if constexpr (kMasks) {
    finish_panel<true>(sums, stride, f, count);
  } else {
    finish_copies(sums, stride, f, count);
  }
}

/// Whether tiles end as most do: without an activation and with at most one add row for each row,
/// has_one_add().
HWY_INLINE bool is_plain(const GemmEpilogue& e) {
  return e.activation == Activation::kNone && e.post_scale == nullptr && e.post_shift == nullptr;
}

HWY_INLINE bool has_one_add(const GemmTile& t, int row) {
  return t.add == nullptr || t.add_count[row] == 1;
}

/// The end of a plain tile whose sums lie in memory. Returns whether it was one. A function that all
/// weights share: inlined into each tile, it would be another half of their code.
template <int kR, int kP>
HWY_NOINLINE bool finish_plain(const float (*sums)[kP * kGemmPanel],
                               const Finish& f,
                               int32_t outputs) {
  constexpr int kWide = kP * kGemmPanel;
  const GemmEpilogue& e = f.epilogue;
  if (!is_plain(e) || f.output + kWide > outputs) {
    return false;
  }
  const bool adds = f.tile.add != nullptr;
  for (int r = 0; adds && r < kR; ++r) {
    if (!has_one_add(f.tile, f.row + r)) {
      return false;
    }
  }
  const D d;
  float* const* out = f.tile.out + f.row;
  for (int i = 0; i < kWide; i += kLanes) {
    const int32_t o = f.output + i;
    const V bias = e.bias != nullptr ? hn::LoadU(d, e.bias + o) : hn::Zero(d);
    const V scale = f.scale != nullptr ? hn::LoadU(d, f.scale + o) : hn::Set(d, 1.0f);
    V y[kR];
    unroll<0, kR>([&](auto j) LIGERO_INLINE_LAMBDA {
      constexpr int r = decltype(j)::value;
      y[r] = hn::Add(hn::Mul(hn::Load(d, &sums[r][i]), scale), bias);
    });
    if (adds) {
      unroll<0, kR>([&](auto j) LIGERO_INLINE_LAMBDA {
        constexpr int r = decltype(j)::value;
        y[r] = hn::Add(y[r], hn::LoadU(d, f.tile.add[f.row + r] + o));
      });
    }
    unroll<0, kR>([&](auto j) LIGERO_INLINE_LAMBDA {
      constexpr int r = decltype(j)::value;
      hn::StoreU(y[r], d, out[r] + o);
    });
  }
  return true;
}

/// The end of a plain tile whose sums are still in registers and that has a bias or add rows, not
/// both: sums(Index<i>(), y) sets y[r][v] to the sums of row r and vector i + v. A few vectors at a
/// time, so that a core that issues in order has several chains of operations under way.
template <int kR, int kP, class Sums>
HWY_INLINE void write_plain(const Finish& f, const Sums& sums) {
  alignas(64) static constexpr float kZeros[kP * kGemmPanel] = {};
  constexpr int kAtOnce = kR == 1 ? 4 : kR == 2 ? 2 : 1;
  const D d;
  const float* scale = f.scale + f.output;
  const float* bias = f.epilogue.bias != nullptr ? f.epilogue.bias + f.output : kZeros;
  const float* more[kR];
  float* out[kR];
  for (int r = 0; r < kR; ++r) {
    more[r] = f.tile.add != nullptr ? f.tile.add[f.row + r] + f.output : bias;
    out[r] = f.tile.out[f.row + r] + f.output;
  }
  unroll<0, kP * kRegs / kAtOnce>([&](auto step) LIGERO_INLINE_LAMBDA {
    constexpr int i = decltype(step)::value * kAtOnce;
    V y[kR][kAtOnce], scales[kAtOnce];
    for (int v = 0; v < kAtOnce; ++v) {
      scales[v] = hn::LoadU(d, scale + (i + v) * kLanes);
    }
    sums(Index<i>(), y);
    for (int r = 0; r < kR; ++r) {
      for (int v = 0; v < kAtOnce; ++v) {
        y[r][v] = hn::Mul(y[r][v], scales[v]);
      }
    }
    for (int r = 0; r < kR; ++r) {
      for (int v = 0; v < kAtOnce; ++v) {
        y[r][v] = hn::Add(y[r][v], hn::LoadU(d, more[r] + (i + v) * kLanes));
      }
    }
    for (int r = 0; r < kR; ++r) {
      for (int v = 0; v < kAtOnce; ++v) {
        hn::StoreU(y[r][v], d, out[r] + (i + v) * kLanes);
      }
    }
  });
}

/// Writes kP panels of kR rows, the first of them `row` and `panel`.
template <int kR, int kP>
HWY_INLINE void finish_tile(const float (*sums)[kP * kGemmPanel],
                            const GemmTile& t,
                            const GemmEpilogue& e,
                            const GemmWeights& w,
                            int row,
                            int32_t panel) {
  constexpr int32_t kStride = kP * kGemmPanel;
  if (finish_plain<kR, kP>(sums, {t, e, w.scale, panel * kGemmPanel, row, kR}, w.outputs)) {
    return;
  }
  for (int p = 0; p < kP; ++p) {
    const Finish f = {t, e, w.scale, (panel + p) * kGemmPanel, row, kR};
    finish_rows(sums[0] + p * kGemmPanel, kStride, f, w.outputs);
  }
}

}  // namespace
}  // namespace LIGERO_ISA
}  // namespace ligero

#endif  // LIGERO_OPS_KERNELS_GEMM_GEMM_FINISH_INL_H_
