// SPDX-License-Identifier: Apache-2.0
// Seeded random numbers for tests, the same on every platform. Not: distributions beyond uniform.
#ifndef LIGERO_TESTS_SUPPORT_RANDOM_H_
#define LIGERO_TESTS_SUPPORT_RANDOM_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace ligero::testing {

/// xorshift64*; the seed may be anything.
class Random {
 public:
  explicit Random(uint64_t seed) : s_(seed * 0x9E3779B97F4A7C15u + 0x2545F4914F6CDD1Du) {
    if (s_ == 0) {
      s_ = 1;
    }
  }
  uint64_t next() {
    s_ ^= s_ >> 12;
    s_ ^= s_ << 25;
    s_ ^= s_ >> 27;
    return s_ * 0x2545F4914F6CDD1Du;
  }
  /// Uniform in [low, high).
  float uniform(float low = -1.0f, float high = 1.0f) {
    const float u = static_cast<float>(next() >> 40) * (1.0f / 16777216.0f);
    return low + (high - low) * u;
  }
  /// Uniform in [low, high], both included.
  int integer(int low, int high) {
    return low + static_cast<int>((next() >> 33) % static_cast<uint64_t>(high - low + 1));
  }
  std::vector<float> floats(size_t n, float low = -1.0f, float high = 1.0f) {
    std::vector<float> v(n);
    for (float& x : v) {
      x = uniform(low, high);
    }
    return v;
  }

 private:
  uint64_t s_;
};

}  // namespace ligero::testing

#endif  // LIGERO_TESTS_SUPPORT_RANDOM_H_
