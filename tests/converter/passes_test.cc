// SPDX-License-Identifier: Apache-2.0
// Each pass on a small graph: what it must change, what it must leave, and that before equals
// after. Not: whole networks (convert_test.cc).
#include "converter/passes/passes.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "converter/check.h"
#include "converter/graph_edit.h"
#include "model/systems/blocks.h"
#include "model/systems/builder.h"

namespace ligero {
namespace {

constexpr uint32_t kSeed = 5;
constexpr double kTolerance = 1e-5;

// A builder whose weights are seeded values, in place of a checkpoint.
class Toy {
 public:
  explicit Toy(const std::string& name = "extract") : weights_({}), g_(name, &weights_) {}

  std::vector<float> values(size_t count, float least = -1.0f, float most = 1.0f) {
    std::uniform_real_distribution<float> draw(least, most);
    std::vector<float> out(count);
    std::generate(out.begin(), out.end(), [&] { return draw(random_); });
    return out;
  }
  int vector(const std::string& name, size_t size, float least = -1.0f, float most = 1.0f) {
    return g_.vector(name, values(size, least, most));
  }
  int panels(const std::string& name, int inner, int outputs) {
    return g_.panels(name, inner, outputs, values(static_cast<size_t>(inner * outputs)));
  }
  int linear(const std::string& name, int x, int inputs, int outputs) {
    return g_.node("linear",
                   name,
                   {x,
                    panels(name + ".w", inputs, outputs),
                    vector(name + ".b", static_cast<size_t>(outputs))});
  }
  int conv(const std::string& name, int x, int outputs, TimePadding padding = {1, 1}) {
    const int w = panels(name + ".w", 9 * g_.channels(x), outputs);
    return g_.node("conv2d",
                   name,
                   {x, w, vector(name + ".b", static_cast<size_t>(outputs))},
                   {{"kernel_t", {3}},
                    {"kernel_f", {3}},
                    {"stride_f", {2}},
                    {"past", {padding.past}},
                    {"future", {padding.future}}});
  }
  int batch_norm(const std::string& name, int x) {
    const auto size = static_cast<size_t>(g_.channels(x));
    return g_.node("batch_norm",
                   name,
                   {x,
                    vector(name + ".mean", size),
                    vector(name + ".var", size, 0.1f, 2.0f),
                    vector(name + ".gamma", size),
                    vector(name + ".beta", size)});
  }
  int layer_norm(const std::string& name, int x) {
    const auto size = static_cast<size_t>(g_.channels(x));
    return g_.node(
        "layer_norm", name, {x, vector(name + ".gamma", size), vector(name + ".beta", size)});
  }
  GraphBuilder& g() {
    return g_;
  }

