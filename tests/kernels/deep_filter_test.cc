// SPDX-License-Identifier: Apache-2.0
// The deep filter against complex<double>. Not: its use of time (tests/ops/deep_filter_test.cc).
#include "ops/kernels/deep_filter/deep_filter.h"

#include <doctest/doctest.h>

#include <complex>
#include <vector>

#include "runtime/base/cpu.h"
#include "tests/support/guard.h"
#include "tests/support/random.h"
#include "tests/support/variants.h"

namespace ligero {
namespace {

using Complex = std::complex<double>;

Complex at(const std::vector<float>& x, int index) {
  const auto i = 2 * static_cast<size_t>(index);
  return {x[i], x[i + 1]};
}

void check_shape(const DeepFilterKernels& kernels, const DeepFilterShape& s) {
  CAPTURE(kernels.name);
  CAPTURE(s.bins);
  CAPTURE(s.kernel_t);
  CAPTURE(s.kernel_f);
  testing::Random random(static_cast<uint64_t>(s.bins * 100 + s.kernel_t));
  const auto taps = random.floats(static_cast<size_t>(2 * s.bins * s.kernel_t * s.kernel_f));
  const auto spectrum = random.floats(static_cast<size_t>(2 * s.bins * s.kernel_t));
  testing::Guarded<float> taps_guarded(taps, testing::Edge::kEnd);
  testing::Guarded<float> spectrum_guarded(spectrum, testing::Edge::kEnd);
  std::vector<float> out(static_cast<size_t>(2 * s.bins));
  kernels.deep_filter_f32(s, taps_guarded.data(), spectrum_guarded.data(), out.data());
  for (int f = 0; f < s.bins; ++f) {
    Complex want = 0.0;
    for (int l = 0; l < s.kernel_t; ++l) {
      for (int i = 0; i < s.kernel_f; ++i) {
        const int bin = f + i - s.kernel_f / 2;
        if (bin >= 0 && bin < s.bins) {
          want += at(taps, (f * s.kernel_t + l) * s.kernel_f + i) * at(spectrum, l * s.bins + bin);
        }
      }
    }
    CHECK(std::abs(at(out, f) - want) < 1e-5);
  }
}

}  // namespace

TEST_CASE("deep_filter_f32: all edges match complex arithmetic in double") {
  const auto variants = testing::every_variant(kDeepFilterVariants);
  for (size_t v = 0; v < variants.size(); ++v) {
    for (const int bins : {1, 2, 3, 7, 161}) {
      for (const int kernel_t : {1, 2, 5}) {
        for (const int kernel_f : {1, 3, 5, 7}) {
          check_shape(*variants[v], {bins, kernel_t, kernel_f});
        }
      }
    }
  }
}

}  // namespace ligero
