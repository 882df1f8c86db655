// SPDX-License-Identifier: Apache-2.0
// Recurrent layers from a checkpoint's tensors. Not: what surrounds them.
#include "model/systems/recurrent.h"

#include <utility>

namespace ligero {
namespace {

constexpr int kLstmGates = 4;  // i, f, g, o
constexpr int kGruGates = 3;   // r, z, n

// One direction; `suffix` is that of its parameters.
int direction(GraphBuilder& g,
              const std::string& ck,
              const std::string& suffix,
              const std::string& name,
              int x,
              const RecurrentShape& shape) {
  const bool is_gru = shape.cell == Cell::kGru;
  const int gates = (is_gru ? kGruGates : kLstmGates) * shape.hidden;
  const auto weight = [&](const std::string& key, int columns) {
    const std::string full = ck + key + suffix;
    return g.panels(
        full, columns, gates, transposed(g.weights().take(full, {gates, columns}), gates, columns));
  };
  std::vector<float> bias = g.weights().take(ck + ".bias_ih" + suffix, {gates});
  std::vector<float> bias_hh = g.weights().take(ck + ".bias_hh" + suffix, {gates});
  std::vector<int> inputs = {
      x, weight(".weight_ih", g.channels(x)), weight(".weight_hh", shape.hidden)};
  if (is_gru) {
    inputs.push_back(g.vector(ck + ".bias_ih" + suffix, std::move(bias)));
    inputs.push_back(g.vector(ck + ".bias_hh" + suffix, std::move(bias_hh)));
  } else {
    for (size_t i = 0; i < bias.size(); ++i) {
      bias[i] += bias_hh[i];
    }
    inputs.push_back(g.vector(ck + ".bias" + suffix, std::move(bias)));
  }
  return g.node(is_gru ? "gru" : "lstm",
                name,
                inputs,
                {{"axis", {static_cast<int32_t>(shape.axis)}},
                 {"reverse", {suffix.ends_with("_reverse") ? 1 : 0}}});
}

}  // namespace

int recurrent(GraphBuilder& g,
              const std::string& ck,
              const std::string& name,
              int x,
              const RecurrentShape& shape) {
  if (!shape.both_ways) {
    return direction(g, ck, "_l0", name, x, shape);
  }
  const int forward = direction(g, ck, "_l0", name + ".forward", x, shape);
  const int backward = direction(g, ck, "_l0_reverse", name + ".backward", x, shape);
  return g.node("concat", name, {forward, backward});
}

}  // namespace ligero