 private:
  Weights weights_;
  GraphBuilder g_;
  std::mt19937 random_{kSeed};
};

ModelDraft model_of(std::vector<GraphDraft> graphs) {
  ModelDraft model;
  model.graphs = std::move(graphs);
  model.family = std::string(64, '0');
  return model;
}

ModelDraft model_of(Toy& toy) {
  return model_of(std::vector<GraphDraft>{toy.g().finish()});
}

// Runs the pass; before must equal after. Returns the number of changes.
int apply(int (*pass)(ModelDraft*, const PassOptions&), ModelDraft* model) {
  const Activations before = run_model(*model, kSeed);
  const int changes = pass(model, {});
  const Difference layers = compare(before, run_layers(*model, kSeed, before));
  const Difference whole = compare(before, run_model(*model, kSeed));
  CAPTURE(whole.worst);
  CHECK(layers.largest <= kTolerance);
  CHECK(whole.largest <= kTolerance);
  CHECK(whole.errors.contains("extract/out"));
  return changes;
}

const NodeDraft* find(const ModelDraft& model, const std::string& name, size_t graph = 0) {
  for (const NodeDraft& node : model.graphs[graph].nodes) {
    if (node.name == name) {
      return &node;
    }
  }
  return nullptr;
}

TEST_CASE("fuse_activation: into products and sums, slopes repeated for each output") {
  Toy toy;
  GraphBuilder& g = toy.g();
  int x = g.sequence("x", 7, 3);
  x = toy.conv("c", x, 4);
  x = g.node("prelu", "p", {x, toy.vector("slope", 1)});
  x = g.node("gelu", "l.gelu", {toy.linear("l", x, 4, 5)});
  x = g.node("tanh", "sum", {g.node("add", "a", {x, x})});
  g.output(g.node("sigmoid", "out", {toy.linear("m", x, 5, 3)}));
  ModelDraft model = model_of(toy);
  CHECK(apply(fuse_activation, &model) == 4);
  CHECK(model.graphs[0].nodes.size() == 4);
  CHECK(find(model, "p")->op == "conv2d");
  CHECK(find(model, "sum")->op == "add");
  CHECK(find(model, "sum")->ints.at("activation").at(0) == 3);
}

TEST_CASE("fuse_activation: not where somebody else reads the product, nor after an activation") {
  Toy toy;
  GraphBuilder& g = toy.g();
  const int x = g.sequence("x", 2, 3);
  const int y = toy.linear("l", x, 3, 3);
  const int r = g.node("relu", "r", {y});
  const int twice = g.node("tanh", "t", {g.node("relu", "s", {toy.linear("m", x, 3, 3)})});
  g.output(g.node("add", "out", {g.node("add", "a", {y, r}), twice}));
  ModelDraft model = model_of(toy);
  CHECK(apply(fuse_activation, &model) == 1);
  CHECK(find(model, "r"));
  CHECK(find(model, "t")->op == "tanh");
}

TEST_CASE("fold_batch_norm: into the product before it, with and without an activation between") {
  Toy toy;
  GraphBuilder& g = toy.g();
  int x = g.sequence("x", 7, 3);
  x = toy.batch_norm("bn1", toy.conv("c", x, 4));
  x = g.node("relu", "r", {toy.linear("l", x, 4, 6)});
  g.output(toy.batch_norm("out", x));
  ModelDraft model = model_of(toy);
  CHECK(fuse_activation(&model, {}) == 1);
  CHECK(apply(fold_batch_norm, &model) == 2);
  CHECK(model.graphs[0].nodes.size() == 2);
  CHECK(find(model, "bn1")->op == "conv2d");
  CHECK(find(model, "out")->op == "linear");
  CHECK(GraphEdit::input(*find(model, "out"), kInputPostScale) >= 0);
}

TEST_CASE("fold_batch_norm: into a convolution in groups, whose weights lie by group") {
  Toy toy;
  GraphBuilder& g = toy.g();
  const int x = g.sequence("x", 7, 4);
  const int c = g.node("conv2d",
                       "c",
                       {x, toy.panels("c.w", 3 * 4, 3)},
                       {{"kernel_t", {1}}, {"kernel_f", {3}}, {"groups", {2}}});
  g.output(toy.batch_norm("out", c));
  ModelDraft model = model_of(toy);
  CHECK(apply(fold_batch_norm, &model) == 1);
  CHECK(GraphEdit::input(*find(model, "out"), kInputPostScale) < 0);
  CHECK(GraphEdit::input(*find(model, "out"), kInputBias) >= 0);
}

TEST_CASE("fold_batch_norm: into the linear layer behind it, and around one that has no bias") {
  Toy toy;
  GraphBuilder& g = toy.g();
  int x = g.sequence("x", 1, 6);
  x = toy.batch_norm("bn", g.node("square", "s", {x}));
  g.output(g.node("linear", "out", {x, toy.panels("w", 6, 5)}));
  ModelDraft model = model_of(toy);
  CHECK(apply(fold_batch_norm, &model) == 1);
  CHECK(model.graphs[0].nodes.size() == 2);
  CHECK(GraphEdit::input(*find(model, "out"), kInputBias) >= 0);
}

TEST_CASE("fold_batch_norm: a product that others read keeps its batch norm") {
  Toy toy;
  GraphBuilder& g = toy.g();
  const int y = toy.linear("l", g.sequence("x", 1, 4), 4, 4);
  g.output(g.node("add", "out", {y, toy.batch_norm("bn", y)}));
  ModelDraft model = model_of(toy);
  CHECK(apply(fold_batch_norm, &model) == 0);
  CHECK(find(model, "bn")->op == "batch_norm");
}

TEST_CASE("fold_batch_norm: a variance below zero is refused with node and channel") {
  Toy toy;
  GraphBuilder& g = toy.g();
  g.output(toy.batch_norm("bn", toy.linear("l", g.sequence("x", 1, 4), 4, 4)));
  ModelDraft model = model_of(toy);
  for (TensorDraft& t : model.graphs[0].tensors) {
    if (t.name == "bn.var") {
      t.values[2] = -1.0f;
    }
  }
  CHECK_THROWS_WITH_AS(
      fold_batch_norm(&model, {}), doctest::Contains("bn: the variance of channel 2"), SystemError);
}

// The query, key and value of an ARN, gated, and attention along `axis`.
ModelDraft gated_attention(Axis axis, int window, const char* query_op) {
  Toy toy;
  GraphBuilder& g = toy.g();
  constexpr int kSize = 8;
  const int x = g.sequence("x", axis == Axis::kTime ? 1 : 5, kSize);
  const int u = toy.layer_norm("arn.ln_v", x);
  const int q = query_op == std::string("linear") ? toy.linear("arn.w_q", x, kSize, kSize)
                                                  : toy.layer_norm("arn.q_norm", x);
  const int query = g.node("multiply", "arn.query", {q, toy.vector("g_q", kSize)});
  const int key = g.node("multiply", "arn.key", {u, toy.vector("g_k", kSize)});
  const int value = g.node("multiply", "arn.value", {u, toy.vector("g_v", kSize)});
  const int a = g.node("attention",
                       "arn.attention",
                       {query, key, value},
                       {{"axis", {static_cast<int32_t>(axis)}}, {"window", {window}}},
                       {{"scale", {0.35f}}});
  g.output(g.node("add", "out", {x, a}));
  return model_of(toy);
}

TEST_CASE(
    "fold_gates: keys and values become one sequence, along time, in a window and along bins") {
  for (const char* query_op : {"linear", "layer_norm"}) {
    for (const auto& form : {std::pair{Axis::kTime, 0}, {Axis::kTime, 7}, {Axis::kBins, 0}}) {
      const Axis axis = form.first;
      const int window = form.second;
      CAPTURE(query_op);
      CAPTURE(window);
      ModelDraft model = gated_attention(axis, window, query_op);
      CHECK(apply(fold_gates, &model) == 1);
      const NodeDraft* context = find(model, "arn.context");
      REQUIRE(context);
      CHECK(context->inputs[1] == context->inputs[2]);
      CHECK(find(model, "arn.query_folded")->op == query_op);
      CHECK(find(model, "arn.attention")->op == "multiply");
      CHECK(!find(model, "arn.key"));
    }
  }
}

TEST_CASE(
    "fold_constants_over_time: a speaker's map moves to enroll, first and last frames equal") {
  for (TimePadding padding : {TimePadding{1, 1}, TimePadding{2, 0}, TimePadding{0, 2}}) {
    CAPTURE(padding.past);
    Toy enroll("enroll");
    const int mean = enroll.g().node("time_mean", "mean", {enroll.g().sequence("anchor", 9, 2)});
    enroll.g().output(
        enroll.g().node("reshape", "profile.local_3", {mean}, {{"bins", {9}}, {"channels", {2}}}));
    Toy toy;
    GraphBuilder& g = toy.g();
    const int x = g.sequence("x", 9, 3);
    const int constant = g.constant("profile.local_3", 9, 2);
    const int first = toy.conv("c", g.node("concat", "c.in", {x, constant}), 4, padding);
    g.output(g.node("square", "out", {first}));
    ModelDraft model = model_of({enroll.g().finish(), toy.g().finish()});
    const Activations before = run_model(model, kSeed);
    CHECK(fold_constants_over_time(&model, {}) == 1);
    CHECK(remove_identity(&model, {}) == 1);
    const Difference whole = compare(before, run_model(model, kSeed));
    CHECK(whole.largest <= kTolerance);
    CHECK(whole.errors.contains("extract/c"));
    CHECK(find(model, "profile.map_3", 0)->op == "conv2d_map");
    CHECK(model.graphs[1].tensors[static_cast<size_t>(model.graphs[1].inputs[1])].name ==
          "profile.map_3");
  }
}

TEST_CASE(
    "fold_constants_over_time: constants between sequences, for a linear layer, in its graph") {
  Toy toy;
  GraphBuilder& g = toy.g();
  const int x = g.sequence("x", 1, 3);
  const int mean = g.node("time_mean", "mean", {x});
  const int deviation = g.node("time_std", "std", {x, mean});
  const int y = g.node("square", "y", {x});
  const int joined = g.node("concat", "in", {mean, x, deviation, y});
  g.output(toy.linear("out", joined, 12, 5));
  ModelDraft model = model_of(toy);
  CHECK(apply(fold_constants_over_time, &model) == 1);
  CHECK(find(model, "out")->op == "conv2d");
  CHECK(find(model, "out.map")->op == "conv2d_map");
  CHECK(find(model, "out.const")->inputs.size() == 2);
  CHECK(find(model, "out.seq")->inputs.size() == 2);
  CHECK(!find(model, "in"));
}

TEST_CASE("fold_constants_over_time: reflected edges and shared concats stay as they are") {
  Toy toy;
  GraphBuilder& g = toy.g();
  const int x = g.sequence("x", 1, 3);
  const int joined = g.node("concat", "in", {x, g.node("time_mean", "mean", {x})});
  g.output(g.node("multiply", "out", {toy.linear("l", joined, 6, 6), joined}));
  ModelDraft model = model_of(toy);
  CHECK(apply(fold_constants_over_time, &model) == 0);
}

TEST_CASE("remove_identity: reshapes that change nothing go, an output keeps its name") {
  Toy toy;
  GraphBuilder& g = toy.g();
  const auto reshape = [&](const std::string& name, int x, int bins, int channels) {
    return g.node("reshape", name, {x}, {{"bins", {bins}}, {"channels", {channels}}});
  };
  int x = reshape("same", g.sequence("x", 4, 3), 4, 3);
  x = reshape("back", reshape("flat", g.node("square", "s", {x}), 1, 12), 2, 6);
  g.node("square", "dead", {x});
  g.output(reshape("out", g.node("sqrt", "r", {x}), 2, 6));
  ModelDraft model = model_of(toy);
  CHECK(apply(remove_identity, &model) > 0);
  CHECK(model.graphs[0].nodes.size() == 3);
  CHECK(find(model, "out")->op == "sqrt");
  CHECK(find(model, "back")->op == "reshape");
}

TEST_CASE(
    "settle_layout: the transpose before flattened products goes, the speaker's vector follows") {
  Toy enroll("enroll");
  const int mean = enroll.g().node("time_mean", "mean", {enroll.g().sequence("anchor", 1, 5)});
  enroll.g().output(enroll.linear("profile.embedding", mean, 5, 12));
  Toy toy;
  GraphBuilder& g = toy.g();
  int x = g.node("transpose", "turned", {g.sequence("x", 4, 3)});
  x = g.node("reshape", "flat", {x}, {{"bins", {1}}, {"channels", {12}}});
  x = g.node("multiply", "modulated", {x, g.constant("profile.embedding", 1, 12)});
  x = toy.layer_norm("norm", x);
  const int a = toy.linear("a", x, 12, 6);
  g.output(g.node("add", "out", {a, toy.linear("b", x, 12, 6)}));
  ModelDraft model = model_of({enroll.g().finish(), toy.g().finish()});
  CHECK(apply(settle_layout, &model) == 1);
  CHECK(!find(model, "turned", 1));
  CHECK(find(model, "norm.by_bin", 1));
  CHECK(find(model, "profile.embedding.by_bin", 0));
}

TEST_CASE("settle_layout: a flattening that something else reads stays as it is") {
  Toy toy;
  GraphBuilder& g = toy.g();
  const int turned = g.node("transpose", "turned", {g.sequence("x", 4, 3)});
  const int flat = g.node("reshape", "flat", {turned}, {{"bins", {1}}, {"channels", {12}}});
  const int y = toy.linear("a", toy.layer_norm("norm", flat), 12, 12);
  g.output(g.node("add", "out", {y, flat}));
  ModelDraft model = model_of(toy);
  CHECK(apply(settle_layout, &model) == 0);
}

TEST_CASE("choose_weight_types: matrices only") {
  Toy toy;
  GraphBuilder& g = toy.g();
  g.output(toy.linear("out", g.sequence("x", 1, 8), 8, 4));
  ModelDraft model = model_of(toy);
  PassOptions options;
  options.weights = Type::kF16;
  const Activations before = run_model(model, kSeed);
  CHECK(choose_weight_types(&model, options) == 1);
  const Difference whole = compare(before, run_model(model, kSeed));
  CHECK(whole.largest > 0.0);
  CHECK(whole.largest < 1e-3);
}

TEST_CASE("choose_weight_types: f32 is stored as f16 where nothing is lost by it") {
  Toy toy;
  GraphBuilder& g = toy.g();
  const int x = g.sequence("x", 1, 8);
  g.output(toy.linear("out", toy.linear("exact", x, 8, 8), 8, 4));
  ModelDraft model = model_of(toy);
  for (TensorDraft& t : model.graphs[0].tensors) {
    for (float& v : t.values) {
      v = t.name.starts_with("exact") ? std::ldexp(std::nearbyint(v * 1024.0f), -10) : v;
    }
  }
  const Activations before = run_model(model, kSeed);
  CHECK(choose_weight_types(&model, {Type::kF32}) == 1);
  for (const TensorDraft& t : model.graphs[0].tensors) {
    if (t.kind == Kind::kWeight && t.layout == Layout::kPanels) {
      CHECK((t.type == Type::kF16) == t.name.starts_with("exact"));
    }
  }
  CHECK(compare(before, run_model(model, kSeed)).largest == 0.0);
}

}  // namespace
}  // namespace ligero
