// SPDX-License-Identifier: Apache-2.0
// infer() of every op on random nonsense: it refuses or gives sound shapes, and reads nothing that
// is not there. Not: damaged files (tests/model).
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "ops/table.h"
#include "tests/support/random.h"
#include "tests/support/sound_nodes.h"

namespace ligero {
namespace {

using testing::Random;
using testing::sound_nodes;
using testing::SoundInteger;
using testing::SoundNode;
using testing::SoundShape;

/// Mostly small and plausible, now and then absurd.
int32_t number(Random* random) {
  const int32_t absurd[] = {0, -1, INT32_MIN, INT32_MAX, 1 << 20, 1 << 30, -320, 65536};
  const int32_t likely[] = {1, 2, 3, 4, 15, 16, 30, 80, 160, 161, 201, 320, 400};
  return random->integer(0, 9) == 0 ? absurd[random->integer(0, 7)]
                                    : likely[random->integer(0, 12)];
}

struct Case {
  std::vector<Tensor> tensors;
  std::vector<int32_t> inputs;
  std::vector<int32_t> outputs;
  std::vector<int32_t> ints;
  std::vector<float> floats;
  std::vector<Attribute> attributes;
};

bool is_product(const std::string& op) {
  return op == "linear" || op == "band_linear" || op == "lstm" || op == "gru" ||
         op.rfind("conv2d", 0) == 0;
}

Case make_case(const SoundNode& sound) {
  Case c;
  for (const SoundShape& shape : sound.inputs) {
    c.inputs.push_back(static_cast<int32_t>(c.tensors.size()));
    Tensor t;
    t.kind = shape.kind;
    t.rank = 2;
    t.dim[0] = shape.bins;
    t.dim[1] = shape.channels;
    if (shape.kind == Kind::kWeight && shape.bins == 1) {
      t.rank = 1;
      t.dim[0] = shape.channels;
    } else if (shape.kind == Kind::kWeight && is_product(sound.op)) {
      t.layout = Layout::kPanels;
    }
    c.tensors.push_back(t);
  }
  c.outputs = {static_cast<int32_t>(c.tensors.size())};
  c.tensors.emplace_back();
  for (const SoundInteger& i : sound.ints) {
    c.ints.push_back(i.value);
  }
  c.floats.assign(sound.floats.size(), 0.5f);
  for (size_t i = 0; i < sound.ints.size(); ++i) {
    c.attributes.push_back({sound.ints[i].name, {&c.ints[i], 1}, {}});
  }
  for (size_t i = 0; i < sound.floats.size(); ++i) {
    c.attributes.push_back({sound.floats[i], {}, {&c.floats[i], 1}});
  }
  return c;
}

template <typename T>
T& pick(Random* random, std::vector<T>& v) {
  return v[static_cast<size_t>(random->integer(0, static_cast<int>(v.size()) - 1))];
}

void damage(Random* random, Case* c) {
  const float floats[] = {0.0f, -1.0f, NAN, INFINITY, 1e30f, 1e-30f};
  Tensor& t = pick(random, c->tensors);
  switch (random->integer(0, 9)) {
    case 0:
      t.kind = static_cast<Kind>(random->integer(0, 2));
      break;
    case 1:
      t.type = static_cast<Type>(random->integer(0, 2));
      break;
    case 2:
      t.layout = static_cast<Layout>(random->integer(0, 1));
      break;
    case 3:
      t.rank = number(random);
      break;
    case 4:
    case 5:
      t.dim[random->integer(0, 1)] = number(random);
      break;
    case 6:
      pick(random, c->inputs) =
          random->integer(0, 1) == 0 ? number(random) : random->integer(-1, 3);
      break;
    case 7:
      c->inputs.resize(static_cast<size_t>(random->integer(1, 10)), random->integer(-1, 0));
      break;
    default:
      if (!c->ints.empty()) {
        pick(random, c->ints) = number(random);
      }
      if (!c->floats.empty()) {
        pick(random, c->floats) = floats[random->integer(0, 5)];
      }
      break;
  }
}

void check_sound(const Inference& inference) {
  const Inference::Output& o = inference.outputs[0];
  REQUIRE((o.rank >= 1 && o.rank <= kMaxRank));
  int64_t elements = 1;
  for (int32_t i = 0; i < o.rank; ++i) {
    REQUIRE(o.dim[i] >= 1);
    elements *= o.dim[i];
    REQUIRE(elements <= INT32_MAX);
  }
  REQUIRE(inference.macs >= 0);
  for (const TimeBehaviour& t : inference.time) {
    REQUIRE((t.past >= 0 && t.future >= 0));
  }
}

/// As the runtime calls it.
Status infer(const Op& op, const Case& c, Inference* inference) {
  bool sequence = false;
  for (const int32_t i : c.inputs) {
    const bool there = i >= 0 && i < static_cast<int32_t>(c.tensors.size());
    sequence |= there && c.tensors[static_cast<size_t>(i)].kind == Kind::kSequence;
  }
  for (Inference::Output& o : inference->outputs) {
    o.kind = sequence ? Kind::kSequence : Kind::kConstant;
  }
  const Node node{"node", &op, c.inputs, c.outputs, c.attributes};
  OpOptions options;
  LIGERO_RETURN_IF_ERROR(parse_options(node, &options));
  return op.infer({node, c.tensors, options}, inference);
}

}  // namespace

TEST_CASE("infer: a damaged node is refused or has a sound shape, for every op") {
  for (const Op* op : all_ops().ops) {
    const std::string name = op->name;
    CAPTURE(name);
    CHECK(std::count_if(sound_nodes().begin(), sound_nodes().end(), [&](const SoundNode& sound) {
            return sound.op == name;
          }) == 1);
  }
  for (const SoundNode& sound : sound_nodes()) {
    const std::string name = sound.op;
    CAPTURE(name);
    const Op* op = all_ops().find(name);
    REQUIRE(op != nullptr);
    Inference whole;
    const Status status = infer(*op, make_case(sound), &whole);
    const std::string message = status.message;
    CAPTURE(message);
    REQUIRE(status.ok());
    check_sound(whole);
    for (uint64_t seed = 0; seed < 2000; ++seed) {
      CAPTURE(seed);
      Random random(seed);
      Case c = make_case(sound);
      for (int i = random.integer(1, 4); i > 0; --i) {
        damage(&random, &c);
      }
      Inference inference;
      if (infer(*op, c, &inference).ok()) {
        check_sound(inference);
      }
    }
  }
}

}  // namespace ligero
