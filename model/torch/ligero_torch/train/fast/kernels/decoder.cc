// SPDX-License-Identifier: Apache-2.0
// The decoder (two layers per band) and the deep filter behind it, forward and backward.

#include <vector>

#include "bands.h"
#include "gemm.h"
#include "norm.h"

namespace bsrnn {
namespace {

constexpr int kHistory = kTaps - 1;
constexpr int kPlaneFrames = kRows + kHistory, kPlaneBins = 272;

// Real and imaginary parts of the 32 frames from t0 of an item and the four before them.
class Planes {
 public:
  Planes() : re_(kPlaneFrames * kPlaneBins), im_(kPlaneFrames * kPlaneBins) {}
  void read(const float* spectrum, long item, long frames, long t0) {
    for (int i = 0; i < kPlaneFrames; i++) {
      const long t = t0 + i - kHistory;
      float *r = re_ + i * kPlaneBins, *m = im_ + i * kPlaneBins;
      if (t < 0) {
        std::memset(r, 0, kPlaneBins * sizeof(float));
        std::memset(m, 0, kPlaneBins * sizeof(float));
        continue;
      }
      const float* p = spectrum + (item * frames + t) * kBins * 2;
      for (int k = 0; k < kBins; k++) {
        r[k] = p[2 * k];
        m[k] = p[2 * k + 1];
      }
    }
  }
  const float* re(int row, int bin) const {
    return re_ + (row + kHistory) * kPlaneBins + bin;
  }
  const float* im(int row, int bin) const {
    return im_ + (row + kHistory) * kPlaneBins + bin;
  }

 private:
  Buffer<float> re_, im_;
};

// Y [Width] = sum over taps j of tap j times X of j frames ago; taps are [5][re, im][Width].
template <int Width>
void filter(const float* taps, const float* xr, const float* xi, float* yr, float* yi) {
  for (int k = 0; k < Width; k++) yr[k] = yi[k] = 0;
  for (int j = 0; j < kTaps; j++, xr -= kPlaneBins, xi -= kPlaneBins) {
    const float *a = taps + 2 * j * Width, *b = a + Width;
    for (int k = 0; k < Width; k++) {
      yr[k] += a[k] * xr[k] - b[k] * xi[k];
      yi[k] += a[k] * xi[k] + b[k] * xr[k];
    }
  }
}

// Gradient by the taps before their tanh, rounded, zero up to a whole vector.
template <int Width>
void filter_backward(const float* taps,
                     const float* xr,
                     const float* xi,
                     const float* dyr,
                     const float* dyi,
                     bf16* out) {
  alignas(64) float d[kTapColumns] = {};
  for (int j = 0; j < kTaps; j++, xr -= kPlaneBins, xi -= kPlaneBins) {
    const float *a = taps + 2 * j * Width, *b = a + Width;
    float *da = d + 2 * j * Width, *db = da + Width;
    for (int k = 0; k < Width; k++) {
      da[k] = (dyr[k] * xr[k] + dyi[k] * xi[k]) * (1.f - a[k] * a[k]);
      db[k] = (dyi[k] * xr[k] - dyr[k] * xi[k]) * (1.f - b[k] * b[k]);
    }
  }
  for (int n = 0; n < 2 * kTaps * Width; n += 16) store_bf16(out + n, load(d + n));
}

// Calls f.operator()<width>().
template <class F>
void with_width(int width, F f) {
  if (width == 4) return f.template operator()<4>();
  if (width == 8) return f.template operator()<8>();
  f.template operator()<16>();
}

// What both directions compute of a band for 32 frames: x normalised, n modulated, the hidden layer
// and the taps [32, 16 n_tiles].
struct Layers {
  long channels, hidden;
  std::vector<Packed> first, second;
  std::vector<Buffer<float>> bias2;  // padded to whole tiles
  Buffer<bf16> x, n, h;
  Buffer<float> products, taps;
  float rates[kRows];

