// SPDX-License-Identifier: Apache-2.0
// A small network that needs no speaker, at another rate and hop, with a side output. Not: a network
// that removes noise.
#ifndef LIGERO_TESTS_SUPPORT_DENOISER_H_
#define LIGERO_TESTS_SUPPORT_DENOISER_H_

#include <string>
#include <utility>
#include <vector>

#include "model/draft.h"

namespace ligero::testing {

/// The windows of the denoiser, as attributes of stft and istft (ops/OPS.md).
struct DenoiserWindows {
  int32_t window = 480;
  int32_t synthesis_samples = 0;
  int32_t analysis = 0;
  int32_t synthesis = 0;
  int32_t look_ahead = 0;  ///< hops, of a convolution that gives back what it gets
};

/// hops -> STFT -> times `gain` -> [convolution] -> inverse STFT, and `level`, the RMS of each hop, as
/// a side output.
inline ModelDraft denoiser(int32_t rate_hz, int32_t hop, float gain, const DenoiserWindows& w) {
  GraphDraft g;
  g.name = "extract";
  const auto tensor = [&](const char* name, Kind kind, std::vector<int32_t> dims) {
    TensorDraft t;
    t.name = name;
    t.kind = kind;
    t.dims = std::move(dims);
    g.tensors.push_back(t);
    return static_cast<int>(g.tensors.size()) - 1;
  };
  const auto node = [&](const char* op, const char* name, std::vector<int> in, int out) {
    NodeDraft n;
    n.name = name;
    n.op = op;
    n.inputs = std::move(in);
    n.outputs = {out};
    g.nodes.push_back(n);
  };
  const int hops = tensor("hops", Kind::kSequence, {1, hop});
  const int32_t bins = w.window / 2 + 1;
  const int weight = tensor("gain", Kind::kWeight, {bins, 2});
  g.tensors.back().values.assign(static_cast<size_t>(bins) * 2, gain);
  const int spectrum = tensor("spectrum", Kind::kSequence, {bins, 2});
  const int scaled = tensor("scaled", Kind::kSequence, {bins, 2});
  const int out = tensor("out", Kind::kSequence, {1, hop});
  const int level = tensor("level", Kind::kSequence, {1, 1});
  const auto transform = [&](const char* op, const char* name, int from, int to) {
    node(op, name, {from}, to);
    g.nodes.back().ints = {{"window", {w.window}},
                           {"hop", {hop}},
                           {"synthesis_samples", {w.synthesis_samples}},
                           {"analysis", {w.analysis}},
                           {"synthesis", {w.synthesis}}};
  };
  transform("stft", "spectrum", hops, spectrum);
  node("multiply", "scaled", {spectrum, weight}, scaled);
  int voice = scaled;
  if (w.look_ahead > 0) {
    voice = tensor("ahead", Kind::kSequence, {bins, 2});
    const int taps = tensor("taps", Kind::kWeight, {2 * (w.look_ahead + 1), 2});
    g.tensors.back().layout = Layout::kPanels;
    g.tensors.back().values.assign(static_cast<size_t>(w.look_ahead + 1) * 4, 0.0f);
    g.tensors.back().values[0] = g.tensors.back().values[3] = 1.0f;  // the oldest frame as it is
    node("conv2d", "ahead", {scaled, taps}, voice);
    g.nodes.back().ints = {{"kernel_t", {w.look_ahead + 1}},
                           {"kernel_f", {1}},
                           {"past", {0}},
                           {"future", {w.look_ahead}}};
  }
  transform("istft", "out", voice, out);
  node("rms", "level", {hops}, level);
  g.inputs = {hops};
  g.outputs = {out, level};
  ModelDraft m;
  m.graphs = {g};
  m.metadata = {{"name", "denoiser"}};
  m.family = std::string(64, 'd');
  m.rate_hz = rate_hz;
  m.hop_samples = hop;
  return m;
}

inline ModelDraft denoiser(int32_t rate_hz = 24000, int32_t hop = 240, float gain = 0.5f) {
  return denoiser(rate_hz, hop, gain, {.window = 2 * hop});
}

}  // namespace ligero::testing

#endif  // LIGERO_TESTS_SUPPORT_DENOISER_H_
