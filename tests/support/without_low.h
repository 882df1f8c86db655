// SPDX-License-Identifier: Apache-2.0
// What a session or recording gives of its input where the network changes nothing. Not: any check.
#ifndef LIGERO_TESTS_SUPPORT_WITHOUT_LOW_H_
#define LIGERO_TESTS_SUPPORT_WITHOUT_LOW_H_

#include <cstdint>
#include <span>
#include <vector>

#include "model/session/low_cut.h"

namespace ligero::testing {

/// What the network hears of `x`.
inline std::vector<float> heard(std::span<const float> x, int32_t rate_hz = 16000) {
  std::vector<float> y(x.size());
  int64_t cleaned = 0;
  LowCut cut(rate_hz);
  hear(x, &cut, y.data(), &cleaned);
  return y;
}

/// What comes back of it.
inline std::vector<float> without_low(std::span<const float> x, int32_t rate_hz = 16000) {
  std::vector<float> y(x.size());
  restore(heard(x, rate_hz), rate_hz, y);
  return y;
}

}  // namespace ligero::testing

#endif  // LIGERO_TESTS_SUPPORT_WITHOUT_LOW_H_
