// SPDX-License-Identifier: Apache-2.0
// The tiny network of tests/golden, for tests that need a checkpoint. Not: its activations.
#ifndef LIGERO_TESTS_CONVERTER_GOLDEN_H_
#define LIGERO_TESTS_CONVERTER_GOLDEN_H_

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>

#include "converter/import/safetensors.h"

namespace ligero::testing {

inline Checkpoint golden_checkpoint() {
  return read_safetensors(std::string(LIGERO_SOURCE_DIR) + "/tests/golden/tiny.safetensors");
}

inline nlohmann::json golden_config() {
  std::ifstream file(std::string(LIGERO_SOURCE_DIR) + "/tests/golden/tiny.json");
  return nlohmann::json::parse(file);
}

}  // namespace ligero::testing

#endif  // LIGERO_TESTS_CONVERTER_GOLDEN_H_
