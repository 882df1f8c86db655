// SPDX-License-Identifier: Apache-2.0
// The filters over whole recordings.
#include "model/session/low_cut.h"

#include <cmath>

#include "runtime/base/fpmode.h"

namespace ligero {

double hear(std::span<const float> recording, LowCut* cut, float* to, int64_t* cleaned) noexcept {
  const FlushToZero mode;  // what the filter leaves of silence would be denormal
  double squares = 0.0;
  for (size_t i = 0; i < recording.size(); ++i) {
    const bool good = std::isfinite(recording[i]);
    *cleaned += good ? 0 : 1;
    const float x = cut->next(good ? recording[i] : 0.0f);
    squares += static_cast<double>(x) * static_cast<double>(x);
    if (to != nullptr) {
      to[i] = x;
    }
  }
  return squares;
}

void restore(std::span<const float> out, int32_t rate_hz, std::span<float> voice) noexcept {
  const FlushToZero mode;
  LowRestore filter(rate_hz);
  const size_t early = out.size() - voice.size();
  for (size_t i = 0; i < out.size(); ++i) {
    const float x = filter.next(out[i]);
    if (i >= early) {
      voice[i - early] = x;
    }
  }
}

}  // namespace ligero
