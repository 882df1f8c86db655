// A small network that needs no speaker, at another rate and hop, with a side output. Not: a network
// that removes noise.
#ifndef LIGERO_TESTS_SUPPORT_DENOISER_H_
#define LIGERO_TESTS_SUPPORT_DENOISER_H_

#include <string>
#include <utility>
#include <vector>

#include "model/draft.h"

namespace ligero::testing {

/// hops -> STFT -> times `gain` -> inverse STFT, and `level`, the RMS of each hop, as a side output.
inline ModelDraft denoiser(int32_t rate_hz = 24000, int32_t hop = 240, float gain = 0.5f) {
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
  const int weight = tensor("gain", Kind::kWeight, {hop + 1, 2});
  g.tensors.back().values.assign(static_cast<size_t>(hop + 1) * 2, gain);
  const int spectrum = tensor("spectrum", Kind::kSequence, {hop + 1, 2});
  const int scaled = tensor("scaled", Kind::kSequence, {hop + 1, 2});
  const int out = tensor("out", Kind::kSequence, {1, hop});
  const int level = tensor("level", Kind::kSequence, {1, 1});
  for (const auto& [op, name, from, to] : {std::tuple{"stft", "spectrum", hops, spectrum},
                                           std::tuple{"istft", "out", scaled, out}}) {
    if (std::string(op) == "istft") {
      node("multiply", "scaled", {spectrum, weight}, scaled);
    }
    node(op, name, {from}, to);
    g.nodes.back().ints = {{"window", {2 * hop}}, {"hop", {hop}}};
  }
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

}  // namespace ligero::testing

#endif  // LIGERO_TESTS_SUPPORT_DENOISER_H_
