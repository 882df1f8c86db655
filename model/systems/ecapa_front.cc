// SPDX-License-Identifier: Apache-2.0
// The front ends of ECAPA-TDNN's public implementations: hops to 80 log mel energies (spec 3.2).
// Not: the network (ecapa_tdnn.cc), nor the frames and logarithms (ops/fbank.cc).
#include <algorithm>
#include <cmath>

#include "model/systems/ecapa_tdnn.h"

namespace ligero {
namespace {

constexpr int kMels = 80;
constexpr int kWindowSamples = 400;  // 25 ms
constexpr int kHopSamples = 160;
constexpr double kTopHz = 8000.0;
constexpr float kRangeDb = 80.0f;             // SpeechBrain: kept below the loudest bin
constexpr float kSixteenBitScale = 32768.0f;  // Kaldi counts samples as 16-bit integers

struct FrontEnd {
  int n_fft;
  int recipe;  // of ops/fbank.cc
  double lowest_hz;
  double highest_hz;
  double mel_scale;  // mel = scale * ln(1 + hz / 700)
  bool slopes_in_mel;
  bool lower_edges_only;  // both slopes use the distance to the next lower edge
  bool sixteen_bit;       // samples count as 16-bit integers, else full scale is 1
  bool range;             // levels far below the loudest bin are raised
};

constexpr double kHtk = 1126.9941805389;  // 2595 / ln 10: mel = 2595 log10(1 + hz / 700)
constexpr double kKaldi = 1127.0;

// In the order of EcapaFront.
constexpr FrontEnd kFrontEnds[] = {
    {400, 0, 0.0, 8000.0, kHtk, false, true, false, true},
    {512, 1, 20.0, 7600.0, kHtk, false, false, false, false},
    {512, 2, 20.0, 8000.0, kKaldi, true, false, true, false},
    {512, 3, 20.0, 8000.0, kKaldi, true, false, true, false},
    {512, 3, 20.0, 8000.0, kKaldi, true, false, false, false},
};

const FrontEnd& front_end(EcapaFront front) {
  return kFrontEnds[static_cast<size_t>(front)];
}

}  // namespace

std::vector<float> mel_filters(EcapaFront front) {
  const FrontEnd& f = front_end(front);
  const auto mel = [&](double hz) { return f.mel_scale * std::log1p(hz / 700.0); };
  const double lowest = mel(f.lowest_hz);
  const double step = (mel(f.highest_hz) - lowest) / (kMels + 1);
  double edges[kMels + 2];
  for (int m = 0; m < kMels + 2; ++m) {
    const double at = lowest + step * m;
    edges[m] = f.slopes_in_mel ? at : 700.0 * std::expm1(at / f.mel_scale);
  }
  const int last = f.n_fft / 2;
  std::vector<float> filters;
  for (int bin = 0; bin <= last; ++bin) {
    const double hz = kTopHz * bin / last;
    const double at = f.slopes_in_mel ? mel(hz) : hz;
    for (int m = 0; m < kMels; ++m) {
      const double below = edges[m + 1] - edges[m];
      const double above = f.lower_edges_only ? below : edges[m + 2] - edges[m + 1];
      const double rising = 1.0 + (at - edges[m + 1]) / below;
      const double falling = 1.0 - (at - edges[m + 1]) / above;
      filters.push_back(static_cast<float>(std::max(0.0, std::min(rising, falling))));
    }
  }
  return filters;
}

int anchor_fbank(GraphBuilder& g, int hops, EcapaFront front) {
  const FrontEnd& f = front_end(front);
  if (f.sixteen_bit) {
    const int scale = g.matrix("sixteen_bit_scale", 1, 1, {kSixteenBitScale});
    hops = g.node("multiply", "anchor.sixteen_bit", {hops, scale});
  }
  const int mel = g.matrix("mel_filters", f.n_fft / 2 + 1, kMels, mel_filters(front));
  Ints ints = {{"window", {kWindowSamples}},
               {"n_fft", {f.n_fft}},
               {"hop", {kHopSamples}},
               {"past", {2}},
               {"future", {1}}};
  if (f.recipe != 0) {
    ints["recipe"] = {f.recipe};
  }
  int x = g.node("fbank", "anchor.fbank.raw", {hops, mel}, ints);
  if (f.range) {
    x = g.node("floor_db", "anchor.fbank.log", {x}, {}, {{"range", {kRangeDb}}});
  }
  const int mean = g.node("time_mean", "anchor.fbank.mean", {x});
  return g.node("subtract", "anchor.fbank", {x, mean});
}

}  // namespace ligero
