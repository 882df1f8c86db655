// SPDX-License-Identifier: Apache-2.0
// Mixed-radix real FFT, four values at a time in the compiler's own vectors, which every target has.
// Real and imaginary parts lie apart between the passes.
#include <cmath>
#include <complex>
#include <cstring>
#include <utility>

#include "ops/kernels/fft/fft.h"

namespace ligero {
namespace {

constexpr double kTau = 6.283185307179586476925286766559;

constexpr int kLanes = 4;
typedef float Lanes __attribute__((vector_size(kLanes * sizeof(float))));

/// Complex numbers: T is float, or Lanes.
template <typename T>
struct ComplexOf {
  T re;
  T im;
};
using Complex = ComplexOf<float>;

template <typename T>
inline ComplexOf<T> operator+(ComplexOf<T> a, ComplexOf<T> b) {
  return {a.re + b.re, a.im + b.im};
}
template <typename T>
inline ComplexOf<T> operator-(ComplexOf<T> a, ComplexOf<T> b) {
  return {a.re - b.re, a.im - b.im};
}
/// W may be a float where T has lanes.
template <typename T, typename W>
inline ComplexOf<T> operator*(ComplexOf<T> a, ComplexOf<W> w) {
  return {a.re * w.re - a.im * w.im, a.re * w.im + a.im * w.re};
}
template <typename T>
inline ComplexOf<T> operator*(float s, ComplexOf<T> a) {
  return {s * a.re, s * a.im};
}
/// -i * a
template <typename T>
inline ComplexOf<T> turn(ComplexOf<T> a) {
  return {a.im, -a.re};
}

/// Complex numbers in memory, real and imaginary parts apart.
struct Parts {
  float* re;
  float* im;
};

template <typename T>
inline T load(const float* x) {
  T v;
  std::memcpy(&v, x, sizeof(T));
  return v;
}

template <typename T>
inline ComplexOf<T> load(Parts x, int i) {
  return {load<T>(x.re + i), load<T>(x.im + i)};
}

template <typename T>
inline void store(ComplexOf<T> v, Parts y, int i) {
  std::memcpy(y.re + i, &v.re, sizeof(T));
  std::memcpy(y.im + i, &v.im, sizeof(T));
}

/// The forward transform of R points, in registers.
template <typename T>
inline void butterfly(ComplexOf<T> (&a)[2]) {
  const ComplexOf<T> t = a[1];
  a[1] = a[0] - t;
  a[0] = a[0] + t;
}

template <typename T>
inline void butterfly(ComplexOf<T> (&a)[3]) {
  constexpr float kSin = 0.866025403784438647f;  // sin(2 pi / 3)
  const ComplexOf<T> sum = a[1] + a[2];
  const ComplexOf<T> side = kSin * turn(a[1] - a[2]);
  const ComplexOf<T> mid = a[0] - 0.5f * sum;
  a[0] = a[0] + sum;
  a[1] = mid + side;
  a[2] = mid - side;
}

template <typename T>
inline void butterfly(ComplexOf<T> (&a)[4]) {
  const ComplexOf<T> even_sum = a[0] + a[2];
  const ComplexOf<T> even_diff = a[0] - a[2];
  const ComplexOf<T> odd_sum = a[1] + a[3];
  const ComplexOf<T> odd_diff = turn(a[1] - a[3]);
  a[0] = even_sum + odd_sum;
  a[1] = even_diff + odd_diff;
  a[2] = even_sum - odd_sum;
  a[3] = even_diff - odd_diff;
}

template <typename T>
inline void butterfly(ComplexOf<T> (&a)[5]) {
  constexpr float kCos1 = 0.309016994374947424f;   // cos(2 pi / 5)
  constexpr float kCos2 = -0.809016994374947424f;  // cos(4 pi / 5)
  constexpr float kSin1 = 0.951056516295153572f;
  constexpr float kSin2 = 0.587785252292473129f;
  const ComplexOf<T> sum1 = a[1] + a[4];
  const ComplexOf<T> sum2 = a[2] + a[3];
  const ComplexOf<T> diff1 = turn(a[1] - a[4]);
  const ComplexOf<T> diff2 = turn(a[2] - a[3]);
  const ComplexOf<T> mid1 = a[0] + kCos1 * sum1 + kCos2 * sum2;
  const ComplexOf<T> mid2 = a[0] + kCos2 * sum1 + kCos1 * sum2;
  const ComplexOf<T> side1 = kSin1 * diff1 + kSin2 * diff2;
  const ComplexOf<T> side2 = kSin2 * diff1 - kSin1 * diff2;
  a[0] = a[0] + sum1 + sum2;
  a[1] = mid1 + side1;
  a[2] = mid2 + side2;
  a[3] = mid2 - side2;
  a[4] = mid1 - side1;
}

/// Of a pass of stride 1: group p and those behind it, as many as T has lanes.
template <int R, typename T>
inline void first_pass_step(int m, const float* w, Parts x, Parts y, int p) {
  ComplexOf<T> a[R];
  for (int j = 0; j < R; ++j) {
    a[j] = load<T>(x, p + m * j);
  }
  butterfly(a);
  for (int k = 0; k < R; ++k) {
    if (k > 0) {
      const float* at = w + 2 * (k - 1) * m + p;
      a[k] = a[k] * ComplexOf<T>{load<T>(at), load<T>(at + m)};
    }
    float re[sizeof(T) / sizeof(float)];
    float im[sizeof(T) / sizeof(float)];
    std::memcpy(re, &a[k].re, sizeof(T));
    std::memcpy(im, &a[k].im, sizeof(T));
    for (size_t lane = 0; lane < sizeof(T) / sizeof(float); ++lane) {
      y.re[R * (p + static_cast<int>(lane)) + k] = re[lane];
      y.im[R * (p + static_cast<int>(lane)) + k] = im[lane];
    }
  }
}

/// Of a pass, group p: transform q and those beside it, as many as T has lanes. w: [R - 1].
template <int R, typename T>
inline void pass_step(int m, int stride, const Complex* w, Parts x, Parts y, int p, int q) {
  ComplexOf<T> a[R];
  for (int j = 0; j < R; ++j) {
    a[j] = load<T>(x, q + stride * (p + m * j));
  }
  butterfly(a);
  store(a[0], y, q + stride * R * p);
  for (int k = 1; k < R; ++k) {
    store(a[k] * w[k - 1], y, q + stride * (R * p + k));
  }
}

/// One Stockham pass: `m` groups of R points that lie m * stride apart, `stride` transforms side by
/// side. The output comes in the order that the next pass reads. Twiddle factors: [R - 1][2][m].
template <int R>
void pass(int m, int stride, const float* w, Parts x, Parts y) {
  if (stride == 1) {
    int p = 0;
    for (; p + kLanes <= m; p += kLanes) {
      first_pass_step<R, Lanes>(m, w, x, y, p);
    }
    for (; p < m; ++p) {
      first_pass_step<R, float>(m, w, x, y, p);
    }
    return;
  }
  for (int p = 0; p < m; ++p) {
    Complex twiddles[R - 1];
    for (int k = 0; k < R - 1; ++k) {
      twiddles[k] = {w[2 * k * m + p], w[(2 * k + 1) * m + p]};
    }
    int q = 0;
    for (; q + kLanes <= stride; q += kLanes) {
      pass_step<R, Lanes>(m, stride, twiddles, x, y, p, q);
    }
    for (; q < stride; ++q) {
      pass_step<R, float>(m, stride, twiddles, x, y, p, q);
    }
  }
}

/// The complex forward transform of fft.n / 2 points. Reads `x`, destroys it, and returns where the
/// result lies: `x` or `y`.
Parts transform(const Fft& fft, Parts x, Parts y) {
  int length = fft.n / 2;
  int stride = 1;
  const float* w = fft.twiddles;
  for (int i = 0; i < fft.num_passes; ++i) {
    const int radix = fft.radix[i];
    const int m = length / radix;
    switch (radix) {
      case 2:
        pass<2>(m, stride, w, x, y);
        break;
      case 3:
        pass<3>(m, stride, w, x, y);
        break;
      case 4:
        pass<4>(m, stride, w, x, y);
        break;
      default:
        pass<5>(m, stride, w, x, y);
        break;
    }
    w += 2 * static_cast<ptrdiff_t>(m) * (radix - 1);
    length = m;
    stride *= radix;
    std::swap(x, y);
  }
  return x;
}

/// Splits n into passes, those of 4 points first, so that the strides behind them have whole vectors; the number of passes, or 0 where another prime is left over.
int factorise(int n, int32_t* radix) {
  int count = 0;
  for (const int r : {4, 5, 3, 2}) {
    while (n % r == 0 && n > 1) {
      radix[count++] = r;
      n /= r;
    }
  }
  return n == 1 ? count : 0;
}

void root_of_unity(double index, double n, float* out) {
  const std::complex<double> w = std::polar(1.0, -kTau * index / n);
  out[0] = static_cast<float>(w.real());
  out[1] = static_cast<float>(w.imag());
}

size_t twiddle_floats(int half, const int32_t* radix, int passes) {
  size_t floats = 0;
  for (int i = 0; i < passes; ++i) {
    half /= radix[i];
    floats += 2 * static_cast<size_t>(half) * static_cast<size_t>(radix[i] - 1);
  }
  return floats;
}

}  // namespace

bool fft_supported(int n) noexcept {
  int32_t radix[Fft::kMaxPasses];
  return n >= 4 && n <= kMaxFftSamples && n % 2 == 0 && factorise(n / 2, radix) > 0;
}

size_t fft_table_floats(int n) noexcept {
  int32_t radix[Fft::kMaxPasses];
  const int passes = factorise(n / 2, radix);
  return twiddle_floats(n / 2, radix, passes) + 2 * (static_cast<size_t>(n) / 4 + 1);
}

Fft fft_prepare(int n, float* table) noexcept {
  Fft fft;
  fft.n = n;
  fft.num_passes = factorise(n / 2, fft.radix);
  fft.twiddles = table;
  int length = n / 2;
  for (int i = 0; i < fft.num_passes; ++i) {
    const int radix = fft.radix[i];
    const int m = length / radix;
    for (int k = 1; k < radix; ++k, table += 2 * static_cast<ptrdiff_t>(m)) {
      for (int p = 0; p < m; ++p) {
        float w[2];
        root_of_unity(static_cast<double>(p) * k, length, w);
        table[p] = w[0];
        table[m + p] = w[1];
      }
    }
    length = m;
  }
  fft.split = table;
  for (int k = 0; k <= n / 4; ++k, table += 2) {
    root_of_unity(k, n, table);
  }
  return fft;
}

void fft_forward_f32(const Fft& fft, const float* x, float* work, float* spectrum) noexcept {
  const int half = fft.n / 2;
  const Parts a = {work, work + half};
  const Parts b = {work + 2 * half, work + 3 * half};
  const auto* w = reinterpret_cast<const Complex*>(fft.split);
  auto* out = reinterpret_cast<Complex*>(spectrum);
  for (int j = 0; j < half; ++j) {
    a.re[j] = x[2 * j];
    a.im[j] = x[2 * j + 1];
  }
  const Parts z = transform(fft, a, b);
  out[0] = {z.re[0] + z.im[0], 0.0f};
  out[half] = {z.re[0] - z.im[0], 0.0f};
  for (int k = 1; k <= half / 2; ++k) {
    // z is the spectrum of the even samples plus i times that of the odd ones.
    const Complex at = {z.re[k], z.im[k]};
    const Complex mirror = {z.re[half - k], -z.im[half - k]};
    const Complex even = 0.5f * (at + mirror);
    const Complex odd = w[k] * (0.5f * turn(at - mirror));
    out[k] = even + odd;
    out[half - k] = {even.re - odd.re, odd.im - even.im};
  }
}

void fft_inverse_f32(const Fft& fft, const float* spectrum, float* work, float* x) noexcept {
  const int half = fft.n / 2;
  const Parts a = {work, work + half};
  const Parts b = {work + 2 * half, work + 3 * half};
  const auto* w = reinterpret_cast<const Complex*>(fft.split);
  const auto* in = reinterpret_cast<const Complex*>(spectrum);
  const float scale = 0.5f / static_cast<float>(half);
  // The forward transform run on conjugates is the inverse one; so `a` holds the conjugate of even
  // + i * odd.
  a.re[0] = scale * (in[0].re + in[half].re);
  a.im[0] = -scale * (in[0].re - in[half].re);
  for (int k = 1; k <= half / 2; ++k) {
    const Complex mirror = {in[half - k].re, -in[half - k].im};
    const Complex even = scale * (in[k] + mirror);
    const Complex odd = Complex{w[k].re, -w[k].im} * (scale * (in[k] - mirror));
    a.re[k] = even.re - odd.im;
    a.im[k] = -(even.im + odd.re);
    a.re[half - k] = even.re + odd.im;
    a.im[half - k] = even.im - odd.re;
  }
  const Parts z = transform(fft, a, b);
  for (int j = 0; j < half; ++j) {
    x[2 * j] = z.re[j];
    x[2 * j + 1] = -z.im[j];
  }
}

}  // namespace ligero