  Layers(long channels, long hidden, const float* w1, const float* w2, const float* b2)
      : channels(channels),
        hidden(hidden),
        x(kRows * channels),
        n(kRows * channels),
        h(kRows * hidden),
        products(kRows * hidden),
        taps(kRows * kTapColumns) {
    for (int f = 0; f < kBands; f++) {
      const Band& band = kBand[f];
      first.emplace_back(w1 + f * channels * hidden, hidden, 1, channels, hidden);
      second.emplace_back(w2 + band.tap_at, kDecoderColumns, 1, hidden, band.taps);
      bias2.emplace_back(kTapColumns);
      std::memcpy(bias2[f], b2 + band.tap_at, band.taps * sizeof(float));
    }
  }
  // z: of frame 0 and this band, the next frame 32 channels further.
  void run(int f, const float* z, const float* scale, const float* shift, const float* b1) {
    for (int r = 0; r < kRows; r++) {
      rates[r] = normalise(z + r * kBands * channels, channels, x + r * channels);
      modulate(x + r * channels, scale, shift, channels, n + r * channels);
    }
    multiply32(n, channels, first[f], products, hidden, b1 + f * hidden, 0);
    for (long i = 0; i < kRows * hidden; i += 16) {
      store_bf16(h + i, tanh(load(products + i)));
    }
    const int columns = second[f].n_tiles * 16;
    multiply32(h, hidden, second[f], taps, columns, bias2[f], 0);
    for (int i = 0; i < kRows * columns; i += 16) {
      store(taps + i, tanh(load(taps + i)));
    }
  }
};

// Where the gradients go; all but dz are added to.
struct Gradients {
  float *z, *scale, *shift, *w1, *b1, *w2, *b2;
};

class Backward {
 public:
  Backward(long channels,
           long hidden,
           const float* w1,
           const float* b1,
           const float* w2,
           const float* b2,
           Gradients gradients)
      : C(channels),
        H(hidden),
        layers(C, H, w1, w2, b2),
        b1(b1),
        grad(gradients),
        d_taps(kRows * kTapColumns),
        d_first(kRows * H),
        dh(kRows * H),
        dn(kRows * C),
        left(H / 16 * kTile),
        right(kTapColumns / 16 * kTile) {
    for (int f = 0; f < kBands; f++) {
      first_t.emplace_back(w1 + f * C * H, 1, H, H, C);
      second_t.emplace_back(w2 + kBand[f].tap_at, 1, kDecoderColumns, kBand[f].taps, H);
    }
  }

  // Band f of 32 frames; `at` and `map`: where z and the maps of this band begin.
  void run(int f,
           const float* z,
           long at,
           const float* scale,
           const float* shift,
           long map,
           const Planes& x,
           const Planes& dy) {
    layers.run(f, z + at, scale + map, shift + map, b1);
    second_layer(f, x, dy);
    first_layer(f);
    multiply32(d_first, H, first_t[f], dn, C, nullptr, 0);
    for (int r = 0; r < kRows; r++) {
      norm_backward(dn + r * C,
                    layers.x + r * C,
                    scale + map,
                    layers.rates[r],
                    C,
                    nullptr,
                    grad.scale + map,
                    grad.shift + map,
                    grad.z + at + r * kBands * C);
    }
  }

 private:
  void second_layer(int f, const Planes& x, const Planes& dy) {
    const Band& band = kBand[f];
    const int n_tiles = layers.second[f].n_tiles, columns = n_tiles * 16;
    for (int r = 0; r < kRows; r++) {
      with_width(band.width, [&]<int Width>() {
        filter_backward<Width>(layers.taps + r * columns,
                               x.re(r, band.start),
                               x.im(r, band.start),
                               dy.re(r, band.start),
                               dy.im(r, band.start),
                               d_taps + r * columns);
      });
    }
    for (int v = 0; v < columns; v += 16) {
      f32x16 sum = zero();
      for (int r = 0; r < kRows; r++) {
        sum = add(sum, load_bf16(d_taps + r * columns + v));
      }
      add_to(grad.b2 + f * kTapColumns + v, sum);
    }
    left_tiles(layers.h, H, H / 16, left, kTile);
    right_tiles(d_taps, columns, n_tiles, right, kTile);
    add_products(left, H / 16, right, n_tiles, 1, 1, grad.w2 + f * H * kTapColumns, kTapColumns);
    multiply32(d_taps, columns, second_t[f], dh, H, nullptr, 0);
  }

