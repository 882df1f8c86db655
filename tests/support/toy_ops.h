// SPDX-License-Identifier: Apache-2.0
// Tiny ops of every time behaviour, to test plans and runs without the real ones.
#ifndef LIGERO_TESTS_SUPPORT_TOY_OPS_H_
#define LIGERO_TESTS_SUPPORT_TOY_OPS_H_

#include <algorithm>
#include <deque>
#include <random>
#include <string>
#include <vector>

#include "runtime/op.h"

namespace ligero::toy {

/// Uniform values in [-1, 1).
inline std::vector<float> noise(size_t n, unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> uniform(-1, 1);
  std::vector<float> x(n);
  for (float& v : x) {
    v = uniform(random);
  }
  return x;
}

inline Status same_shape(const OpContext& c, Inference* i) {
  i->outputs[0].set(i->outputs[0].kind, c.input(0).bins(), c.input(0).channels());
  return {};
}

/// y(t) = sum of x(t-past .. t+future), weighted by distance so that mistakes show.
struct Window {
  int32_t past;
  int32_t future;
};
inline Status window_parse(const Node& node, void* options) {
  LIGERO_CHECK(node.attributes.size() == 2, Code::kBadModel, "window has past and future");
  *static_cast<Window*>(options) = {node.attributes[0].ints[0], node.attributes[1].ints[0]};
  return {};
}
inline Status window_infer(const OpContext& c, Inference* i) {
  const auto [past, future] = c.options<Window>();
  i->time[0] = {TimeUse::kWindow, past, future};
  return same_shape(c, i);
}
inline void window_run(const RunContext& c) noexcept {
  const auto [past, future] = c.options<Window>();
  const int64_t row = c.input(0).elements();
  for (int64_t t = 0; t < c.frames; ++t) {
    for (int64_t e = 0; e < row; ++e) {
      float sum = 1;  // a bias, so that zero input does not give zero output
      for (int64_t d = -past; d <= future; ++d) {
        sum += static_cast<float>(d + past + 1) * c.x(0)[(t + d) * row + e];
      }
      c.out[0][t * row + e] = sum * 0.1f;
    }
  }
}
inline const Op kWindow{"window", 1, window_parse, window_infer, nullptr, nullptr, window_run};

/// y = a + b, b a sequence or a constant.
inline void add_run(const RunContext& c) noexcept {
  const int64_t row = c.input(0).elements();
  const bool constant = c.input(1).kind == Kind::kConstant;
  for (int64_t i = 0; i < c.frames * row; ++i) {
    c.out[0][i] = c.x(0)[i] + c.x(1)[constant ? i % row : i];
  }
}
inline const Op kAdd{"add", 1, nullptr, same_shape, nullptr, nullptr, add_run, true};

/// y(t) = 0.5 y(t-1) + x(t).
inline Status decay_infer(const OpContext& c, Inference* i) {
  i->time[0].use = TimeUse::kRecurrent;
  return same_shape(c, i);
}
inline Status decay_measure(const OpContext& c, Needs* n) {
  n->state_bytes = static_cast<size_t>(c.input(0).elements()) * sizeof(float);
  n->scratch_bytes = 64;
  return {};
}
inline void decay_run(const RunContext& c) noexcept {
  const int64_t row = c.input(0).elements();
  auto* state = static_cast<float*>(c.state);
  for (int64_t t = 0; t < c.frames; ++t) {
    for (int64_t e = 0; e < row; ++e) {
      state[e] = 0.5f * state[e] + c.x(0)[t * row + e];
      c.out[0][t * row + e] = state[e];
    }
  }
}
inline const Op kDecay{"decay", 1, nullptr, decay_infer, decay_measure, nullptr, decay_run};

/// Reads the whole sequence.
inline Status whole_infer(const OpContext& c, Inference* i) {
  i->time[0].use = TimeUse::kWhole;
  return same_shape(c, i);
}

/// The mean over all frames, a constant.
inline Status mean_infer(const OpContext& c, Inference* i) {
  LIGERO_RETURN_IF_ERROR(whole_infer(c, i));
  i->outputs[0].kind = Kind::kConstant;
  return {};
}
inline float mean_of(const RunContext& c, int64_t e) {
  const int64_t row = c.input(0).elements();
  float sum = 0;
  for (int64_t t = -c.before; t < c.frames + c.after; ++t) {
    sum += c.x(0)[t * row + e];
  }
  return sum / static_cast<float>(c.before + c.frames + c.after);
}
inline void mean_run(const RunContext& c) noexcept {
  for (int64_t e = 0; e < c.input(0).elements(); ++e) {
    c.out[0][e] = mean_of(c, e);
  }
}
inline const Op kMean{"mean", 1, nullptr, mean_infer, nullptr, nullptr, mean_run};

/// y(t) = x(t) + the mean over all frames.
inline void spread_run(const RunContext& c) noexcept {
  const int64_t row = c.input(0).elements();
  for (int64_t i = 0; i < c.frames * row; ++i) {
    c.out[0][i] = c.x(0)[i] + mean_of(c, i % row);
  }
}
inline const Op kSpread{"spread", 1, nullptr, whole_infer, nullptr, nullptr, spread_run};

/// y(t) = 0.5 y(t+1) + x(t).
inline void back_run(const RunContext& c) noexcept {
  const int64_t row = c.input(0).elements();
  for (int64_t e = 0; e < row; ++e) {
    float y = 0;
    for (int64_t t = c.frames + c.after - 1; t >= 0; --t) {
      y = 0.5f * y + c.x(0)[t * row + e];
      if (t < c.frames) {
        c.out[0][t * row + e] = y;
      }
    }
  }
}
inline const Op kBack{"back", 1, nullptr, whole_infer, nullptr, nullptr, back_run};

/// y(t) = x(t), though it says that it needs everything.
inline void pass_run(const RunContext& c) noexcept {
  std::copy_n(c.x(0), c.frames * c.input(0).elements(), c.out[0]);
}
inline const Op kPass{"pass", 1, nullptr, whole_infer, nullptr, nullptr, pass_run};

inline const Op* const kAll[] = {&kWindow, &kAdd, &kDecay, &kMean, &kSpread, &kBack, &kPass};
inline OpTable table() {
  return OpTable{kAll};
}

/// A graph being written by a test. Tensors are added in order; addresses stay valid.
struct Sketch {
  std::deque<std::string> names;
  std::deque<std::vector<int32_t>> lists;
  std::deque<std::vector<Attribute>> attributes;
  std::vector<Tensor> tensors;
  std::vector<Node> nodes;
  std::vector<int32_t> inputs, outputs;

