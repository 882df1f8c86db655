// SPDX-License-Identifier: Apache-2.0
// What attributes every op takes, and how it refuses others. Not: what its options do.
#include "ops/options.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdio>
#include <limits>
#include <string>
#include <vector>

#include "ops/option_table.h"
#include "ops/table.h"
#include "tests/support/sound_nodes.h"

namespace ligero {
namespace {

using testing::sound_nodes;
using testing::SoundNode;

/// A sound node's attributes, one of which may be changed.
struct Attributes {
  std::vector<std::string> names;
  std::vector<std::vector<int32_t>> ints;
  std::vector<std::vector<float>> floats;

  explicit Attributes(const SoundNode& node) {
    for (const auto& i : node.ints) {
      add(i.name, {i.value}, {});
    }
    for (const char* name : node.floats) {
      add(name, {}, {0.5f});
    }
  }
  void add(const char* name, std::vector<int32_t> i, std::vector<float> f) {
    names.emplace_back(name);
    ints.push_back(std::move(i));
    floats.push_back(std::move(f));
  }
  Status parse(const Op& op, OpOptions* options = nullptr) const {
    std::vector<Attribute> attributes;
    for (size_t i = 0; i < names.size(); ++i) {
      attributes.push_back({names[i], ints[i], floats[i]});
    }
    OpOptions own;
    return parse_options({"node", &op, {}, {}, attributes}, options ? options : &own);
  }
};

const Op& op_of(const SoundNode& node) {
  return *all_ops().find(node.op);
}

/// Attribute `k` as it is refused with another type, no value or two; returns the message.
std::string refusal(const SoundNode& node, size_t k) {
  const Op& op = op_of(node);
  const Attributes sound(node);
  const bool real = sound.ints[k].empty();
  Attributes other = sound;
  other.ints[k].assign(real ? 1 : 0, 1);
  other.floats[k].assign(real ? 0 : 1, 1.0f);
  const Status type = other.parse(op);
  CHECK(type.code == Code::kBadModel);
  Attributes none = sound;
  none.ints[k].clear();
  none.floats[k].clear();
  CHECK(none.parse(op).message == type.message);
  Attributes two = sound;
  real ? two.floats[k].push_back(0.5f) : two.ints[k].push_back(1);
  CHECK(two.parse(op).message == type.message);
  Attributes twice = sound;
  twice.add(sound.names[k].c_str(), sound.ints[k], sound.floats[k]);
  CHECK(twice.parse(op).message == type.message);
  return type.message;
}

}  // namespace

TEST_CASE("options: an attribute that an op does not know is refused, by every op") {
  for (const SoundNode& node : sound_nodes()) {
    const std::string op = node.op;
    CAPTURE(op);
    Attributes attributes(node);
    CHECK(attributes.parse(op_of(node)).ok());
    attributes.add("colour", {1}, {});
    CHECK(attributes.parse(op_of(node)).code == Code::kBadModel);
    for (const char* name : {"", "activation must", "must"}) {
      attributes.names.back() = name;
      CHECK(attributes.parse(op_of(node)).code == Code::kBadModel);
    }
  }
}

TEST_CASE("options: a refusal says the name, the type and the range that holds") {
  for (const SoundNode& node : sound_nodes()) {
    const Attributes sound(node);
    for (size_t k = 0; k < sound.names.size(); ++k) {
      const std::string message = refusal(node, k);
      CAPTURE(message);
      double least = 0;
      double most = 0;
      const bool real = sound.ints[k].empty();
      const std::string format =
          sound.names[k] + " must be one " + (real ? "float" : "integer") + " from %lf to %lf";
      REQUIRE(std::sscanf(message.c_str(), format.c_str(), &least, &most) == 2);
      const auto with = [&](double value) {
        Attributes changed = sound;
        if (real) {
          changed.floats[k] = {static_cast<float>(value)};
        } else {
          changed.ints[k] = {static_cast<int32_t>(value)};
        }
        return changed.parse(op_of(node)).message;
      };
      const double below = real ? std::nextafter(static_cast<float>(least), -INFINITY) : least - 1;
      const double above = real ? std::nextafter(static_cast<float>(most), INFINITY) : most + 1;
      CHECK(with(least) == std::string("ok"));
      CHECK(with(most) == std::string("ok"));
      CHECK(with(below) == message);
      CHECK(with(above) == message);
      if (real) {
        CHECK(with(NAN) == message);
      }
    }
  }
}

TEST_CASE("options: what is not there has its default, or is refused where it must be there") {
  const auto parsed = [](const char* op, OpOptions* options) {
    return Attributes(SoundNode{op, {}, {}, {}}).parse(*all_ops().find(op), options);
  };
  OpOptions options;
  REQUIRE(parsed("attention", &options).ok());
  const auto& attention = options.as<AttentionOptions>();
  CHECK((attention.axis == 0 && attention.window == 0 && attention.heads == 1));
  CHECK(attention.scale == 1.0f);
  REQUIRE(parsed("layer_norm", &options).ok());
  CHECK(options.as<NormOptions>().epsilon == 1e-5f);
  REQUIRE(parsed("time_std", &options).ok());
  CHECK(options.as<TimeStdOptions>().epsilon == 1e-12f);
  REQUIRE(parsed("input_level", &options).ok());
  CHECK(options.as<InputLevelOptions>().floor_db == -50.0f);
  CHECK(parsed("power", &options).message ==
        std::string("exponent must be one float from 0 to 64"));
  CHECK(parsed("conv2d", &options).message ==
        std::string("kernel_t must be one integer from 1 to 4096"));
}

}  // namespace ligero
