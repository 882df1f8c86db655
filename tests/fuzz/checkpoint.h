// SPDX-License-Identifier: Apache-2.0
// What a checkpoint reader promises of any bytes: tensors that are whole, or a refusal that names the
// file. Not: which bytes it is given.
#ifndef LIGERO_TESTS_FUZZ_CHECKPOINT_H_
#define LIGERO_TESTS_FUZZ_CHECKPOINT_H_

#include <cmath>
#include <string>

#include "converter/import/error.h"
#include "tests/fuzz/fuzz.h"

namespace ligero::fuzz {

/// `read(source)` reads a checkpoint that messages call `source`; a tensor has `most` elements at most.
template <typename Read>
void expect_checkpoint(const Read& read, size_t most) {
  const std::string source = "fuzz";
  try {
    for (const auto& [name, tensor] : read(source)) {
      size_t elements = 1;
      for (const int64_t n : tensor.shape) {
        elements *= static_cast<size_t>(n);
      }
      expect(tensor.values.size() == elements && elements <= most);
      for (const float value : tensor.values) {
        expect(std::isfinite(value));
      }
    }
  } catch (const ImportError& refusal) {
    expect(std::string(refusal.what()).starts_with(source));
  }
}

}  // namespace ligero::fuzz

#endif  // LIGERO_TESTS_FUZZ_CHECKPOINT_H_