  int32_t tensor(Kind kind, int32_t bins, int32_t channels) {
    Tensor t;
    t.name = names.emplace_back(std::string("t").append(std::to_string(tensors.size())));
    t.kind = kind;
    t.rank = 2;
    t.dim[0] = bins;
    t.dim[1] = channels;
    tensors.push_back(t);
    return static_cast<int32_t>(tensors.size()) - 1;
  }
  int32_t input(Kind kind, int32_t bins, int32_t channels) {
    inputs.push_back(tensor(kind, bins, channels));
    return inputs.back();
  }
  int32_t node(const Op& op, std::vector<int32_t> in, int past = 0, int future = 0) {
    const Tensor& x = tensors[static_cast<size_t>(in[0])];
    const int32_t out = tensor(&op == &kMean ? Kind::kConstant : x.kind, x.bins(), x.channels());
    const auto& p = lists.emplace_back(std::vector<int32_t>{past});
    const auto& f = lists.emplace_back(std::vector<int32_t>{future});
    const auto& a = attributes.emplace_back(
        std::vector<Attribute>{{"past", p, {}}, {"future", f, {}}});
    const auto& ins = lists.emplace_back(std::move(in));
    const auto& outs = lists.emplace_back(std::vector<int32_t>{out});
    nodes.push_back(Node{op.name, &op, ins, outs, {}});
    if (&op == &kWindow) {
      nodes.back().attributes = a;
    }
    return out;
  }
  Graph graph() {
    return Graph{"toy", tensors, nodes, inputs, outputs};
  }
};

}  // namespace ligero::toy

#endif  // LIGERO_TESTS_SUPPORT_TOY_OPS_H_
