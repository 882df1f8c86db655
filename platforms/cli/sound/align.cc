// SPDX-License-Identifier: Apache-2.0
// Cross-correlation by blocks. Lags are searched in stretches of kStep. Block b of the reference is
// multiplied with segment b + s of the estimate for stretch s, and the products are summed over all
// blocks before they are transformed back. Not: which files are compared (score.cc).
#include "platforms/cli/sound/align.h"

#include <cmath>
#include <complex>
#include <cstddef>
#include <deque>
#include <vector>

#include "ops/kernels/fft/fft.h"

namespace ligero::cli {

namespace {

constexpr int kStep = kMaxFftSamples / 2;
constexpr int kBins = kMaxFftSamples / 2 + 1;

using Spectrum = std::vector<std::complex<float>>;

class Transform {
 public:
  Transform()
      : table_(fft_table_floats(kMaxFftSamples)),
        fft_(fft_prepare(kMaxFftSamples, table_.data())),
        work_(fft_work_floats(kMaxFftSamples)),
        frame_(kMaxFftSamples) {}

  /// Of `count` samples from `begin` on; what lies outside of `x`, and the rest of the frame, is
  /// zero.
  Spectrum forward(std::span<const float> x, int64_t begin, int count) {
    for (int i = 0; i < kMaxFftSamples; ++i) {
      const int64_t at = begin + i;
      const bool there = i < count && at >= 0 && at < static_cast<int64_t>(x.size());
      frame_[static_cast<size_t>(i)] = there ? x[static_cast<size_t>(at)] : 0.0f;
    }
    Spectrum out(kBins);
    fft_forward_f32(fft_, frame_.data(), work_.data(), reinterpret_cast<float*>(out.data()));
    return out;
  }

  std::span<const float> inverse(const Spectrum& spectrum) {
    fft_inverse_f32(
        fft_, reinterpret_cast<const float*>(spectrum.data()), work_.data(), frame_.data());
    return frame_;
  }

 private:
  std::vector<float> table_;
  Fft fft_;
  std::vector<float> work_;
  std::vector<float> frame_;
};

}  // namespace

int64_t find_lag(std::span<const float> estimate,
                 std::span<const float> reference,
                 int64_t most_samples) {
  Transform transform;
  const int64_t reach = (most_samples + kStep - 1) / kStep;  // stretches before 0, and from 0 on
  std::vector<Spectrum> sums(static_cast<size_t>(2 * reach + 1), Spectrum(kBins));
  std::deque<Spectrum> segments;  // of block - reach to block + reach
  const auto segment = [&](int64_t index) {
    return transform.forward(estimate, index * kStep, kMaxFftSamples);
  };
  for (int64_t s = -reach; s < reach; ++s) {
    segments.push_back(segment(s));
  }
  const int64_t blocks = (static_cast<int64_t>(reference.size()) + kStep - 1) / kStep;
  for (int64_t block = 0; block < blocks; ++block) {
    segments.push_back(segment(block + reach));
    const Spectrum r = transform.forward(reference, block * kStep, kStep);
    for (size_t s = 0; s < sums.size(); ++s) {
      for (size_t k = 0; k < kBins; ++k) {
        sums[s][k] += std::conj(r[k]) * segments[s][k];
      }
    }
    segments.pop_front();
  }
  int64_t best = 0;
  float most = -1.0f;
  for (size_t s = 0; s < sums.size(); ++s) {
    const std::span<const float> likeness = transform.inverse(sums[s]);
    for (int i = 0; i < kStep; ++i) {
      const int64_t lag = (static_cast<int64_t>(s) - reach) * kStep + i;
      const float here = std::abs(likeness[static_cast<size_t>(i)]);
      if (std::abs(lag) <= most_samples && here > most) {
        most = here;
        best = lag;
      }
    }
  }
  return best;
}

}  // namespace ligero::cli
