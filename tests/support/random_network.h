// SPDX-License-Identifier: Apache-2.0
// Networks of real configurations, with random weights or those that ship, through the converter.
// Not: their quality.
#ifndef LIGERO_TESTS_SUPPORT_RANDOM_NETWORK_H_
#define LIGERO_TESTS_SUPPORT_RANDOM_NETWORK_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "runtime/graph.h"

namespace ligero::testing {

/// The bytes of a model file: the network of `config_path` (JSON), its tensors drawn from `seed`,
/// every pass run, matrices of type `weights`.
std::vector<std::byte> random_network(const std::string& config_path,
                                      uint64_t seed,
                                      Type weights = Type::kF32);

/// The same with the weights of model/pretrained/<name>.safetensors of the source tree `source`.
std::vector<std::byte> pretrained_network(const std::string& source,
                                          const std::string& name,
                                          Type weights = Type::kF32);

}  // namespace ligero::testing

#endif  // LIGERO_TESTS_SUPPORT_RANDOM_NETWORK_H_
