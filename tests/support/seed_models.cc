// SPDX-License-Identifier: Apache-2.0
// Each graph takes hops and shows a few ops, with as few weights as they need.
#include "tests/support/seed_models.h"

#include <set>
#include <stdexcept>
#include <utility>
#include <vector>

#include "model/systems/builder.h"
#include "model/systems/checkpoint.h"
#include "ops/table.h"
#include "tests/support/random.h"

namespace ligero::testing {
namespace {

// A graph from hops, with weights of seeded values.
class Seed {
 public:
  explicit Seed(const std::string& name = "extract") : weights_({}), g_(name, &weights_) {}

  int hops() {
    return g_.sequence("hops", 1, 160);
  }
  /// `bins` bins of `channels`, the first of each hop.
  int image(int bins, int channels) {
    return op("slice",
              {op("reshape", {hops()}, {{"bins", {bins}}, {"channels", {160 / bins}}})},
              {{"begin", {0}}, {"count", {channels}}});
  }
  int vector(int size) {
    return g_.vector(fresh("v"), random_.floats(static_cast<size_t>(size), 0.1f, 1.0f));
  }
  int panels(int inner, int outputs) {
    return g_.panels(
        fresh("w"), inner, outputs, random_.floats(static_cast<size_t>(inner * outputs)));
  }
  int matrix(int rows, int columns) {
    return g_.matrix(
        fresh("m"), rows, columns, random_.floats(static_cast<size_t>(rows * columns), 0.0f, 1.0f));
  }
  int op(const std::string& name,
         const std::vector<int>& inputs,
         const Ints& ints = {},
         const Floats& floats = {}) {
    return g_.node(name, fresh(name), inputs, ints, floats);
  }
  GraphBuilder& g() {
    return g_;
  }
  GraphDraft finish(int output) {
    g_.output(output);
    return g_.finish();
  }

 private:
  std::string fresh(const std::string& name) {
    return name + "_" + std::to_string(count_++);
  }

