// SPDX-License-Identifier: Apache-2.0
// Hostile model files: each field of the schema wrong in turn, behind a correct checksum.
#include <doctest/doctest.h>
#include <flatbuffers/flatbuffers.h>

#include <algorithm>
#include <functional>
#include <limits>

#include "tests/model/toy_model.h"

namespace ligero {
namespace {

using flatbuffers::Offset;
using flatbuffers::Table;
using flatbuffers::Vector;
using toy_model::header_of;
using toy_model::Image;
using toy_model::seal;

/// Fields are numbered in the order of the schema.
uint16_t field(int i) {
  return static_cast<uint16_t>(4 + 2 * i);
}

struct Editor {
  explicit Editor(const ModelDraft& draft = toy_model::model()) : file(toy_model::image(draft)) {}

  Table* root() {
    return flatbuffers::GetMutableRoot<Table>(file.data() + sizeof(ModelHeader));
  }
  static Table* item(Table* t, int vector_field, uint32_t i) {
    return const_cast<Table*>(t->GetPointer<Vector<Offset<Table>>*>(field(vector_field))->Get(i));
  }
  Table* graph(uint32_t g) {
    return item(root(), 0, g);
  }
  Table* tensor(uint32_t g, uint32_t i) {
    return item(graph(g), 1, i);
  }
  Table* node(uint32_t g, uint32_t i) {
    return item(graph(g), 2, i);
  }
  static Vector<int32_t>* ints(Table* t, int vector_field) {
    return t->GetPointer<Vector<int32_t>*>(field(vector_field));
  }
  template <typename T>
  static void set(Table* t, int scalar_field, T value) {
    flatbuffers::WriteScalar(t->GetAddressOf(field(scalar_field)), value);
  }
  static uint64_t get(Table* t, int scalar_field) {
    return t->GetField<uint64_t>(field(scalar_field), 0);
  }
  static char* text(Table* t, int string_field) {
    return const_cast<char*>(t->GetPointer<flatbuffers::String*>(field(string_field))->c_str());
  }

