// SPDX-License-Identifier: Apache-2.0
// The attentive recurrent network: LSTM, attention and a split-and-add feed-forward (spec 1.1).
// A. Pandey and D. Wang, attentive recurrent network. Not: its folds for inference (converter).
#include <cmath>

#include "model/systems/blocks.h"

namespace ligero {
namespace {

constexpr int kExpansion = 4;  // the feed-forward is 4 N wide

double logistic(double x) {
  return 1.0 / (1.0 + std::exp(-x));
}

std::vector<float> logistic_of(const std::vector<float>& values) {
  std::vector<float> out;
  for (float v : values) {
    out.push_back(static_cast<float>(logistic(v)));
  }
  return out;
}

// W v + b of PyTorch's Linear `ck` in double precision, at build time.
std::vector<double> product(GraphBuilder& g, const std::string& ck, const std::vector<double>& v) {
  const auto n = v.size();
  const auto size = static_cast<int64_t>(n);
  const std::vector<float> w = g.weights().take(ck + ".weight", {size, size});
  const std::vector<float> b = g.weights().take(ck + ".bias", {size});
  std::vector<double> out;
  for (size_t i = 0; i < n; ++i) {
    double sum = b[i];
    for (size_t j = 0; j < n; ++j) {
      sum += double{w[i * n + j]} * v[j];
    }
    out.push_back(sum);
  }
  return out;
}

// w of step 4; it depends on no input.
std::vector<float> value_gate(GraphBuilder& g, const std::string& name, int size) {
  std::vector<double> v;
  for (float x : g.weights().take(name + ".g_v", {size})) {
    v.push_back(logistic(x));
  }
  const std::vector<double> s = product(g, name + ".w_s", v);
  const std::vector<double> t = product(g, name + ".w_t", v);
  std::vector<float> w;
  for (size_t i = 0; i < v.size(); ++i) {
    w.push_back(static_cast<float>(logistic(s[i]) * std::tanh(t[i])));
  }
  return w;
}

// Steps 4 and 5: query, key, value and attention, as written.
int attend(GraphBuilder& g, const std::string& name, int r, int u, const ArnOptions& o) {
  const int n = o.size;
  int q = g.linear(name + ".w_q", name + ".w_q", r, n, n);
  if (o.q_norm) {
    q = g.layer_norm(name + ".q_norm", name + ".q_norm", q, n);
  }
  const auto gate = [&](const char* gate_name) {
    return g.vector(name + gate_name + std::string(".sigmoid"),
                    logistic_of(g.weights().take(name + gate_name, {n})));
  };
  q = g.node("multiply", name + ".query", {q, gate(".g_q")});
  const int key = g.node("multiply", name + ".key", {u, gate(".g_k")});
  const int w = g.vector(name + ".value_gate", value_gate(g, name, n));
  const int value = g.node("multiply", name + ".value", {u, w});
  const float scale = 1.0f / std::sqrt(static_cast<float>(n));
  return g.node("attention",
                name + ".attention",
                {q, key, value},
                {{"axis", {static_cast<int32_t>(o.axis)}}, {"window", {o.causal ? o.window : 0}}},
                {{"scale", {scale}}});
}

// Step 8.
int feed_forward(GraphBuilder& g, const std::string& name, int z, const ArnOptions& o) {
  const int n = o.size;
  int f = g.linear(name + ".ff", name + ".ff.linear", z, n, kExpansion * n);
  f = g.node("gelu", name + ".ff.gelu", {f});
  if (o.two_linear) {
    return g.linear(name + ".ff2", name + ".ff", f, kExpansion * n, n);
  }
  return g.node("sum_chunks", name + ".ff", {f}, {{"chunks", {kExpansion}}});
}

}  // namespace

int arn(GraphBuilder& g, const std::string& name, int x, const ArnOptions& o) {
  const int n = o.size;
  if (o.norm_input) {
    x = g.layer_norm(name + ".ln_in", name + ".ln_in", x, n);
  }
  const std::string rnn = name + ".lstm";
  const int h = recurrent(g, rnn, rnn, x, {o.causal ? n : n / 2, !o.causal, o.axis});
  const int u = g.layer_norm(name + ".ln_v", name + ".ln_v", h, n);
  const int r = g.layer_norm(name + ".ln_q", name + ".ln_q", h, n);
  const int a = attend(g, name, r, u, o);
  const int y = g.node("add", name + ".residual", {r, a});
  const int z = g.layer_norm(name + ".ln_f", name + ".ln_f", y, n);
  const int s = g.layer_norm(name + ".ln_o", name + ".ln_o", y, n);
  return g.node("add", name + ".out", {s, feed_forward(g, name, z, o)});
}

}  // namespace ligero
