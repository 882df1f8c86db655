// SPDX-License-Identifier: Apache-2.0
// The ops of the section Products as plain loops in double precision, written from ops/OPS.md and
// not from the ops. Sequences are [frames, bins, channels]; weights are row-major matrices.
#ifndef LIGERO_TESTS_OPS_PRODUCTS_ORACLE_H_
#define LIGERO_TESTS_OPS_PRODUCTS_ORACLE_H_

#include <cmath>
#include <vector>

namespace ligero::testing {

using Floats = std::vector<float>;
using Doubles = std::vector<double>;

struct Epilogue {
  Floats bias;
  Floats slopes;
  Floats scale;
  Floats shift;
  int activation = 0;
};

inline double sigmoid(double x) {
  return 1.0 / (1.0 + std::exp(-x));
}

inline double finish(const Epilogue& e, size_t o, double x) {
  double y = x + (e.bias.empty() ? 0.0 : static_cast<double>(e.bias[o]));
  switch (e.activation) {
    case 1:
      y = y > 0 ? y : 0;
      break;
    case 2:
      y = y > 0 ? y : y * static_cast<double>(e.slopes[o]);
      break;
    case 3:
      y = std::tanh(y);
      break;
    case 4:
      y = sigmoid(y);
      break;
    case 5:
      y = 0.5 * y * (1.0 + std::erf(y / std::sqrt(2.0)));
      break;
    case 6:
      y = y > 0 ? y : std::exp(y) - 1;
      break;
    default:
      break;
  }
  y *= e.scale.empty() ? 1.0 : static_cast<double>(e.scale[o]);
  return y + (e.shift.empty() ? 0.0 : static_cast<double>(e.shift[o]));
}

}  // namespace ligero::testing

#endif  // LIGERO_TESTS_OPS_PRODUCTS_ORACLE_H_
