// infer() of every op on random nonsense: it refuses or gives sound shapes, and reads nothing that
// is not there. Not: damaged files (tests/model).
#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "ops/table.h"
#include "tests/support/random.h"

namespace ligero {
namespace {

using testing::Random;

const char* const kAttributes[] = {
    "window",   "hop",      "n_fft",      "past",       "future",     "mode",
    "kernel_t", "kernel_f", "stride_f",   "pad_f",      "out_pad_f",  "reflect_t",
    "begin",    "count",    "bins",       "channels",   "chunks",     "axis",
    "reverse",  "heads",    "dilation_t", "dilation_f", "activation",
};
const char* const kFloats[] = {"exponent", "epsilon", "range", "floor_db", "scale"};

/// Mostly small and plausible, now and then absurd.
int32_t number(Random* random) {
  const int32_t absurd[] = {0, -1, INT32_MIN, INT32_MAX, 1 << 20, 1 << 30, -320, 65536};
  const int32_t likely[] = {1, 2, 3, 4, 15, 16, 30, 80, 160, 161, 201, 320, 400};
  return random->integer(0, 9) == 0 ? absurd[random->integer(0, 7)]
                                    : likely[random->integer(0, 12)];
}

Tensor tensor(Random* random) {
  Tensor t;
  t.kind = static_cast<Kind>(random->integer(0, 2));
  t.type = static_cast<Type>(random->integer(0, 9) == 0 ? random->integer(1, 2) : 0);
  t.layout = static_cast<Layout>(random->integer(0, 4) == 0);
  t.rank = random->integer(0, 19) == 0 ? number(random) : random->integer(1, 2);
  for (int32_t& d : t.dim) {
    d = number(random);
  }
  return t;
}

struct Case {
  std::vector<Tensor> tensors;
  std::vector<int32_t> inputs;
  std::vector<int32_t> outputs;
  std::vector<int32_t> ints;
  std::vector<float> floats;
  std::vector<Attribute> attributes;
};

Case make_case(Random* random) {
  Case c;
  const int num_tensors = random->integer(1, 9);
  for (int i = 0; i < num_tensors; ++i) {
    c.tensors.push_back(tensor(random));
  }
  const int num_inputs = random->integer(0, random->integer(0, 9) == 0 ? 12 : 5);
  for (int i = 0; i < num_inputs; ++i) {
    const bool wild = random->integer(0, 29) == 0;
    c.inputs.push_back(wild ? number(random) : random->integer(-1, num_tensors - 1));
  }
  c.outputs.assign(static_cast<size_t>(random->integer(0, 9) == 0 ? 2 : 1), num_tensors - 1);
  for (size_t i = 0; i < std::size(kAttributes) + std::size(kFloats); ++i) {
    c.ints.push_back(number(random));
    c.floats.push_back(static_cast<float>(number(random)) * 0.01f);
  }
  for (size_t i = 0; i < std::size(kAttributes); ++i) {
    if (random->integer(0, 1) == 0) {
      c.attributes.push_back({kAttributes[i], {&c.ints[i], 1}, {}});
    }
  }
  for (size_t i = 0; i < std::size(kFloats); ++i) {
    c.attributes.push_back({kFloats[i], {}, {&c.floats[i], 1}});
  }
  return c;
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

}  // namespace

TEST_CASE("infer: nonsense is refused or has a sound shape, for every op") {
  for (const Op* op : all_ops().ops) {
    const std::string name = op->name;
    CAPTURE(name);
    int accepted = 0;
    for (uint64_t seed = 0; seed < 3000; ++seed) {
      CAPTURE(seed);
      Random random(seed);
      const Case c = make_case(&random);
      const Node node{"node", op, c.inputs, c.outputs, c.attributes};
      Inference inference;
      if (op->infer({node, c.tensors}, &inference).ok()) {
        check_sound(inference);
        ++accepted;
      }
    }
    CHECK(accepted < 3000);
  }
}

}  // namespace ligero
