// SPDX-License-Identifier: Apache-2.0
// The 32 bands of 256 bins, and where each lies in the encoder's and the decoder's matrices.
#pragma once

#include <array>

namespace bsrnn {

constexpr int kBands = 32, kRows = 32;  // kRows: rows of a unit of work
constexpr int kBins = 257;              // the last one belongs to no band
constexpr int kPlanes = 7;              // features of a bin
constexpr int kTaps = 5;                // frames of the deep filter
constexpr int kTapColumns = 160;        // 5 taps x (re, im) x 16 bins, the most of a band

constexpr int band_width(int f) {
  return f < 16 ? 4 : f < 24 ? 8 : 16;
}

struct Band {
  int start, width;   // bins
  int inputs;         // of the encoder: 7 planes of width + 2 bins
  int inputs_padded;  // to whole tiles of 32
  int input_at;       // first of its inputs in a row of features
  int weight_at;      // first of its rows in the encoder's matrix
  int taps;           // outputs of the decoder: 10 width
  int tap_at;         // first of its columns in the decoder's second matrix
};

constexpr std::array<Band, kBands> make_bands() {
  std::array<Band, kBands> bands{};
  int start = 0, input_at = 0, weight_at = 0;
  for (int f = 0; f < kBands; f++) {
    const int width = band_width(f), inputs = kPlanes * (width + 2);
    const int padded = (inputs + 31) / 32 * 32;
    bands[f] = {
        start, width, inputs, padded, input_at, weight_at, 2 * kTaps * width, 2 * kTaps * start};
    start += width;
    input_at += padded;
    weight_at += inputs;
  }
  return bands;
}

constexpr std::array<Band, kBands> kBand = make_bands();
constexpr int kFeatures = kBand[31].input_at + kBand[31].inputs_padded;  // 2816
constexpr int kEncoderRows = kBand[31].weight_at + kBand[31].inputs;     // 2240
constexpr int kDecoderColumns = kBand[31].tap_at + kBand[31].taps;       // 2560

}  // namespace bsrnn
