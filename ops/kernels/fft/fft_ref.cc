// Mixed-radix real FFT, scalar. Not: a vector version; one transform per hop does not show up.
#include <cmath>
#include <complex>

#include "ops/kernels/fft/fft.h"

namespace ligero {
namespace {

constexpr double kTau = 6.283185307179586476925286766559;

struct Complex {
  float re;
  float im;
};

inline Complex operator+(Complex a, Complex b) {
  return {a.re + b.re, a.im + b.im};
}
inline Complex operator-(Complex a, Complex b) {
  return {a.re - b.re, a.im - b.im};
}
inline Complex operator*(Complex a, Complex b) {
  return {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}
inline Complex operator*(float s, Complex a) {
  return {s * a.re, s * a.im};
}
/// -i * a
inline Complex turn(Complex a) {
  return {a.im, -a.re};
}

/// The forward transform of R points, in registers.
template <int R>
void butterfly(Complex* a);

template <>
inline void butterfly<2>(Complex* a) {
  const Complex t = a[1];
  a[1] = a[0] - t;
  a[0] = a[0] + t;
}

template <>
inline void butterfly<3>(Complex* a) {
  constexpr float kSin = 0.866025403784438647f;  // sin(2 pi / 3)
  const Complex sum = a[1] + a[2];
  const Complex side = kSin * turn(a[1] - a[2]);
  const Complex mid = a[0] - 0.5f * sum;
  a[0] = a[0] + sum;
  a[1] = mid + side;
  a[2] = mid - side;
}

template <>
inline void butterfly<4>(Complex* a) {
  const Complex even_sum = a[0] + a[2];
  const Complex even_diff = a[0] - a[2];
  const Complex odd_sum = a[1] + a[3];
  const Complex odd_diff = turn(a[1] - a[3]);
  a[0] = even_sum + odd_sum;
  a[1] = even_diff + odd_diff;
  a[2] = even_sum - odd_sum;
  a[3] = even_diff - odd_diff;
}

template <>
inline void butterfly<5>(Complex* a) {
  constexpr float kCos1 = 0.309016994374947424f;   // cos(2 pi / 5)
  constexpr float kCos2 = -0.809016994374947424f;  // cos(4 pi / 5)
  constexpr float kSin1 = 0.951056516295153572f;
  constexpr float kSin2 = 0.587785252292473129f;
  const Complex sum1 = a[1] + a[4];
  const Complex sum2 = a[2] + a[3];
  const Complex diff1 = turn(a[1] - a[4]);
  const Complex diff2 = turn(a[2] - a[3]);
  const Complex mid1 = a[0] + kCos1 * sum1 + kCos2 * sum2;
  const Complex mid2 = a[0] + kCos2 * sum1 + kCos1 * sum2;
  const Complex side1 = kSin1 * diff1 + kSin2 * diff2;
  const Complex side2 = kSin2 * diff1 - kSin1 * diff2;
  a[0] = a[0] + sum1 + sum2;
  a[1] = mid1 + side1;
  a[2] = mid2 + side2;
  a[3] = mid2 - side2;
  a[4] = mid1 - side1;
}

/// One Stockham pass: `m` groups of R points that lie m * stride apart, `stride` transforms side by
/// side. The output comes in the order that the next pass reads.
template <int R>
void pass(int m, int stride, const Complex* w, const Complex* __restrict x, Complex* __restrict y) {
  for (int p = 0; p < m; ++p, w += R - 1) {
    for (int q = 0; q < stride; ++q) {
      Complex a[R];
      for (int j = 0; j < R; ++j) {
        a[j] = x[q + stride * (p + m * j)];
      }
      butterfly<R>(a);
      y[q + stride * R * p] = a[0];
      for (int k = 1; k < R; ++k) {
        y[q + stride * (R * p + k)] = a[k] * w[k - 1];
      }
    }
  }
}

/// The complex forward transform of fft.n / 2 points. Reads `x`, destroys it, and returns where the
/// result lies: `x` or `y`.
Complex* transform(const Fft& fft, Complex* x, Complex* y) {
  int length = fft.n / 2;
  int stride = 1;
  const auto* w = reinterpret_cast<const Complex*>(fft.twiddles);
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
    w += static_cast<ptrdiff_t>(m) * (radix - 1);
    length = m;
    stride *= radix;
    Complex* t = x;
    x = y;
    y = t;
  }
  return x;
}

/// Splits n into passes; the number of passes, or 0 where another prime is left over.
int factorise(int n, int32_t* radix) {
  int count = 0;
  for (const int r : {5, 4, 3, 2}) {
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
    for (int p = 0; p < length / radix; ++p) {
      for (int k = 1; k < radix; ++k, table += 2) {
        root_of_unity(static_cast<double>(p) * k, length, table);
      }
    }
    length /= radix;
  }
  fft.split = table;
  for (int k = 0; k <= n / 4; ++k, table += 2) {
    root_of_unity(k, n, table);
  }
  return fft;
}

void fft_forward_f32(const Fft& fft, const float* x, float* work, float* spectrum) noexcept {
  const int half = fft.n / 2;
  auto* a = reinterpret_cast<Complex*>(work);
  Complex* b = a + half;
  const auto* w = reinterpret_cast<const Complex*>(fft.split);
  auto* out = reinterpret_cast<Complex*>(spectrum);
  for (int j = 0; j < half; ++j) {
    a[j] = {x[2 * j], x[2 * j + 1]};
  }
  const Complex* z = transform(fft, a, b);
  out[0] = {z[0].re + z[0].im, 0.0f};
  out[half] = {z[0].re - z[0].im, 0.0f};
  for (int k = 1; k <= half / 2; ++k) {
    // z is the spectrum of the even samples plus i times that of the odd ones.
    const Complex mirror = {z[half - k].re, -z[half - k].im};
    const Complex even = 0.5f * (z[k] + mirror);
    const Complex odd = w[k] * (0.5f * turn(z[k] - mirror));
    out[k] = even + odd;
    out[half - k] = {even.re - odd.re, odd.im - even.im};
  }
}

void fft_inverse_f32(const Fft& fft, const float* spectrum, float* work, float* x) noexcept {
  const int half = fft.n / 2;
  auto* a = reinterpret_cast<Complex*>(work);
  Complex* b = a + half;
  const auto* w = reinterpret_cast<const Complex*>(fft.split);
  const auto* in = reinterpret_cast<const Complex*>(spectrum);
  const float scale = 0.5f / static_cast<float>(half);
  // The forward transform run on conjugates is the inverse one; so `a` holds the conjugate of even
  // + i * odd.
  a[0] = {scale * (in[0].re + in[half].re), -scale * (in[0].re - in[half].re)};
  for (int k = 1; k <= half / 2; ++k) {
    const Complex mirror = {in[half - k].re, -in[half - k].im};
    const Complex even = scale * (in[k] + mirror);
    const Complex odd = Complex{w[k].re, -w[k].im} * (scale * (in[k] - mirror));
    a[k] = {even.re - odd.im, -(even.im + odd.re)};
    a[half - k] = {even.re + odd.im, even.im - odd.re};
  }
  const Complex* z = transform(fft, a, b);
  for (int j = 0; j < half; ++j) {
    x[2 * j] = z[j].re;
    x[2 * j + 1] = -z[j].im;
  }
}

}  // namespace ligero
