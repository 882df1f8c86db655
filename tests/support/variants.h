// SPDX-License-Identifier: Apache-2.0
// The variants of a kernel that this processor runs. Not: what a test does with each.
#ifndef LIGERO_TESTS_SUPPORT_VARIANTS_H_
#define LIGERO_TESTS_SUPPORT_VARIANTS_H_

#include <vector>

#include "ops/kernels/variants.h"
#include "runtime/base/cpu.h"

namespace ligero::testing {

/// Best first, the reference last.
template <typename Kernels>
std::vector<const Kernels*> every_variant(const Variants<Kernels>& variants) {
  std::vector<const Kernels*> all;
  while (const Kernels* next = variants.nth(cpu_features(), all.size())) {
    all.push_back(next);
  }
  return all;
}

}  // namespace ligero::testing

#endif  // LIGERO_TESTS_SUPPORT_VARIANTS_H_
