// SPDX-License-Identifier: Apache-2.0
// A sound node of every op, for the tests that damage one. Not: what its op computes.
#ifndef LIGERO_TESTS_SUPPORT_SOUND_NODES_H_
#define LIGERO_TESTS_SUPPORT_SOUND_NODES_H_

#include <cstdint>
#include <vector>

#include "runtime/graph.h"

namespace ligero::testing {

struct SoundShape {
  Kind kind;
  int32_t bins;
  int32_t channels;
};

struct SoundInteger {
  const char* name;
  int32_t value;
};

/// A node that its op accepts, as tests damage it. Weights are panels where the op is a product and
/// they have more than one row; floats are 0.5.
struct SoundNode {
  const char* op;
  std::vector<SoundShape> inputs;
  std::vector<SoundInteger> ints;
  std::vector<const char*> floats = {};
};

/// All that there are; every op has one.
const std::vector<SoundNode>& sound_nodes();

/// Adds one, from the test of a new op: 
/// `const AddSoundNode kSound({"leaky_relu", {{Kind::kSequence, 3, 16}}, {}, {"slope"}});`.
struct AddSoundNode {
  explicit AddSoundNode(SoundNode node);
};

}  // namespace ligero::testing

#endif  // LIGERO_TESTS_SUPPORT_SOUND_NODES_H_
