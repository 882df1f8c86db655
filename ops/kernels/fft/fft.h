// SPDX-License-Identifier: Apache-2.0
// Discrete Fourier transform of real frames, in the caller's memory. Not: windows, overlap, scaling
// conventions of an STFT (ops/stft.cc, ops/istft.cc).
#ifndef LIGERO_OPS_KERNELS_FFT_FFT_H_
#define LIGERO_OPS_KERNELS_FFT_FFT_H_

#include <cstddef>
#include <cstdint>

namespace ligero {

/// Longest transform, in samples. Bounds what a model file may ask for.
inline constexpr int kMaxFftSamples = 4096;

/// A transform of n real samples, worked out once. It points into the memory given to
/// fft_prepare().
///
///   forward: X[k] = sum_j x[j] exp(-2 pi i j k / n), k = 0 .. n/2
///   inverse: x[j] = 1/n sum_k X[k] exp(+2 pi i j k / n), X[n-k] = conj X[k];
///            the imaginary parts of X[0] and X[n/2] are ignored
///
/// Both run as one complex transform of n/2 points (Stockham, radix 4, 5, 3, 2) and one pass that
/// splits even from odd samples. Arithmetic is float32, twiddle factors are rounded from double;
/// the error stays below 1e-6 of the largest value.
struct Fft {
  static constexpr int kMaxPasses = 12;  // log2(kMaxFftSamples)

  int32_t n = 0;
  int32_t num_passes = 0;
  int32_t radix[kMaxPasses] = {};
  const float* twiddles = nullptr;  ///< per pass [radix - 1][2][n / radix]
  const float* split = nullptr;     ///< exp(-2 pi i k / n), [n/4 + 1][2]

  int bins() const {
    return n / 2 + 1;
  }
};

/// True for the lengths there are: even, 4 .. kMaxFftSamples, n/2 a product of 2, 3 and 5.
bool fft_supported(int n) noexcept;

/// Floats that fft_prepare() writes. `n` must be supported.
size_t fft_table_floats(int n) noexcept;

/// Fills `table` (fft_table_floats(n) floats, which must outlive the result). Load time.
Fft fft_prepare(int n, float* table) noexcept;

/// Floats of `work` below.
constexpr size_t fft_work_floats(int n) {
  return 2 * static_cast<size_t>(n);
}

/// `x` [n] to `spectrum` [n/2 + 1][2] (re, im). No two of the three blocks may overlap.
void fft_forward_f32(const Fft& fft, const float* x, float* work, float* spectrum) noexcept;

/// `spectrum` [n/2 + 1][2] to `x` [n]. No two of the three blocks may overlap.
void fft_inverse_f32(const Fft& fft, const float* spectrum, float* work, float* x) noexcept;

}  // namespace ligero

#endif  // LIGERO_OPS_KERNELS_FFT_FFT_H_