  Image file;
};

struct Damage {
  const char* message;  ///< part of the status' message
  Code code;
  const char* where;  ///< part of the fault's text
  std::function<void(Editor&)> change;
};

void check_damage(const std::vector<Damage>& list) {
  for (const Damage& d : list) {
    CAPTURE(d.message);
    Editor e;
    d.change(e);
    seal(e.file);
    Fault fault;
    const auto model = e.file.open({}, &fault);
    REQUIRE_FALSE(model.ok());
    CAPTURE(model.status().message);
    CAPTURE(fault.text);
    CHECK(model.status().code == d.code);
    CHECK(std::string_view(model.status().message).find(d.message) != std::string_view::npos);
    CHECK(std::string_view(fault.text).find(d.where) != std::string_view::npos);
  }
}

// Numbers of the schema's fields, and of the toy model's tensors.
enum {
  kName = 0,
  kKind = 1,
  kType = 2,
  kLayout = 3,
  kDims = 4,
  kOffset = 5,
  kBytes = 6,
  kScale = 7
};
enum { kOpName = 1, kOpVersion = 2, kInputs = 3, kOutputs = 4, kAttributes = 5 };
enum { kGraphInputs = 3, kGraphOutputs = 4 };
enum { kHalf = 2, kQ8Weight = 4, kSingle = 6, kHalfVector = 7 };

TEST_CASE("Model: every wrong field of a tensor is refused by name") {
  const Code bad = Code::kBadModel;
  check_damage({
      {"kind, type", bad, "\"hops\"", [](Editor& e) { e.set<uint8_t>(e.tensor(0, 0), kKind, 3); }},
      {"kind, type", bad, "\"half\"", [](Editor& e) { e.set<uint8_t>(e.tensor(1, 2), kType, 3); }},
      {"kind, type",
       bad,
       "\"half\"",
       [](Editor& e) { e.set<uint8_t>(e.tensor(1, 2), kLayout, 2); }},
      {"weight's type",
       bad,
       "\"hops\"",
       [](Editor& e) { e.set<uint8_t>(e.tensor(0, 0), kType, 1); }},
      {"weight's type",
       bad,
       "\"hops\"",
       [](Editor& e) { e.set<uint64_t>(e.tensor(0, 0), kBytes, 1); }},
      {"zero or negative",
       bad,
       "graph \"enroll\", tensor 0 \"hops\"",
       [](Editor& e) { e.ints(e.tensor(0, 0), kDims)->Mutate(0, 0); }},
      {"zero or negative",
       bad,
       "\"half\"",
       [](Editor& e) { e.ints(e.tensor(1, kHalf), kDims)->Mutate(1, -20); }},
      {"dimension is over",
       Code::kUnsupportedModel,
       "\"hops\"",
       [](Editor& e) { e.ints(e.tensor(0, 0), kDims)->Mutate(0, INT32_MAX); }},
      {"more elements",
       Code::kUnsupportedModel,
       "\"half\"",
       [](Editor& e) {
         e.ints(e.tensor(1, kHalf), kDims)->Mutate(0, 1 << 24);
         e.ints(e.tensor(1, kHalf), kDims)->Mutate(1, 1 << 24);
       }},
      {"weight's length",
       bad,
       "\"half\"",
       [](Editor& e) { e.ints(e.tensor(1, kHalf), kDims)->Mutate(0, 8); }},
      {"weight's length",
       bad,
       "\"half\"",
       [](Editor& e) { e.set<uint64_t>(e.tensor(1, kHalf), kBytes, 4); }},
      {"multiple of 64",
       bad,
       "\"single\"",
       [](Editor& e) { e.set<uint64_t>(e.tensor(1, kSingle), kOffset, 65); }},
      {"outside",
       bad,
       "\"single\"",
       [](Editor& e) { e.set<uint64_t>(e.tensor(1, kSingle), kOffset, uint64_t{1} << 30); }},
      {"outside",
       bad,
       "\"single\"",
       [](Editor& e) { e.set<uint64_t>(e.tensor(1, kSingle), kOffset, ~uint64_t{63}); }},
      {"outside",
       bad,
       "\"bytes\"",
       [](Editor& e) { e.set<uint64_t>(e.tensor(1, kQ8Weight), kScale, ~uint64_t{63}); }},
      {"overlap", bad, "", [](Editor& e) { e.set<uint64_t>(e.tensor(1, kSingle), kOffset, 0); }},
      {"overlap",
       bad,
       "",
       [](Editor& e) {
         const uint64_t there = e.get(e.tensor(1, kSingle), kOffset);
         e.set<uint64_t>(e.tensor(1, kHalfVector), kOffset, there + 64);
       }},
      {"has scales",
       bad,
       "\"single\"",
       [](Editor& e) { e.set<uint64_t>(e.tensor(1, kSingle), kScale, 64); }},
      {"not in panels",
       bad,
       "\"bytes\"",
       [](Editor& e) { e.set<uint8_t>(e.tensor(1, kQ8Weight), kLayout, 0); }},
      {"not a matrix",
       bad,
       "\"half_vector\"",
       [](Editor& e) { e.set<uint8_t>(e.tensor(1, kHalfVector), kLayout, 1); }},
      {"not a valid name",
       bad,
       "\"?ops\"",
       [](Editor& e) { *e.text(e.tensor(0, 0), kName) = '\n'; }},
      {"not a valid name",
       bad,
       "\".ops\"",
       [](Editor& e) { *e.text(e.tensor(0, 0), kName) = '.'; }},
      {"not a valid name",
       bad,
       "\"/ops\"",
       [](Editor& e) { *e.text(e.tensor(0, 0), kName) = '/'; }},
      {"tensors have the same name",
       bad,
       "\"half\"",
       [](Editor& e) { std::memcpy(e.text(e.tensor(1, 0), kName), "half", 4); }},
  });
}

TEST_CASE("Model: a scale must be finite and positive") {
  for (float scale : {0.0f,
                      -1.0f,
                      std::numeric_limits<float>::infinity(),
                      std::numeric_limits<float>::quiet_NaN()}) {
    Editor e;
    const uint64_t at = header_of(e.file).weights_offset + e.get(e.tensor(1, kQ8Weight), kScale);
    std::memcpy(e.file.data() + at + 4, &scale, sizeof(scale));
    const auto model = e.file.open();
    CHECK(model.status().code == Code::kBadModel);
    CHECK(std::string_view(model.status().message) == "a scale is not finite and positive");
  }
}

TEST_CASE("Model: bytes that belong to no weight are refused") {
  ModelDraft draft = toy_model::model();
  Editor e(draft);
  // The last weight becomes a constant that nothing makes; its bytes are left over.
  Table* last = e.tensor(1, kHalfVector);
  e.set<uint8_t>(last, kType, 1);
  e.set<uint64_t>(last, kOffset, e.get(last, kOffset) - 64);
  seal(e.file);
  CHECK(e.file.open().status().code == Code::kBadModel);
}

TEST_CASE("Model: every wrong field of a node or graph is refused by name") {
  const Code bad = Code::kBadModel;
  check_damage({
      {"op is none",
       Code::kUnsupportedModel,
       "node 0 \"shifted\" (shirt)",
       [](Editor& e) { std::memcpy(e.text(e.node(1, 0), kOpName), "shirt", 5); }},
      {"version",
       Code::kUnsupportedModel,
       "\"scaled\" (scale)",
       [](Editor& e) { e.set<int32_t>(e.node(0, 0), kOpVersion, 4); }},
      {"before it is produced",
       bad,
       "node 0 \"scaled\"",
       [](Editor& e) { e.ints(e.node(0, 0), kInputs)->Mutate(0, 2); }},
      {"before it is produced",
       bad,
       "node 0 \"scaled\"",
       [](Editor& e) { e.ints(e.node(0, 0), kInputs)->Mutate(0, 3); }},
      {"input is no tensor",
       bad,
       "\"scaled\"",
       [](Editor& e) { e.ints(e.node(0, 0), kInputs)->Mutate(0, 4); }},
      {"input is no tensor",
       bad,
       "\"scaled\"",
       [](Editor& e) { e.ints(e.node(0, 0), kInputs)->Mutate(0, -2); }},
      {"takes x and a weight",
       bad,
       "\"scaled\" (scale)",
       [](Editor& e) { e.ints(e.node(0, 0), kInputs)->Mutate(0, -1); }},
      {"output is no tensor",
       bad,
       "\"scaled\"",
       [](Editor& e) { e.ints(e.node(0, 0), kOutputs)->Mutate(0, -1); }},
      {"output is no tensor",
       bad,
       "\"scaled\"",
       [](Editor& e) { e.ints(e.node(0, 0), kOutputs)->Mutate(0, 99); }},
      {"writes a weight",
       bad,
       "\"scaled\"",
       [](Editor& e) { e.ints(e.node(0, 0), kOutputs)->Mutate(0, 1); }},
      {"writes a weight",
       bad,
       "\"scaled\"",
       [](Editor& e) { e.ints(e.node(0, 0), kOutputs)->Mutate(0, 0); }},
      {"stored shape",
       bad,
       "node 0 \"scaled\"",
       [](Editor& e) { e.ints(e.tensor(0, 2), kDims)->Mutate(1, 161); }},
      {"stored shape",
       bad,
       "node 1 \"voice\"",
       [](Editor& e) { e.set<uint8_t>(e.tensor(0, 3), kKind, 0); }},
      {"nodes have the same name",
       bad,
       "node 1",
       [](Editor& e) {
         e.graph(0)->GetPointer<Vector<flatbuffers::uoffset_t>*>(field(2))->Mutate(
             1, e.graph(0)->GetPointer<Vector<flatbuffers::uoffset_t>*>(field(2))->Get(0) - 4);
       }},
      {"graph input is no",
       bad,
       "graph \"enroll\"",
       [](Editor& e) { e.ints(e.graph(0), kGraphInputs)->Mutate(0, 1); }},
      {"graph input is no",
       bad,
       "graph \"extract\"",
       [](Editor& e) { e.ints(e.graph(1), kGraphInputs)->Mutate(1, 0); }},
      {"graph input is no",
       bad,
       "graph \"extract\"",
       [](Editor& e) { e.ints(e.graph(1), kGraphInputs)->Mutate(1, -1); }},
      {"graph output is",
       bad,
       "graph \"enroll\"",
       [](Editor& e) { e.ints(e.graph(0), kGraphOutputs)->Mutate(0, 0); }},
      {"graph output is",
       bad,
       "graph \"enroll\"",
       [](Editor& e) { e.ints(e.graph(0), kGraphOutputs)->Mutate(0, 99); }},
      {"graphs have the same name",
       bad,
       "",
       [](Editor& e) {
         auto* graphs = e.root()->GetPointer<Vector<flatbuffers::uoffset_t>*>(field(0));
         graphs->Mutate(1, graphs->Get(0) - 4);
       }},
      {"family", bad, "", [](Editor& e) { *e.text(e.root(), 2) = 'A'; }},
      {"same key",
       bad,
       "",
       [](Editor& e) {
         auto* entries = e.root()->GetPointer<Vector<flatbuffers::uoffset_t>*>(field(1));
         entries->Mutate(1, entries->Get(0) - 4);
       }},
      {"not finite",
       bad,
       "\"scaled\"",
       [](Editor& e) {
         Table* factor = e.item(e.node(0, 0), kAttributes, 1);
         factor->GetPointer<Vector<float>*>(field(2))->Mutate(
             0, std::numeric_limits<float>::quiet_NaN());
       }},
  });
}

TEST_CASE("Model: tensors that nothing makes are refused") {
  Editor e;
  e.ints(e.node(1, 1), kOutputs)->Mutate(0, 5);
  e.ints(e.node(1, 1), kInputs)->Mutate(0, 0);
  e.ints(e.node(1, 0), kOutputs)->Mutate(0, 3);
  e.set<uint8_t>(e.tensor(1, kHalfVector), kKind, 1);
  e.set<uint8_t>(e.tensor(1, kHalfVector), kType, 0);
  e.set<uint64_t>(e.tensor(1, kHalfVector), kOffset, 0);
  e.set<uint64_t>(e.tensor(1, kHalfVector), kBytes, 0);
  seal(e.file);
  Fault fault;
  const auto model = e.file.open({}, &fault);
  CHECK(std::string_view(model.status().message).find("neither") != std::string_view::npos);
  CHECK(std::string_view(fault.text) == "graph \"extract\", tensor 7 \"half_vector\"");
}

/// Makes element `i` of a vector of tables point `bytes` on from where it stands.
void point(Table* owner, int vector_field, uint32_t i, uint32_t bytes) {
  auto* vector = owner->GetPointer<Vector<Offset<Table>>*>(field(vector_field));
  flatbuffers::WriteScalar(vector->Data() + i * sizeof(bytes), bytes);
}

/// Makes two elements of a vector share the table of the one further on in the file.
void share(Table* owner, int vector_field, uint32_t a, uint32_t b) {
  auto* vector = owner->GetPointer<Vector<Offset<Table>>*>(field(vector_field));
  const auto* target = reinterpret_cast<const uint8_t*>(std::max(vector->Get(a), vector->Get(b)));
  for (const uint32_t i : {a, b}) {
    const uint8_t* from = vector->Data() + i * sizeof(uint32_t);
    point(owner, vector_field, i, static_cast<uint32_t>(target - from));
  }
}

TEST_CASE("Model: tables that are shared, point at themselves, back or out are refused") {
  enum { kGraphs = 0, kTensors = 1, kNodes = 2 };
  const Code bad = Code::kBadModel;
  constexpr uint32_t kBack = 0xFFFFFFC0;
  check_damage({
      {"same name", bad, "graph", [](Editor& e) { share(e.root(), kGraphs, 0, 1); }},
      {"", bad, "graph \"extract\"", [](Editor& e) { share(e.graph(1), kTensors, 0, 1); }},
      {"", bad, "graph \"extract\"", [](Editor& e) { share(e.graph(1), kNodes, 0, 1); }},
      {"schema", bad, "", [](Editor& e) { point(e.root(), kGraphs, 1, 0); }},
      {"schema", bad, "", [](Editor& e) { point(e.root(), kGraphs, 1, kBack); }},
      {"schema", bad, "", [](Editor& e) { point(e.graph(0), kTensors, 0, 0); }},
      {"schema", bad, "", [](Editor& e) { point(e.graph(0), kNodes, 0, kBack); }},
      {"schema", bad, "", [](Editor& e) { point(e.graph(0), kNodes, 0, 1u << 31); }},
  });
}

TEST_CASE("Model: 2^31 dimensions, and dimensions of 2^31, are refused") {
  const auto stretch = [](Vector<int32_t>* vector) {
    flatbuffers::WriteScalar(reinterpret_cast<uint8_t*>(vector), uint32_t{1} << 31);
  };
  check_damage({
      {"schema", Code::kBadModel, "", [&](Editor& e) { stretch(e.ints(e.tensor(0, 0), kDims)); }},
      {"schema",
       Code::kBadModel,
       "",
       [&](Editor& e) { stretch(e.ints(e.graph(1), kGraphInputs)); }},
      {"zero or negative",
       Code::kBadModel,
       "\"hops\"",
       [](Editor& e) { e.ints(e.tensor(0, 0), kDims)->Mutate(1, INT32_MIN); }},
      {"dimension is over",
       Code::kUnsupportedModel,
       "\"hops\"",
       [](Editor& e) {
         e.ints(e.tensor(0, 0), kDims)->Mutate(0, INT32_MAX);
         e.ints(e.tensor(0, 0), kDims)->Mutate(1, INT32_MAX);
       }},
  });
}

}  // namespace
}  // namespace ligero
