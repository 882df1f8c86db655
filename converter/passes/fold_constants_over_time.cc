// SPDX-License-Identifier: Apache-2.0
// fold_constants_over_time: where products read a sequence joined with constants, the constants'
// share becomes a bias map, computed once; a speaker's map is computed in `enroll` (spec 2.9).
#include <algorithm>
#include <iterator>
#include <string_view>

#include "converter/graph_edit.h"
#include "converter/passes/passes.h"
#include "model/systems/shape.h"

namespace ligero {
namespace {

constexpr std::string_view kLocal = "profile.local_";
constexpr std::string_view kMap = "profile.map_";

// The inputs of a concat that a product reads, and the product's weights, by kind.
struct Split {
  std::vector<int> sequences;
  std::vector<int> constants;
  std::vector<float> sequence_weights;
  std::vector<float> constant_weights;
};

Split split_concat(GraphEdit& edit, const NodeDraft& concat, const TensorDraft& w) {
  Split split;
  std::vector<bool> constant_channel;
  for (int t : concat.inputs) {
    const bool constant = edit.tensor(t).kind != Kind::kSequence;
    (constant ? split.constants : split.sequences).push_back(t);
    constant_channel.insert(
        constant_channel.end(), static_cast<size_t>(edit.tensor(t).dims.back()), constant);
  }
  const auto outputs = static_cast<size_t>(w.dims[1]);
  for (size_t row = 0; row < static_cast<size_t>(w.dims[0]); ++row) {
    const bool constant = constant_channel[row % constant_channel.size()];
    std::vector<float>& to = constant ? split.constant_weights : split.sequence_weights;
    const auto first = w.values.begin() + static_cast<std::ptrdiff_t>(row * outputs);
    std::copy(first, first + static_cast<std::ptrdiff_t>(outputs), std::back_inserter(to));
  }
  return split;
}

// Whether `p` can take what it reads of the joined tensor apart.
bool foldable(GraphEdit& edit, int joined, const NodeDraft& p) {
  bool fits = p.op == "linear";
  if (p.op == "conv2d") {
    const auto options = options_of(p).as<ConvOptions>();
    fits = options.reflect_t == 0 && options.groups == 1 && GraphEdit::input(p, kInputBiasMap) < 0;
  }
  return fits && p.inputs[0] == joined && edit.consumers(p.inputs[1]).size() == 1;
}

// Whether a concat joins sequences and constants, for such products alone.
bool foldable_concat(GraphEdit& edit, const NodeDraft& concat) {
  const int out = concat.outputs[0];
  const std::vector<int> readers = edit.consumers(out);
  if (readers.empty() || edit.is_output(out) ||
      !std::all_of(readers.begin(), readers.end(), [&](int i) {
        return foldable(edit, out, edit.node(i));
      })) {
    return false;
  }
  const auto has = [&](Kind kind) {
    return std::any_of(concat.inputs.begin(), concat.inputs.end(), [&](int t) {
      return edit.tensor(t).kind == kind;
    });
  };
  return has(Kind::kSequence) && has(Kind::kConstant) && !has(Kind::kWeight);
}

NodeDraft map_node(const NodeDraft& conv, const std::string& name, int constant, int weights) {
  NodeDraft map;
  map.name = name;
  map.op = "conv2d_map";
  map.inputs = {constant, weights};
  map.ints = conv.ints;
  for (const char* not_of_a_map : {"activation", "reflect_t", "groups"}) {
    map.ints.erase(not_of_a_map);
  }
  return map;
}

// Several tensors as one: a concat before node `*at` of those that are more than one.
int joined(GraphEdit& edit, const std::string& name, const std::vector<int>& parts, int* at) {
  if (parts.size() == 1) {
    return parts[0];
  }
  NodeDraft concat;
  concat.name = name;
  concat.op = "concat";
  concat.inputs = parts;
  return edit.insert((*at)++, concat);
}

// The tensor of `enroll` that fills the graph input `constant`, or -1.
int filled_by(GraphDraft* enroll, GraphEdit& edit, int constant) {
  const std::vector<int>& inputs = edit.graph().inputs;
  if (!enroll || enroll == &edit.graph() || edit.consumers(constant).size() != 1 ||
      std::find(inputs.begin(), inputs.end(), constant) == inputs.end()) {
    return -1;
  }
  GraphEdit other(enroll);
  const int source = other.find_tensor(edit.tensor(constant).name);
  return source >= 0 && other.is_output(source) ? source : -1;
}

// "profile.local_3" -> "profile.map_3", with the last part of the product's name where several
// products read the constant.
std::string map_name(const std::string& constant, const std::string& product, bool several) {
  if (!constant.starts_with(kLocal)) {
    return "profile.map." + product;
  }
  const std::string name = std::string(kMap) + constant.substr(kLocal.size());
  return several ? name + product.substr(product.rfind('.')) : name;
}

// Puts the map into `enroll`, as an output; returns the new input that it fills.
int map_in_enroll(GraphDraft* enroll,
                  GraphEdit& edit,
                  const NodeDraft& conv,
                  const std::string& name,
                  int constant,
                  int source,
                  const Split& split) {
  GraphEdit other(enroll);
  const int outputs = edit.tensor(conv.inputs[1]).dims[1];
  const int w = other.add_panels(name + ".weight",
                                 static_cast<int>(split.constant_weights.size()) / outputs,
                                 outputs,
                                 split.constant_weights);
  const int map = other.insert(other.num_nodes(), map_node(conv, name, source, w));
  enroll->outputs.insert(std::find(enroll->outputs.begin(), enroll->outputs.end(), source), map);
  const int input = edit.add_constant_input(name, other.tensor(map).dims);
  std::vector<int>& inputs = edit.graph().inputs;
  inputs.pop_back();
  inputs.insert(std::find(inputs.begin(), inputs.end(), constant), input);
  return input;
}

// A speaker's constant that no product reads any more goes.
void drop_constant(GraphDraft* enroll, GraphEdit& edit, int constant, int source) {
  std::erase(enroll->outputs, source);
  std::erase(edit.graph().inputs, constant);
}

int map_here(GraphEdit& edit, const NodeDraft& conv, const Split& split, int* at) {
  const int constant = joined(edit, conv.name + ".const", split.constants, at);
  const int outputs = edit.tensor(conv.inputs[1]).dims[1];
  const int w = edit.add_panels(conv.name + ".map.weight",
                                static_cast<int>(split.constant_weights.size()) / outputs,
                                outputs,
                                split.constant_weights);
  return edit.insert((*at)++, map_node(conv, conv.name + ".map", constant, w));
}

// Where the maps of a concat's constants come from.
struct Maps {
  GraphDraft* enroll = nullptr;
  int constant = -1;     // of the graph, filled by `enroll`; -1: the maps are computed here
  int source = -1;       // its tensor there
  bool several = false;  // products read the concat
};

// The product `at` of `concat` becomes the product of the sequences with a bias map.
void fold_product(const Maps& maps, GraphEdit& edit, int concat, int at) {
  NodeDraft conv = edit.node(at);
  if (conv.op == "linear") {
    conv.op = "conv2d";
    conv.ints["kernel_t"] = conv.ints["kernel_f"] = {1};
    conv.ints["past"] = conv.ints["future"] = {0};
  }
  const Split split = split_concat(edit, edit.node(concat), edit.tensor(conv.inputs[1]));
  int map = -1;
  if (maps.source >= 0) {
    const std::string name = map_name(edit.tensor(maps.constant).name, conv.name, maps.several);
    map = map_in_enroll(maps.enroll, edit, conv, name, maps.constant, maps.source, split);
  } else {
    map = map_here(edit, conv, split, &at);
  }
  const int x = joined(edit, conv.name + ".seq", split.sequences, &at);
  TensorDraft& w = edit.tensor(conv.inputs[1]);
  w.values = split.sequence_weights;
  w.dims[0] = static_cast<int32_t>(w.values.size()) / w.dims[1];
  conv.inputs[0] = x;
  GraphEdit::set_input(conv, kInputBiasMap, map);
  edit.node(at) = conv;
}

void fold_concat(GraphDraft* enroll, GraphEdit& edit, int concat) {
  const int out = edit.node(concat).outputs[0];
  std::vector<int> constants;
  for (int t : edit.node(concat).inputs) {
    if (edit.tensor(t).kind == Kind::kConstant) {
      constants.push_back(t);
    }
  }
  Maps maps;
  maps.enroll = enroll;
  maps.constant = constants[0];
  maps.source = constants.size() == 1 ? filled_by(enroll, edit, constants[0]) : -1;
  maps.several = edit.consumers(out).size() > 1;
  for (std::vector<int> readers; !(readers = edit.consumers(out)).empty();) {
    fold_product(maps, edit, concat, readers[0]);
  }
  edit.kill(concat);
  if (maps.source >= 0) {
    drop_constant(enroll, edit, maps.constant, maps.source);
  }
}

int fold_graph(GraphDraft* enroll, GraphEdit edit) {
  int changes = 0;
  for (int i = 0; i < edit.num_nodes(); ++i) {
    if (edit.node(i).op == "concat" && foldable_concat(edit, edit.node(i))) {
      fold_concat(enroll, edit, i);
      ++changes;
    }
  }
  edit.sweep();
  return changes;
}

}  // namespace

int fold_constants_over_time(ModelDraft* model, const PassOptions&) {
  GraphDraft* enroll = find_graph(model, "enroll");
  int changes = 0;
  for (GraphDraft& graph : model->graphs) {
    changes += fold_graph(enroll, GraphEdit(&graph));
  }
  // Maps may have come to `enroll` after its own turn.
  if (enroll) {
    GraphEdit(enroll).sweep();
  }
  return changes;
}

}  // namespace ligero
