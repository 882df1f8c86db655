// Tiles of the int8 product in vectors: int32 sums of one tap in registers, joined in float when the
// tap ends. Highway has no int8 dot product, so that step is the instruction set's own. Not: which
// tiles there are to compute (product.cc).
#include "ops/kernels/product/product_finish-inl.h"

#include <immintrin.h>

namespace ligero {
namespace LIGERO_ISA {
namespace {

// Each set has kRows, kPanels, kVecPanels and
//   Weights: a group of 4 inner rows of a panel; load(w).
//   Values: the 4 values of a row, in every lane; splat(q).
//   Sums: of 16 outputs; zero(), add(sums, weights, values).
//   join(sums, row_sum, scale, y): y[o] += scale * sums[o]; row_sum is that of the tap's values.
#if HWY_TARGET == HWY_AVX3

// The instruction multiplies unsigned by signed bytes: a weight's sign bit is flipped, which adds
// 128, and 128 times the sum of the values is taken off at the end. Overflow on the way wraps, and
// so wraps back.
constexpr int kRows = 6;
constexpr int kPanels = 4;
constexpr int kVecPanels = 8;

struct Dot {
  using Weights = __m512i;
  using Values = __m512i;
  struct Sums {
    __m512i v;
  };
  static HWY_INLINE Weights load(const int8_t* w) {
    return _mm512_xor_si512(_mm512_loadu_si512(w), _mm512_set1_epi8(-128));
  }
  static HWY_INLINE Values splat(const int8_t* q) {
    int32_t four = 0;
    memcpy(&four, q, sizeof(four));
    return _mm512_set1_epi32(four);
  }
  static HWY_INLINE Sums zero() {
    return {_mm512_setzero_si512()};
  }
  static HWY_INLINE void add(Sums& s, const Weights& w, const Values& q) {
    s.v = _mm512_dpbusd_epi32(s.v, w, q);
  }
  static HWY_INLINE void join(const Sums& s, int32_t row_sum, float scale, float* y) {
    const auto offset = static_cast<int32_t>(static_cast<uint32_t>(row_sum) << 7);
    const __m512 sums = _mm512_cvtepi32_ps(_mm512_sub_epi32(s.v, _mm512_set1_epi32(offset)));
    _mm512_store_ps(y, _mm512_fmadd_ps(sums, _mm512_set1_ps(scale), _mm512_load_ps(y)));
  }
};

int32_t sum_of(const int8_t* q, int32_t n) noexcept {
  __m512i s = _mm512_setzero_si512();
  const __m512i ones = _mm512_set1_epi8(1);
  for (int32_t i = 0; i < n; i += 64) {
    const int32_t left = n - i;
    const __mmask64 mask = left >= 64 ? ~__mmask64{0} : (__mmask64{1} << left) - 1;
    s = _mm512_dpbusd_epi32(s, ones, _mm512_maskz_loadu_epi8(mask, q + i));
  }
  return _mm512_reduce_add_epi32(s);
}
constexpr auto kSum = sum_of;

#elif HWY_TARGET == HWY_AVX2

// Bytes become 16 bits wide; pairs of products are added in 32 bits, and the two pairs of an output
// at the end.
constexpr int kRows = 2;
constexpr int kPanels = 1;
constexpr int kVecPanels = 2;
constexpr int32_t (*kSum)(const int8_t*, int32_t) noexcept = nullptr;

struct Dot {
  struct Weights {
    __m256i v[4];
  };
  using Values = __m256i;
  struct Sums {
    __m256i v[4];
  };
  static HWY_INLINE Weights load(const int8_t* w) {
    Weights r;
    for (int i = 0; i < 4; ++i) {
      r.v[i] = _mm256_cvtepi8_epi16(
          _mm_loadu_si128(reinterpret_cast<const __m128i*>(w + 16 * i)));
    }
    return r;
  }
  static HWY_INLINE Values splat(const int8_t* q) {
    int32_t four = 0;
    memcpy(&four, q, sizeof(four));
    return _mm256_broadcastq_epi64(_mm_cvtepi8_epi16(_mm_cvtsi32_si128(four)));
  }
  static HWY_INLINE Sums zero() {
    const __m256i z = _mm256_setzero_si256();
    return {{z, z, z, z}};
  }
  static HWY_INLINE void add(Sums& s, const Weights& w, const Values& q) {
    for (int i = 0; i < 4; ++i) {
      s.v[i] = _mm256_add_epi32(s.v[i], _mm256_madd_epi16(w.v[i], q));
    }
  }
  static HWY_INLINE void join(const Sums& s, int32_t, float scale, float* y) {
    for (int i = 0; i < 4; i += 2) {
      const __m256i pairs = _mm256_hadd_epi32(s.v[i], s.v[i + 1]);
      const __m256 sums = _mm256_cvtepi32_ps(_mm256_permute4x64_epi64(pairs, 0xD8));
      float* out = y + 4 * i;
      _mm256_store_ps(out, _mm256_fmadd_ps(sums, _mm256_set1_ps(scale), _mm256_load_ps(out)));
    }
  }
};

#else

constexpr int kRows = 1;
constexpr int kPanels = 1;
constexpr int kVecPanels = 1;
constexpr int32_t (*kSum)(const int8_t*, int32_t) noexcept = nullptr;

struct Dot {
  struct Weights {
    __m128i v[8];
  };
  using Values = __m128i;
  struct Sums {
    __m128i v[8];
  };
  static HWY_INLINE Weights load(const int8_t* w) {
    Weights r;
    for (int i = 0; i < 8; ++i) {
      r.v[i] = _mm_cvtepi8_epi16(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(w + 8 * i)));
    }
    return r;
  }
  static HWY_INLINE Values splat(const int8_t* q) {
    int32_t four = 0;
    memcpy(&four, q, sizeof(four));
    const __m128i v = _mm_cvtepi8_epi16(_mm_cvtsi32_si128(four));
    return _mm_unpacklo_epi64(v, v);
  }
  static HWY_INLINE Sums zero() {
    const __m128i z = _mm_setzero_si128();
    return {{z, z, z, z, z, z, z, z}};
  }
  static HWY_INLINE void add(Sums& s, const Weights& w, const Values& q) {
    for (int i = 0; i < 8; ++i) {
      s.v[i] = _mm_add_epi32(s.v[i], _mm_madd_epi16(w.v[i], q));
    }
  }
  static HWY_INLINE void join(const Sums& s, int32_t, float scale, float* y) {
    for (int i = 0; i < 8; i += 2) {
      const __m128 sums = _mm_cvtepi32_ps(_mm_hadd_epi32(s.v[i], s.v[i + 1]));
      float* out = y + 2 * i;
      _mm_store_ps(out, _mm_add_ps(_mm_mul_ps(sums, _mm_set1_ps(scale)), _mm_load_ps(out)));
    }
  }
};

#endif

/// Sums of `panels` panels of a row times the scales of their outputs.
HWY_INLINE void scale_panels(const ProductWeights& w, int32_t panel, int panels, float* y) {
  const D d;
  const int32_t first = panel * kProductPanel;
  const int32_t count = panels * kProductPanel;
  if (first + count <= w.outputs) {
    for (int32_t i = 0; i < count; i += kLanes) {
      hn::Store(hn::Mul(hn::Load(d, y + i), hn::LoadU(d, w.scale + first + i)), d, y + i);
    }
    return;
  }
  for (int32_t i = 0; first + i < w.outputs; ++i) {
    y[i] *= w.scale[first + i];
  }
}

/// kR rows times kP panels from `panel` on.
template <int kR, int kP>
HWY_NOINLINE void tile(const ProductTile& t,
                       const ProductWeights& w,
                       const ProductEpilogue& e,
                       int row,
                       int32_t panel) {
  constexpr int kGroupBytes = kProductPanel * kProductQ8Group;
  const int8_t* weight = static_cast<const int8_t*>(w.data) + panel * w.panel_stride;
  const int64_t stride = w.panel_stride;
  alignas(64) float y[kR][kP * kProductPanel] = {};
  const int32_t segments = t.segments / t.taps;
  for (int32_t tap = 0; tap < t.taps; ++tap) {
    Dot::Sums sums[kR][kP];
    unroll<0, kR * kP>([&](auto i) LIGERO_INLINE_LAMBDA {
      constexpr int n = decltype(i)::value;
      sums[n / kP][n % kP] = Dot::zero();
    });
    for (int32_t s = tap * segments; s < (tap + 1) * segments; ++s) {
      const int8_t* q[kR];
      unroll<0, kR>([&](auto i) LIGERO_INLINE_LAMBDA {
        q[decltype(i)::value] = t.q[s * t.rows + row + decltype(i)::value];
      });
      for (int32_t k = 0; k < t.length; k += kProductQ8Group) {
        Dot::Weights b[kP];
        unroll<0, kP>([&](auto i) LIGERO_INLINE_LAMBDA {
          b[decltype(i)::value] = Dot::load(weight + decltype(i)::value * stride);
        });
        unroll<0, kR>([&](auto i) LIGERO_INLINE_LAMBDA {
          constexpr int r = decltype(i)::value;
          const Dot::Values x = Dot::splat(q[r] + k);
          unroll<0, kP>([&](auto j) LIGERO_INLINE_LAMBDA {
            Dot::add(sums[r][decltype(j)::value], b[decltype(j)::value], x);
          });
        });
        weight += kGroupBytes;
      }
    }
    unroll<0, kR * kP>([&](auto i) LIGERO_INLINE_LAMBDA {
      constexpr int r = decltype(i)::value / kP;
      constexpr int p = decltype(i)::value % kP;
      const int32_t at = tap * t.rows + row + r;
      Dot::join(sums[r][p], t.q_sums[at], t.q_scales[at], &y[r][p * kProductPanel]);
    });
  }
  for (int r = 0; r < kR; ++r) {
    scale_panels(w, panel, kP, y[r]);
    finish_row<kP>(y[r], t, e, w.outputs, row + r, panel);
  }
}

/// All panels of [begin, end) for kR rows from `row` on, kP at a time, then by halves.
template <int kR, int kP>
void panels(const ProductTile& t,
            const ProductWeights& w,
            const ProductEpilogue& e,
            int row,
            int32_t begin,
            int32_t end) {
  int32_t panel = begin;
  for (; panel + kP <= end; panel += kP) {
    tile<kR, kP>(t, w, e, row, panel);
  }
  if constexpr (kP > 1) {
    panels<kR, kP / 2>(t, w, e, row, panel, end);
  }
}

/// The last kR rows or fewer, from `row` on.
template <int kR>
void rows(const ProductTile& t,
          const ProductWeights& w,
          const ProductEpilogue& e,
          int row,
          int32_t begin,
          int32_t end) {
  if (t.rows - row == kR) {
    panels<kR, kR == 1 ? kVecPanels : kPanels>(t, w, e, row, begin, end);
  } else if constexpr (kR > 1) {
    rows<kR - 1>(t, w, e, row, begin, end);
  }
}

void product_q8_tile(const ProductTile& t,
                     const ProductWeights& w,
                     const ProductEpilogue& e,
                     int32_t panel_begin,
                     int32_t panel_end) noexcept {
  rows<kRows>(t, w, e, 0, panel_begin, panel_end);
}

/// Two passes: the largest magnitude, then the values.
float quantize(const float* x, int64_t n, int8_t* q) noexcept {
  const D d;
  const V zero = hn::Zero(d);
  V most = zero;
  V faults = zero;
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    const V v = hn::LoadU(d, x + i);
    most = hn::Max(most, hn::Abs(v));
    faults = hn::MulAdd(v, zero, faults);
  }
  float largest = hn::GetLane(hn::MaxOfLanes(d, most));
  float fault = hn::GetLane(hn::SumOfLanes(d, faults));  // NaN where a value is not finite
  for (int64_t k = i; k < n; ++k) {
    const float a = __builtin_fabsf(x[k]);
    largest = a > largest ? a : largest;
    fault += x[k] * 0.0f;
  }
  if (!(largest >= kProductQ8Smallest) || fault != 0.0f) {
    memset(q, 0, static_cast<size_t>(n));
    return fault;
  }
  const V factor = hn::Set(d, kProductQ8Max / largest);
  const hn::Rebind<int8_t, D> narrow;
  for (i = 0; i + kLanes <= n; i += kLanes) {
    const auto whole = hn::NearestInt(hn::Mul(hn::LoadU(d, x + i), factor));
    hn::StoreU(hn::DemoteTo(narrow, whole), narrow, q + i);
  }
  if (i < n) {
    float rest[kLanes] = {};
    int8_t out[kLanes];
    memcpy(rest, x + i, static_cast<size_t>(n - i) * sizeof(float));
    const auto whole = hn::NearestInt(hn::Mul(hn::LoadU(d, rest), factor));
    hn::StoreU(hn::DemoteTo(narrow, whole), narrow, out);
    memcpy(q + i, out, static_cast<size_t>(n - i));
  }
  return largest / kProductQ8Max;
}

}  // namespace

extern const ProductQ8Kernels kProductQ8;
const ProductQ8Kernels kProductQ8 = {
    LIGERO_ISA_NAME,
    {kRows, kPanels, kVecPanels},
    product_q8_tile,
    quantize,
    kSum,
};

}  // namespace LIGERO_ISA
}  // namespace ligero