  Weights weights_;
  GraphBuilder g_;
  Random random_{7};
  int count_ = 0;
};

// Hops to hops through the spectrum.
GraphDraft spectral() {
  Seed s;
  const int hops = s.hops();
  const int gain = s.op("input_level", {s.op("rms", {hops})}, {{"mode", {1}}, {"window", {3}}});
  const int spectrum = s.op("stft", {s.op("multiply", {hops, gain})});
  const int small = s.op("compress", {spectrum}, {}, {{"exponent", {0.5f}}});
  const int level = s.op("magnitude", {small});
  const int both =
      s.op("compress", {spectrum}, {{"magnitude", {1}}}, {{"exponent", {0.3f}}});
  const int taps = s.op("concat", {both, level, level});
  const int filtered = s.op("deep_filter",
                            {taps, spectrum},
                            {{"kernel_t", {3}}, {"kernel_f", {1}}, {"past", {1}}, {"future", {1}}});
  const int turned = s.op("complex_multiply", {filtered, small});
  return s.finish(s.op("istft", {turned}));
}

// Groups of channels, shuffled; the bins at both ends of what comes back are left out.
GraphDraft groups() {
  Seed s;
  const int conv = s.op("conv2d",
                        {s.image(8, 8), s.panels(48, 4), s.vector(8)},
                        {{"kernel_t", {2}},
                         {"kernel_f", {3}},
                         {"stride_f", {2}},
                         {"pad_f", {1}},
                         {"past", {1}},
                         {"groups", {2}}});
  const int shuffled = s.op("channel_shuffle", {conv}, {{"groups", {2}}});
  return s.finish(s.op("conv2d_transposed",
                       {shuffled, s.panels(40, 4), s.vector(8), s.vector(8)},
                       {{"kernel_t", {1}},
                        {"kernel_f", {5}},
                        {"stride_f", {2}},
                        {"pad_f", {2}},
                        {"groups", {2}},
                        {"activation", {2}}}));
}

// Norms with weights and constants of every bin, bins behind each other.
GraphDraft by_bin() {
  Seed s;
  const int speaker = s.g().constant("speaker", 4, 3);
  const int x = s.image(4, 3);
  const int own = s.op("layer_norm", {x, speaker, s.matrix(4, 3)});
  const int joint = s.op("layer_norm", {x, s.vector(3), s.matrix(4, 3)}, {{"joint", {1}}});
  const int both = s.op("concat", {own, s.matrix(2, 3), joint, speaker}, {{"axis", {1}}});
  return s.finish(s.op("layer_norm", {both, s.matrix(14, 3), s.matrix(14, 3)}, {{"joint", {1}}}));
}

// A long frame of which only the end is used again, then one of many hops.
GraphDraft windows() {
  Seed s;
  const Ints shorter = {{"window", {400}},
                        {"synthesis_samples", {320}},
                        {"analysis", {2}},
                        {"synthesis", {2}}};
  const int hops = s.op("istft", {s.op("stft", {s.hops()}, shorter)}, shorter);
  const Ints longer = {{"window", {480}}, {"analysis", {1}}, {"synthesis", {1}}};
  return s.finish(s.op("istft", {s.op("stft", {hops}, longer)}, longer));
}

GraphDraft filter_bank(int recipe) {
  Seed s("enroll");
  const int bank =
      s.op("fbank", {s.hops(), s.matrix(201, 3)}, {{"recipe", {recipe}}, {"past", {2}}});
  const int level = s.op("floor_db", {bank}, {}, {{"range", {60.0f}}});
  const int shares = s.op("softmax", {level}, {{"axis", {0}}});
  const int mean = s.op("time_mean", {level, shares});
  const int spread = s.op("time_std", {level, mean, shares});
  return s.finish(s.op("concat", {mean, spread}));
}

GraphDraft convolutions() {
  Seed s;
  const int x = s.image(8, 2);
  const int conv = s.op("conv2d",
                        {x, s.panels(12, 3), s.vector(3), s.vector(3), s.vector(3), s.vector(3)},
                        {{"kernel_t", {2}},
                         {"kernel_f", {3}},
                         {"stride_f", {2}},
                         {"pad_f", {1}},
                         {"past", {1}},
                         {"future", {0}},
                         {"activation", {2}}});
  const int normed = s.op("batch_norm", {conv, s.vector(3), s.vector(3), s.vector(3), s.vector(3)});
  const int sharp =
      s.op("prelu", {s.op("layer_norm", {normed, s.vector(3), s.vector(3)}), s.vector(3)});
  const int back = s.op(
      "conv2d_transposed",
      {sharp, s.panels(18, 2), s.vector(2)},
      {{"kernel_t", {2}}, {"kernel_f", {3}}, {"stride_f", {2}}, {"past", {0}}, {"future", {1}}});
  const int turned = s.op("transpose", {back});
  return s.finish(s.op("linear", {turned, s.panels(9, 5), s.vector(5)}, {{"activation", {5}}}));
}

// Edges mirrored, dilated, with the map of a constant as bias.
GraphDraft mapped() {
  Seed s;
  const int speaker = s.g().constant("speaker", 4, 2);
  const int kernel = s.panels(12, 3);
  const Ints shape = {{"kernel_t", {2}}, {"kernel_f", {3}}, {"past", {1}}, {"future", {0}}};
  const int map = s.op("conv2d_map", {speaker, s.panels(12, 3)}, shape);
  const int conv = s.op("conv2d", {s.image(4, 2), kernel, s.vector(3), -1, -1, -1, map}, shape);
  Ints mirrored = {{"kernel_t", {3}}, {"kernel_f", {1}}, {"dilation_t", {2}}, {"past", {2}}};
  mirrored["future"] = {2};
  mirrored["reflect_t"] = {1};
  return s.finish(s.op("conv2d", {conv, s.panels(9, 2)}, mirrored));
}

GraphDraft recurrent() {
  Seed s;
  const int x = s.image(1, 6);
  const int time = s.op("lstm", {x, s.panels(6, 8), s.panels(2, 8), s.vector(8)});
  const int late =
      s.op("lstm", {x, s.panels(6, 8), s.panels(2, 8), s.vector(8)}, {{"reverse", {1}}});
  const int both =
      s.op("reshape", {s.op("concat", {time, late})}, {{"bins", {2}}, {"channels", {2}}});
  const int each = s.op(
      "lstm", {both, s.panels(2, 8), s.panels(2, 8), s.vector(8)}, {}, {{"cell_limit", {0.1f}}});
  const int rows = s.op("gru",
                        {each, s.panels(2, 6), s.panels(2, 6), s.vector(6), s.vector(6)},
                        {{"reverse", {1}}});
  const int turn =
      s.op("lstm", {rows, s.panels(2, 4), s.panels(1, 4), s.vector(4)}, {{"axis", {1}}});
  const int row = s.op("transpose", {turn});
  return s.finish(s.op("gru", {row, s.panels(2, 6), s.panels(2, 6), s.vector(6), s.vector(6)}));
}

GraphDraft attention() {
  Seed s;
  const int x = s.image(1, 4);
  const int near =
      s.op("attention", {x, x, x}, {{"window", {3}}, {"heads", {2}}}, {{"scale", {0.5f}}});
  const int far = s.op("attention", {near, x, near});
  const int bins = s.op("reshape", {far}, {{"bins", {2}}, {"channels", {2}}});
  return s.finish(s.op("softmax", {s.op("attention", {bins, bins, bins}, {{"axis", {1}}})}));
}

GraphDraft elementwise() {
  Seed s;
  const int x = s.image(4, 4);
  int y = s.op("add", {x, s.vector(4)}, {{"activation", {3}}});
  for (const char* name : {"relu", "sigmoid", "tanh", "gelu", "elu", "square", "sqrt"}) {
    y = s.op("subtract", {s.op(name, {y}), x});
  }
  y = s.op("divide", {y, s.op("power", {x}, {}, {{"exponent", {0.3f}}})});
  return s.finish(s.op("sum_chunks", {y}, {{"chunks", {2}}}));
}

// Products whose channels int8 can carry, and a norm over all that came so far.
GraphDraft fours() {
  Seed s;
  const int conv = s.op("conv2d",
                        {s.image(4, 4), s.panels(24, 4)},
                        {{"kernel_t", {2}},
                         {"kernel_f", {3}},
                         {"pad_f", {1}},
                         {"past", {1}},
                         {"future", {0}}});
  const int back = s.op(
      "conv2d_transposed",
      {conv, s.panels(24, 4)},
      {{"kernel_t", {2}}, {"kernel_f", {3}}, {"stride_f", {2}}, {"past", {1}}, {"future", {0}}});
  const int normed = s.op("cumulative_norm", {back, s.vector(4), s.vector(4)});
  const int bands = s.op("band_linear",
                         {normed, s.panels(24, 48), s.matrix(3, 4)},
                         {{"bands", {3}},
                          {"outputs", {4}},
                          {"first", {-1}},
                          {"width", {3}},
                          {"stride", {4}},
                          {"kernel_t", {2}}});
  const int row = s.op("linear", {bands, s.panels(4, 4)});
  return s.finish(s.op(
      "lstm", {row, s.panels(4, 16), s.panels(4, 16), s.vector(16)}, {{"axis", {1}}}));
}

// The same with matrices of another type.
GraphDraft with_weights(Type type, GraphDraft graph) {
  for (TensorDraft& t : graph.tensors) {
    t.type = t.layout == Layout::kPanels ? type : t.type;
  }
  return graph;
}

ModelDraft model_of(std::vector<GraphDraft> graphs) {
  ModelDraft model;
  model.graphs = std::move(graphs);
  model.metadata = {{"name", "seed"}, {"licence", "Apache-2.0"}};
  model.family = kSeedFamily;
  return model;
}

// A model of an op that no other has: the op alone, on an image.
ModelDraft alone(const std::string& op) {
  Seed s;
  try {
    return model_of({s.finish(s.op(op, {s.image(4, 4)}))});
  } catch (const SystemError& refusal) {
    throw std::runtime_error("no seed model has the op " + op +
                             ", which takes more than an image: " + refusal.what());
  }
}

}  // namespace

std::map<std::string, ModelDraft> seed_models() {
  std::map<std::string, ModelDraft> models = {
      {"spectral_and_bank", model_of({filter_bank(0), spectral()})},
      {"windows", model_of({windows()})},
      {"by_bin", model_of({by_bin()})},
      {"groups", model_of({groups()})},
      {"groups_int8", model_of({with_weights(Type::kQ8, groups())})},
      {"bank_1", model_of({filter_bank(1)})},
      {"bank_2", model_of({filter_bank(2)})},
      {"bank_3", model_of({filter_bank(3)})},
      {"convolutions", model_of({convolutions()})},
      {"halved", model_of({with_weights(Type::kF16, convolutions())})},
      {"int8", model_of({with_weights(Type::kQ8, fours())})},
      {"mapped", model_of({mapped()})},
      {"recurrent", model_of({recurrent()})},
      {"attention", model_of({attention()})},
      {"elementwise", model_of({elementwise()})}};
  std::set<std::string> used;
  for (const auto& [name, model] : models) {
    for (const GraphDraft& graph : model.graphs) {
      for (const NodeDraft& node : graph.nodes) {
        used.insert(node.op);
      }
    }
  }
  for (const Op* op : all_ops().ops) {
    if (!used.contains(op->name)) {
      models[kAlone + std::string(op->name)] = alone(op->name);
    }
  }
  return models;
}

}  // namespace ligero::testing