  void first_layer(int f) {
    for (long v = 0; v < H; v += 16) {
      f32x16 sum = zero();
      for (int r = 0; r < kRows; r++) {
        const f32x16 h = load_bf16(layers.h + r * H + v);
        const f32x16 slope = fnmadd(h, h, all(1.f));
        const f32x16 d = mul(load(dh + r * H + v), slope);
        sum = add(sum, d);
        store_bf16(d_first + r * H + v, d);
      }
      add_to(grad.b1 + f * H + v, sum);
    }
    left_tiles(layers.n, C, C / 16, left, kTile);
    right_tiles(d_first, H, H / 16, right, kTile);
    add_products(left, C / 16, right, H / 16, 1, 1, grad.w1 + f * C * H, H);
  }

  const long C, H;
  Layers layers;
  const float* b1;
  const Gradients grad;
  std::vector<Packed> first_t, second_t;
  Buffer<bf16> d_taps, d_first;
  Buffer<float> dh, dn;
  Buffer<bf16> left, right;
};

}  // namespace

// z [batch, frames, 32, C]; scale, shift [batch, 32, C]; w1 [32, C, hidden]; b1 [32, hidden]; w2
// [hidden, 2560] and b2 [2560], columns band by band [5 taps][re, im][bins]; spectrum and y [batch,
// frames, 257] of complex. frames, hidden: multiples of 32.
extern "C" void decoder_forward(long batch,
                                long frames,
                                long channels,
                                long hidden,
                                const float* z,
                                const float* scale,
                                const float* shift,
                                const float* w1,
                                const float* b1,
                                const float* w2,
                                const float* b2,
                                const float* spectrum,
                                float* y) {
  const FlushDenormals flush;
  const Tiles tiles;
  Layers layers(channels, hidden, w1, w2, b2);
  Planes x;
  for (long u = 0; u < batch * frames / kRows; u++) {
    const long item = u * kRows / frames;
    x.read(spectrum, item, frames, u * kRows % frames);
    for (int f = 0; f < kBands; f++) {
      const Band& band = kBand[f];
      const long map = (item * kBands + f) * channels, columns = layers.second[f].n_tiles * 16;
      layers.run(f, z + (u * kRows * kBands + f) * channels, scale + map, shift + map, b1);
      for (int r = 0; r < kRows; r++) {
        float yr[16], yi[16];
        with_width(band.width, [&]<int Width>() {
          filter<Width>(
              layers.taps + r * columns, x.re(r, band.start), x.im(r, band.start), yr, yi);
        });
        float* out = y + ((u * kRows + r) * kBins + band.start) * 2;
        for (int k = 0; k < band.width; k++) {
          out[2 * k] = yr[k];
          out[2 * k + 1] = yi[k];
        }
      }
    }
    for (int r = 0; r < kRows; r++) {
      float* last = y + ((u * kRows + r) * kBins + kBins - 1) * 2;
      last[0] = last[1] = 0;
    }
  }
}

// dz like z; the others like what they are gradients of and zero at the start, but dw2 [32, hidden,
// 160] and db2 [32, 160] (the first columns of each band count).
extern "C" void decoder_backward(long batch,
                                 long frames,
                                 long channels,
                                 long hidden,
                                 const float* dy,
                                 const float* z,
                                 const float* scale,
                                 const float* shift,
                                 const float* w1,
                                 const float* b1,
                                 const float* w2,
                                 const float* b2,
                                 const float* spectrum,
                                 float* dz,
                                 float* d_scale,
                                 float* d_shift,
                                 float* dw1,
                                 float* db1,
                                 float* dw2,
                                 float* db2) {
  const FlushDenormals flush;
  const Tiles tiles;
  Backward backward(channels, hidden, w1, b1, w2, b2, {dz, d_scale, d_shift, dw1, db1, dw2, db2});
  Planes x, d;
  for (long u = 0; u < batch * frames / kRows; u++) {
    const long item = u * kRows / frames;
    x.read(spectrum, item, frames, u * kRows % frames);
    d.read(dy, item, frames, u * kRows % frames);
    for (int f = 0; f < kBands; f++) {
      backward.run(f,
                   z,
                   (u * kRows * kBands + f) * channels,
                   scale,
                   shift,
                   (item * kBands + f) * channels,
                   x,
                   d);
    }
  }
}

}  // namespace bsrnn
