// SPDX-License-Identifier: Apache-2.0
// The cosine of two embeddings.
#include "model/session/verify.h"

#include <cmath>

namespace ligero {

Result<double> similarity(const Profile& a, const Profile& b) {
  if (a.family() != b.family()) {
    return error(Code::kBadArgument, "the profiles are of different model families");
  }
  const std::span<const float> x = a.find(kVoiceTensor);
  const std::span<const float> y = b.find(kVoiceTensor);
  if (x.empty() || x.size() != y.size()) {
    return error(Code::kBadArgument,
                 "a profile has no voice to compare: its model has no speaker network");
  }
  double xy = 0.0;
  double xx = 0.0;
  double yy = 0.0;
  for (size_t i = 0; i < x.size(); ++i) {
    xy += static_cast<double>(x[i]) * static_cast<double>(y[i]);
    xx += static_cast<double>(x[i]) * static_cast<double>(x[i]);
    yy += static_cast<double>(y[i]) * static_cast<double>(y[i]);
  }
  return xx > 0.0 && yy > 0.0 ? xy / std::sqrt(xx * yy) : 0.0;
}

}  // namespace ligero
