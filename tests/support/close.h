// SPDX-License-Identifier: Apache-2.0
// Comparison of arrays within a tolerance, with a message that says where. Not: the tolerances.
#ifndef LIGERO_TESTS_SUPPORT_CLOSE_H_
#define LIGERO_TESTS_SUPPORT_CLOSE_H_

#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

namespace ligero::testing {

/// Empty where the arrays agree: |got - want| <= tolerance * max(1, largest |want|) everywhere.
/// Otherwise says how they differ. A NaN never agrees.
template <typename Got, typename Want>
std::string difference(const Got& got, const Want& want, double tolerance) {
  if (got.size() != want.size()) {
    return "sizes " + std::to_string(got.size()) + " and " + std::to_string(want.size());
  }
  double largest = 1.0;
  for (size_t i = 0; i < want.size(); ++i) {
    largest = std::fmax(largest, std::fabs(static_cast<double>(want[i])));
  }
  for (size_t i = 0; i < want.size(); ++i) {
    const double g = static_cast<double>(got[i]);
    const double w = static_cast<double>(want[i]);
    if (!(std::fabs(g - w) <= tolerance * largest)) {
      return "at " + std::to_string(i) + " of " + std::to_string(want.size()) + ": " +
             std::to_string(g) + ", not " + std::to_string(w);
    }
  }
  return "";
}

}  // namespace ligero::testing

#endif  // LIGERO_TESTS_SUPPORT_CLOSE_H_
