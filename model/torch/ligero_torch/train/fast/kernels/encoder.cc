// SPDX-License-Identifier: Apache-2.0
// The features of a spectrum, and the encoder: one linear map per band.

#include <vector>

#include "bands.h"
#include "gemm.h"

namespace bsrnn {
namespace {

constexpr int kOrigin = 8;  // bin k of a plane lies at kOrigin + k, zeros around
constexpr int kPlaneLength = 288;

// log2(p) of normal positive numbers; absolute error 3e-5.
f32x16 log2(f32x16 p) {
  f32x16 exponent, m;
  split(p, exponent, m);
  f32x16 l = all(0.0439286f);
  l = fmadd(l, m, all(-0.4094756f));
  l = fmadd(l, m, all(1.6101775f));
  l = fmadd(l, m, all(-3.5202189f));
  l = fmadd(l, m, all(5.0697556f));
  l = fmadd(l, m, all(-2.7941537f));
  return add(exponent, l);
}

// Three planes of a frame: compressed and standardised real part, imaginary part, magnitude.
void compress(const float* spectrum,
              float gain,
              const float* complex_scale,
              const float* magnitude_mean,
              const float* magnitude_scale,
              float power,
              float* planes) {
  const f32x16 level = all(gain);
  float *re = planes + kOrigin, *im = re + kPlaneLength, *magnitude = im + kPlaneLength;
  for (int k = 0; k < 272; k += 16) {
    const int bins = k < 256 ? 16 : 1;
    f32x16 r, i;
    if (k < 256) {
      load_complex(spectrum + 2 * k, r, i);
    } else {
      r = load_first(1, spectrum + 512);
      i = load_first(1, spectrum + 513);
    }
    r = mul(r, level);
    i = mul(i, level);
    const f32x16 p = fmadd(r, r, fmadd(i, i, all(1e-8f)));
    const f32x16 factor = exp2(mul(log2(p), all((power - 1) / 2)));
    const f32x16 scale = load_first(bins, complex_scale + k);
    const f32x16 mean = load_first(bins, magnitude_mean + k);
    const f32x16 m = fmsub(root(p), factor, mean);
    storeu(re + k, mul(mul(r, factor), scale));
    storeu(im + k, mul(mul(i, factor), scale));
    storeu(magnitude + k, mul(m, load_first(bins, magnitude_scale + k)));
  }
}

}  // namespace

// spectrum [batch, frames, 257] of complex; gain [batch, frames]; complex_scale, magnitude_mean,
// magnitude_scale [257] -> out bf16 [batch, frames, kFeatures]: band by band, the seven planes (re,
// im, magnitude; re, im of the frame before; re, im of the one before that) of width + 2 bins.
extern "C" void features(long batch,
                         long frames,
                         float power,
                         const float* spectrum,
                         const float* gain,
                         const float* complex_scale,
                         const float* magnitude_mean,
                         const float* magnitude_scale,
                         bf16* out) {
  const FlushDenormals flush;
  Buffer<float> ring[3] = {Buffer<float>(3 * kPlaneLength),
                           Buffer<float>(3 * kPlaneLength),
                           Buffer<float>(3 * kPlaneLength)};
  for (long b = 0; b < batch; b++) {
    for (float* planes : {(float*)ring[1], (float*)ring[2]}) {
      std::memset(planes, 0, 3 * kPlaneLength * sizeof(float));
    }
    for (long t = 0; t < frames; t++) {
      const long at = b * frames + t;
      float *now = ring[t % 3], *before = ring[(t + 2) % 3], *two_before = ring[(t + 1) % 3];
      compress(spectrum + at * kBins * 2,
               gain[at],
               complex_scale,
               magnitude_mean,
               magnitude_scale,
               power,
               now);
      const float* planes[kPlanes] = {now,
                                      now + kPlaneLength,
                                      now + 2 * kPlaneLength,
                                      before,
                                      before + kPlaneLength,
                                      two_before,
                                      two_before + kPlaneLength};
      for (const Band& band : kBand) {
        bf16* o = out + at * kFeatures + band.input_at;
        const int bins = band.width + 2;
        for (const float* plane : planes) {
          const float* p = plane + kOrigin + band.start - 1;
          for (int k = 0; k < bins; k += 16) {
            store_bf16_first(bins - k, o + k, load_first(bins - k, p + k));
          }
          o += bins;
        }
        std::memset(o, 0, (band.inputs_padded - band.inputs) * sizeof(bf16));
      }
    }
  }
}

// in: what `features` made; w [kEncoderRows, C] band by band; bias [batch, 32, C] -> z [batch,
// frames, 32, C]. frames: a multiple of 32.
extern "C" void encoder_forward(long batch,
                                long frames,
                                long channels,
                                const bf16* in,
                                const float* w,
                                const float* bias,
                                float* z) {
  const FlushDenormals flush;
  const Tiles tiles;
  const long C = channels;
  std::vector<Packed> weights;
  for (const Band& band : kBand) {
    weights.emplace_back(w + band.weight_at * C, C, 1, band.inputs, C);
  }
  for (long u = 0; u < batch * frames / kRows; u++) {
    const long item = u * kRows / frames;
    for (int f = 0; f < kBands; f++) {
      multiply32(in + u * kRows * kFeatures + kBand[f].input_at,
                 kFeatures,
                 weights[f],
                 z + (u * kRows * kBands + f) * C,
                 kBands * C,
                 bias + (item * kBands + f) * C,
                 0);
    }
  }
}

// dw [32, 128, C] (the first `inputs` rows of each band count) and d_bias [batch, 32, C]: zero at
// the start.
extern "C" void encoder_backward(long batch,
                                 long frames,
                                 long channels,
                                 const float* dz,
                                 const bf16* in,
                                 float* dw,
                                 float* d_bias) {
  const FlushDenormals flush;
  const Tiles tiles;
  const long C = channels;
  Buffer<bf16> rounded(kRows * C), input_tiles(8 * kTile), dz_tiles(C / 16 * kTile);
  for (long u = 0; u < batch * frames / kRows; u++) {
    const long item = u * kRows / frames;
    for (int f = 0; f < kBands; f++) {
      for (long v = 0; v < C; v += 16) {
        f32x16 sum = zero();
        for (int r = 0; r < kRows; r++) {
          const f32x16 d = loadu(dz + ((u * kRows + r) * kBands + f) * C + v);
          sum = add(sum, d);
          store_bf16(rounded + r * C + v, d);
        }
        add_to(d_bias + (item * kBands + f) * C + v, sum);
      }
      const int k_tiles = kBand[f].inputs_padded / 16;
      left_tiles(
          in + u * kRows * kFeatures + kBand[f].input_at, kFeatures, k_tiles, input_tiles, kTile);
      right_tiles(rounded, C, C / 16, dz_tiles, kTile);
      add_products(input_tiles, k_tiles, dz_tiles, C / 16, 1, 1, dw + f * 128 * C, C);
    }
  }
}

}  // namespace bsrnn
