// SPDX-License-Identifier: Apache-2.0
// A small model of toy ops, so that format and sessions are tested without the real ones.
#ifndef LIGERO_TESTS_MODEL_TOY_MODEL_H_
#define LIGERO_TESTS_MODEL_TOY_MODEL_H_

#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "model/draft.h"
#include "model/format/file_header.h"
#include "model/format/loader.h"
#include "model/format/writer.h"
#include "tests/support/aligned.h"
#include "tests/support/random.h"

namespace ligero::toy_model {

inline Status same_shape(const OpContext& c, Inference* i) {
  LIGERO_CHECK(c.node.has_input(0), Code::kBadModel, "needs an input");
  i->outputs[0].set(i->outputs[0].kind, c.input(0).bins(), c.input(0).channels());
  return {};
}

/// y = x * weight * factor, the weight one per channel. It looks at no other attribute.
struct Scale {
  float factor;
};
inline Status scale_parse(const Node& node, void* options) {
  float factor = 1.0f;
  for (const Attribute& a : node.attributes) {
    if (a.name == "factor") {
      LIGERO_CHECK(a.floats.size() == 1, Code::kBadModel, "factor must be one float");
      factor = a.floats[0];
    }
  }
  static_cast<Scale*>(options)->factor = factor;
  return {};
}
inline Status scale_infer(const OpContext& c, Inference* i) {
  LIGERO_CHECK(c.node.inputs.size() == 2 && c.node.has_input(0) && c.node.has_input(1),
               Code::kBadModel,
               "scale takes x and a weight");
  LIGERO_CHECK(c.input(1).kind == Kind::kWeight && c.input(1).type == Type::kF32 &&
                   c.input(1).layout == Layout::kPlain &&
                   c.input(1).elements() == c.input(0).channels(),
               Code::kBadModel,
               "scale takes one f32 weight per channel");
  return same_shape(c, i);
}
inline void scale_run(const RunContext& c) noexcept {
  const int64_t row = c.input(0).elements();
  const float factor = c.options<Scale>().factor;
  for (int64_t i = 0; i < c.frames * row; ++i) {
    c.out[0][i] = c.x(0)[i] * c.x(1)[i % c.input(0).channels()] * factor;
  }
}
inline const Op kScale{"scale", 3, scale_parse, scale_infer, nullptr, nullptr, scale_run};

/// y = x + a constant of the same shape.
inline Status shift_infer(const OpContext& c, Inference* i) {
  LIGERO_CHECK(c.node.inputs.size() == 2 && c.node.has_input(0) && c.node.has_input(1) &&
                   c.input(1).kind == Kind::kConstant &&
                   c.input(1).elements() == c.input(0).elements(),
               Code::kBadModel,
               "shift takes x and a constant of its shape");
  return same_shape(c, i);
}
inline void shift_run(const RunContext& c) noexcept {
  const int64_t row = c.input(0).elements();
  for (int64_t i = 0; i < c.frames * row; ++i) {
    c.out[0][i] = c.x(0)[i] + c.x(1)[i % row];
  }
}
inline const Op kShift{"shift", 1, nullptr, shift_infer, nullptr, nullptr, shift_run, true};

/// y(t) = x(t - 1), and says so: like an inverse STFT.
inline Status late_infer(const OpContext& c, Inference* i) {
  i->time[0] = {TimeUse::kWindow, 1, 0};
  i->output_lag = 1;
  return same_shape(c, i);
}
inline void late_run(const RunContext& c) noexcept {
  const int64_t row = c.input(0).elements();
  std::memcpy(c.out[0], c.x(0) - row, static_cast<size_t>(c.frames * row) * sizeof(float));
}
inline const Op kLate{"late", 1, nullptr, late_infer, nullptr, nullptr, late_run};

/// The sum over all samples of the signal divided by their number, a constant.
inline Status average_infer(const OpContext& c, Inference* i) {
  LIGERO_RETURN_IF_ERROR(same_shape(c, i));
  i->time[0].use = TimeUse::kWhole;
  i->outputs[0].kind = Kind::kConstant;
  return {};
}
inline void average_run(const RunContext& c) noexcept {
  const int64_t row = c.input(0).elements();
  for (int64_t e = 0; e < row; ++e) {
    double sum = 0.0;
    for (int64_t t = 0; t < c.frames; ++t) {
      sum += c.x(0)[t * row + e];
    }
    c.out[0][e] =
        static_cast<float>(sum * static_cast<double>(row) / static_cast<double>(c.total_samples));
  }
}
inline const Op kAverage{"average", 1, nullptr, average_infer, nullptr, nullptr, average_run};

inline const Op* const kAll[] = {&kScale, &kShift, &kLate, &kAverage};
inline OpTable table() {
  return OpTable{kAll};
}

inline const std::string kFamily =
    "00112233445566778899aabbccddeeff0123456789abcdeffedcba9876543210";

inline int add_tensor(GraphDraft* g, const char* name, Kind kind, std::vector<int32_t> dims) {
  TensorDraft t;
  t.name = name;
  t.kind = kind;
  t.dims = std::move(dims);
  g->tensors.push_back(t);
  return static_cast<int>(g->tensors.size()) - 1;
}

inline int add_weight(GraphDraft* g,
                      const char* name,
                      std::vector<int32_t> dims,
                      Type type = Type::kF32,
                      Layout layout = Layout::kPlain) {
  const int index = add_tensor(g, name, Kind::kWeight, std::move(dims));
  TensorDraft& t = g->tensors.back();
  t.type = type;
  t.layout = layout;
  size_t elements = 1;
  for (int32_t d : t.dims) {
    elements *= static_cast<size_t>(d);
  }
  t.values = testing::Random(static_cast<uint64_t>(index) + 7).floats(elements);
  return index;
}

inline NodeDraft node(const char* op, const char* name, std::vector<int> in, int out) {
  NodeDraft n;
  n.op = op;
  n.name = name;
  n.inputs = std::move(in);
  n.outputs = {out};
  return n;
}

/// enroll: voice = the average of 0.5 * weight * hops. extract: out = mixture + voice, late.
inline ModelDraft model() {
  ModelDraft m;
  m.family = kFamily;
  m.metadata = {{"name", "toy"}, {"system", "toy_model"}, {"licence", "Apache-2.0"}};
  GraphDraft enroll;
  enroll.name = "enroll";
  int hops = add_tensor(&enroll, "hops", Kind::kSequence, {1, 160});
  const int weight = add_weight(&enroll, "scaled.weight", {160});
  const int scaled = add_tensor(&enroll, "scaled", Kind::kSequence, {1, 160});
  const int voice = add_tensor(&enroll, "voice", Kind::kConstant, {1, 160});
  enroll.nodes.push_back(node("scale", "scaled", {hops, weight}, scaled));
  enroll.nodes.back().floats["factor"] = {0.5f};
  enroll.nodes.back().ints["rates"] = {1, -2, 3};
  enroll.nodes.push_back(node("average", "voice", {scaled}, voice));
  enroll.inputs = {hops};
  enroll.outputs = {voice};
  GraphDraft extract;
  extract.name = "extract";
  hops = add_tensor(&extract, "hops", Kind::kSequence, {1, 160});
  const int target = add_tensor(&extract, "voice", Kind::kConstant, {1, 160});
  add_weight(&extract, "half", {7, 20}, Type::kF16, Layout::kPanels);
  const int shifted = add_tensor(&extract, "shifted", Kind::kSequence, {1, 160});
  add_weight(&extract, "bytes", {6, 17}, Type::kQ8, Layout::kPanels);
  const int out = add_tensor(&extract, "out", Kind::kSequence, {1, 160});
  add_weight(&extract, "single", {5, 33}, Type::kF32, Layout::kPanels);
  add_weight(&extract, "half_vector", {3}, Type::kF16);
  extract.nodes.push_back(node("shift", "shifted", {hops, target}, shifted));
  extract.nodes.push_back(node("late", "out", {shifted}, out));
  extract.inputs = {hops, target};
  extract.outputs = {out};
  m.graphs = {enroll, extract};
  return m;
}

/// Bytes on a 64-byte boundary, as a mapped file has them.
class Image {
 public:
  explicit Image(std::span<const std::byte> bytes)
      : block_(test_block(bytes.size())), size_(bytes.size()) {
    std::memcpy(block_.get(), bytes.data(), bytes.size());
  }
  std::byte* data() {
    return static_cast<std::byte*>(block_.get());
  }
  size_t size() const {
    return size_;
  }
  std::span<const std::byte> bytes() const {
    return {static_cast<const std::byte*>(block_.get()), size_};
  }
  Result<Model> open(const Limits& limits = {}, Fault* fault = nullptr) const {
    return Model::open(bytes(), table(), limits, fault);
  }

 private:
  TestBlock block_;
  size_t size_;
};

inline ModelHeader& header_of(Image& file) {
  return *reinterpret_cast<ModelHeader*>(file.data());
}

/// Makes the checksum right again, so that what comes after it is tested.
inline void seal(Image& file) {
  ModelHeader& h = header_of(file);
  h.checksum =
      hash_with_hole(file.bytes().first(h.weights_offset), offsetof(ModelHeader, checksum));
}

inline Image image(const ModelDraft& draft = model()) {
  return Image(write_model(draft, table()));
}

}  // namespace ligero::toy_model

#endif  // LIGERO_TESTS_MODEL_TOY_MODEL_H_
