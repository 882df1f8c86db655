// SPDX-License-Identifier: Apache-2.0
// Opening model files: what was written comes back, and no damage gets through or does harm.
#include "model/format/loader.h"

#include <doctest/doctest.h>

#include <cstdio>

#include "model/format/file_header.h"
#include "model/format/whole_file.h"
#include "runtime/plan/plan.h"
#include "tests/model/toy_model.h"

namespace ligero {
namespace {

using toy_model::header_of;
using toy_model::Image;
using toy_model::seal;

/// Uses everything that an opened model offers.
void use(const Model& model) {
  for (const Graph& g : model.graphs()) {
    CHECK(model.graph(g.name) == &g);
    PlanOptions options;
    options.max_frames = 3;
    (void)make_plan(g, options).ok();
    for (const Tensor& t : g.tensors) {
      CHECK(t.elements() > 0);
      if (t.kind == Kind::kWeight) {
        const auto* begin = static_cast<const std::byte*>(t.data);
        REQUIRE(begin >= model.weights().data());
        REQUIRE(begin + stored_bytes(t) <= model.weights().data() + model.weights().size());
      }
    }
  }
  size_t text = 0;
  for (size_t i = 0; i < model.metadata_size(); ++i) {
    text += model.metadata_key(i).size() + model.metadata_value(i).size();
  }
  CHECK(text < model.file_bytes());
  (void)model.verify_weights().ok();
}

TEST_CASE("Model: a written model comes back") {
  const ModelDraft draft = toy_model::model();
  const Image file = toy_model::image(draft);
  auto opened = file.open();
  REQUIRE(opened.ok());
  const Model model = std::move(opened.value());
  CHECK(model.family() == draft.family);
  CHECK(model.metadata("licence") == "Apache-2.0");
  CHECK(model.metadata("nothing").empty());
  CHECK(model.metadata_size() == 3);
  CHECK(model.metadata_key(3).empty());
  CHECK(model.version_major() == 1);
  CHECK(model.file_bytes() == file.size());
  CHECK(model.weights().size() % kAlignment == 0);
  CHECK(model.graphs().size() == 2);
  CHECK(model.graph("other") == nullptr);
  CHECK(model.verify_weights().ok());
  for (const GraphDraft& from : draft.graphs) {
    const Graph* g = model.graph(from.name);
    REQUIRE(g != nullptr);
    REQUIRE(g->tensors.size() == from.tensors.size());
    REQUIRE(g->nodes.size() == from.nodes.size());
    CHECK(std::vector<int>(g->inputs.begin(), g->inputs.end()) == from.inputs);
    CHECK(std::vector<int>(g->outputs.begin(), g->outputs.end()) == from.outputs);
    for (size_t i = 0; i < from.tensors.size(); ++i) {
      const Tensor& t = g->tensors[i];
      CHECK(t.name == from.tensors[i].name);
      CHECK(t.kind == from.tensors[i].kind);
      CHECK(t.type == from.tensors[i].type);
      CHECK(t.layout == from.tensors[i].layout);
      CHECK(std::vector<int32_t>(t.dim, t.dim + t.rank) == from.tensors[i].dims);
      CHECK((t.data != nullptr) == (t.kind == Kind::kWeight));
      CHECK(reinterpret_cast<uintptr_t>(t.data) % kAlignment == 0);
      CHECK((t.scale != nullptr) == (t.type == Type::kQ8));
      CHECK(find_tensor(*g, t.name) == static_cast<int32_t>(i));
    }
    for (size_t i = 0; i < from.nodes.size(); ++i) {
      const Node& n = g->nodes[i];
      CHECK(n.name == from.nodes[i].name);
      CHECK(n.op->name == from.nodes[i].op);
      CHECK(std::vector<int>(n.inputs.begin(), n.inputs.end()) == from.nodes[i].inputs);
      CHECK(std::vector<int>(n.outputs.begin(), n.outputs.end()) == from.nodes[i].outputs);
      CHECK(n.attributes.size() == from.nodes[i].ints.size() + from.nodes[i].floats.size());
    }
  }
  const Node& scaled = model.graph("enroll")->nodes[0];
  for (const Attribute& a : scaled.attributes) {
    const NodeDraft& from = draft.graphs[0].nodes[0];
    const std::string name(a.name);
    if (from.ints.count(name) > 0) {
      CHECK(std::vector<int32_t>(a.ints.begin(), a.ints.end()) == from.ints.at(name));
    } else {
      CHECK(std::vector<float>(a.floats.begin(), a.floats.end()) == from.floats.at(name));
    }
  }
  CHECK(node_name(*model.graph("enroll"), 1) == "voice");
  CHECK(node_name(*model.graph("enroll"), 2).empty());
  CHECK(tensor_name(*model.graph("enroll"), -1).empty());
  use(model);
}

TEST_CASE("Model: the same draft always gives the same bytes") {
  CHECK(write_model(toy_model::model(), toy_model::table()) ==
        write_model(toy_model::model(), toy_model::table()));
}

TEST_CASE("Model: a file on disk is opened in place") {
  const std::string path = "ligero-loader-test.lgm";
  REQUIRE(write_file_atomic(path.c_str(), toy_model::image().bytes()).ok());
  auto file = WholeFile::open(path.c_str());
  REQUIRE(file.ok());
  auto model = Model::open(file.value().bytes(), toy_model::table());
  REQUIRE(model.ok());
  use(model.value());
  CHECK(std::remove(path.c_str()) == 0);
}

TEST_CASE("Model: every flipped bit before the weights is refused") {
  Image file = toy_model::image();
  const size_t end = header_of(file).weights_offset;
  for (size_t i = 0; i < end; ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      file.data()[i] ^= static_cast<std::byte>(1 << bit);
      CHECK_FALSE(file.open().ok());
      file.data()[i] ^= static_cast<std::byte>(1 << bit);
    }
  }
  CHECK(file.open().ok());
}

TEST_CASE("Model: verify_weights finds every flipped byte of the weights") {
  Image file = toy_model::image();
  for (size_t i = header_of(file).weights_offset; i < file.size(); ++i) {
    file.data()[i] ^= std::byte{0x10};
    auto model = file.open();
    // The scales of 8-bit weights are read at open, and may be refused there.
    CHECK((!model.ok() || model.value().verify_weights().code == Code::kBadModel));
    file.data()[i] ^= std::byte{0x10};
  }
}

TEST_CASE("Model: a file cut short anywhere is refused, as is one with trailing bytes") {
  const Image whole = toy_model::image();
  for (size_t size = 0; size < whole.size(); ++size) {
    // A copy of exactly that size, so that a sanitizer sees any read behind it.
    const Image cut(whole.bytes().first(size));
    const auto model = Model::open(cut.bytes(), toy_model::table());
    CHECK(model.status().code == Code::kBadModel);
  }
  for (size_t more : {size_t{1}, size_t{63}, size_t{64}, size_t{1000}}) {
    std::vector<std::byte> longer(whole.size() + more);
    std::copy(whole.bytes().begin(), whole.bytes().end(), longer.begin());
    CHECK(Image(longer).open().status().code == Code::kBadModel);
    Image stated(longer);
    header_of(stated).file_bytes += more;
    seal(stated);
    CHECK(stated.open().status().code == Code::kBadModel);
    header_of(stated).weights_bytes += more;
    seal(stated);
    CHECK(stated.open().status().code == Code::kBadModel);
  }
}

TEST_CASE("Model: damage behind a correct checksum never does harm") {
  Image file = toy_model::image();
  const Image original = toy_model::image();
  const size_t end = header_of(file).weights_offset;
  int opened = 0;
  const auto attempt = [&] {
    seal(file);
    Fault fault;
    auto model = file.open({}, &fault);
    CHECK(std::memchr(fault.text, 0, sizeof(fault.text)) != nullptr);
    if (model.ok()) {
      ++opened;
      use(model.value());
    }
  };
  for (size_t i = sizeof(ModelHeader); i < end; ++i) {
    for (int value : {0x01, 0x02, 0x04, 0x10, 0x80, 0xFF}) {
      file.data()[i] ^= static_cast<std::byte>(value);
      attempt();
      file.data()[i] = original.bytes()[i];
    }
  }
  testing::Random random(3);
  for (int round = 0; round < 20000; ++round) {
    const int changes = random.integer(1, 6);
    for (int c = 0; c < changes; ++c) {
      const size_t at =
          static_cast<size_t>(random.integer(64, static_cast<int>(end) - 5)) & ~size_t{3};
      const int32_t interesting[] = {
          0, 1, -1, 4, 64, INT32_MAX, INT32_MIN, random.integer(-300, 300)};
      std::memcpy(file.data() + at, &interesting[random.integer(0, 7)], 4);
    }
    attempt();
    std::memcpy(file.data(), original.bytes().data(), end);
  }
  MESSAGE("opened all the same: ", opened);
}

TEST_CASE("Model: headers of other kinds and versions are told apart") {
  const auto opened_with = [](auto&& change) {
    Image file = toy_model::image();
    change(header_of(file));
    if (header_of(file).weights_offset <= file.size()) {
      seal(file);
    }
    return file.open().status();
  };
  CHECK(opened_with([](ModelHeader&) {}).ok());
  CHECK(opened_with([](ModelHeader& h) { h.magic[0] = 'l'; }).code == Code::kBadModel);
  CHECK(opened_with([](ModelHeader& h) { h.version_minor = 9; }).ok());
  const Status newer = opened_with([](ModelHeader& h) { h.version_major = 3; });
  CHECK(newer.code == Code::kNewerModel);
  CHECK(newer.where == 3);
  CHECK(opened_with([](ModelHeader& h) { h.version_major = 0; }).code == Code::kUnsupportedModel);
  for (uint64_t wrong : {uint64_t{0}, uint64_t{1}, uint64_t{128}, ~uint64_t{0}, ~uint64_t{63}}) {
    CHECK(opened_with([&](ModelHeader& h) { h.file_bytes = wrong; }).code == Code::kBadModel);
    CHECK(opened_with([&](ModelHeader& h) { h.metadata_offset = wrong; }).code == Code::kBadModel);
    CHECK(opened_with([&](ModelHeader& h) { h.metadata_bytes = wrong; }).code == Code::kBadModel);
    CHECK(opened_with([&](ModelHeader& h) { h.weights_bytes = wrong; }).code == Code::kBadModel);
  }
}

TEST_CASE("Model: memory that does not start on 64 bytes is refused") {
  const Image file = toy_model::image();
  const TestBlock block = test_block(file.size() + 64);
  for (size_t shift : {1, 4, 8, 16, 32}) {
    auto* there = static_cast<std::byte*>(block.get()) + shift;
    std::memcpy(there, file.bytes().data(), file.size());
    const auto model = Model::open({there, file.size()}, toy_model::table());
    CHECK(model.status().code == Code::kBadArgument);
  }
}

TEST_CASE("Model: what is over a limit is refused") {
  const Image file = toy_model::image();
  const auto with = [&](auto Limits::*limit, auto value) {
    Limits limits;
    limits.*limit = value;
    return file.open(limits).status().code;
  };
  const Code over = Code::kUnsupportedModel;
  CHECK(with(&Limits::file_bytes, file.size()) == Code::kOk);
  CHECK(with(&Limits::file_bytes, file.size() - 1) == over);
  CHECK(with(&Limits::metadata_bytes, 100) == Code::kBadModel);
  CHECK(with(&Limits::graphs, 2) == Code::kOk);
  CHECK(with(&Limits::graphs, 1) == over);
  CHECK(with(&Limits::tensors, 8) == Code::kOk);
  CHECK(with(&Limits::tensors, 7) == over);
  CHECK(with(&Limits::nodes, 2) == Code::kOk);
  CHECK(with(&Limits::nodes, 1) == over);
  CHECK(with(&Limits::attributes, 2) == Code::kOk);
  CHECK(with(&Limits::attributes, 1) == over);
  CHECK(with(&Limits::attribute_values, 3) == Code::kOk);
  CHECK(with(&Limits::attribute_values, 2) == over);
  CHECK(with(&Limits::metadata_entries, 3) == Code::kOk);
  CHECK(with(&Limits::metadata_entries, 2) == over);
  CHECK(with(&Limits::dimension, 160) == Code::kOk);
  CHECK(with(&Limits::dimension, 159) == over);
  CHECK(with(&Limits::elements, 165) == Code::kOk);
  CHECK(with(&Limits::elements, 164) == over);
  CHECK(with(&Limits::heap_bytes, size_t{100}) == Code::kTooLittleMemory);
}

TEST_CASE("Model: a build without an op, or with another version of it, says so") {
  const Image file = toy_model::image();
  Fault fault;
  const Op* const some[] = {&toy_model::kScale, &toy_model::kAverage};
  auto status = Model::open(file.bytes(), OpTable{some}, {}, &fault).status();
  CHECK(status.code == Code::kUnsupportedModel);
  CHECK(std::string_view(fault.text) == "graph \"extract\", node 0 \"shifted\" (shift)");
  Op newer = toy_model::kLate;
  newer.version = 2;
  const Op* const other[] = {&toy_model::kScale, &toy_model::kAverage, &toy_model::kShift, &newer};
  status = Model::open(file.bytes(), OpTable{other}, {}, &fault).status();
  CHECK(status.code == Code::kUnsupportedModel);
  CHECK(status.index == 1);
  CHECK(status.where == 1);
}

}  // namespace
}  // namespace ligero
