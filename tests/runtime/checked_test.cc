// SPDX-License-Identifier: Apache-2.0
// Sizes that a hostile file asks for, and the plans made of them. Not: what ops ask for.
#include "runtime/base/checked.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <tuple>

#include "runtime/plan/plan.h"
#include "tests/support/toy_ops.h"

namespace ligero {
namespace {

TEST_CASE("bytes: what fits is exact, what does not stays at the limit") {
  CHECK(bytes_of(3, 4) == 12);
  CHECK(bytes_of(0, 4) == 0);
  CHECK(bytes_of(INT64_MAX, 0) == 0);
  CHECK(bytes_of(INT64_MAX, 1) == (sizeof(size_t) < 8 ? kTooManyBytes : INT64_MAX));
  CHECK(bytes_of(INT64_MAX, 2) == kTooManyBytes);
  CHECK(bytes_of(int64_t{1} << 62, size_t{1} << 30) == kTooManyBytes);
  CHECK(bytes_of(int64_t{1} << 32, 1) ==
        (sizeof(size_t) < 8 ? kTooManyBytes : size_t{1} << 31 << 1));
  CHECK(bytes_of(static_cast<int64_t>(kTooManyBytes / 4) - 1, 4) == kTooManyBytes - 4);
  CHECK(bytes_of(static_cast<int64_t>(kTooManyBytes / 4), 4) == kTooManyBytes);
  CHECK(add_bytes(3, 4) == 7);
  CHECK(add_bytes(kTooManyBytes - 4, 3) == kTooManyBytes - 1);
  CHECK(add_bytes(kTooManyBytes - 4, 4) == kTooManyBytes);
  CHECK(add_bytes(kTooManyBytes, kTooManyBytes) == kTooManyBytes);
  CHECK(add_bytes(1, SIZE_MAX) == kTooManyBytes);
  CHECK(align_up(kTooManyBytes) == kTooManyBytes);
}

TEST_CASE("plan: of more bytes than there are addresses it is refused, never wrapped") {
  for (const Mode mode : {Mode::kOffline, Mode::kStream}) {
    // 2^30 floats and more than 2^32 bytes, each tensor or all together; window(4, 0).
    for (const auto& [bins, frames, tensors] : {std::tuple(1 << 20, 1 << 10, 2),
                                                std::tuple(1 << 19, 1 << 9, 4),
                                                std::tuple(1 << 16, 1 << 10, 17)}) {
      CAPTURE(bins);
      toy::Sketch s;
      int32_t last = s.input(Kind::kSequence, bins, 1);
      for (int i = 1; i < tensors; ++i) {
        last = s.node(toy::kWindow, {last}, 4, 0);
      }
      s.outputs = {last};
      const Result<Plan> plan = make_plan(
          s.graph(), {.mode = mode, .max_frames = frames, .keep_all = mode == Mode::kOffline});
      const uint64_t least = uint64_t{4} * bins * frames * tensors;
      if (plan.ok()) {
        CHECK(plan.value().bytes() >= least);
      } else {
        CHECK(sizeof(size_t) < 8);
        CHECK(plan.status().code == Code::kTooLittleMemory);
      }
    }
  }
}

}  // namespace
}  // namespace ligero
