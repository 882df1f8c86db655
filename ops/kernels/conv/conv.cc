// SPDX-License-Identifier: Apache-2.0
// The choice between float and int8 rows. Not: the walk (walk.cc), nor int8 (conv_q8.cc).
#include "ops/kernels/conv/walk.h"

namespace ligero {

void convolve(const ConvProblem* problems, int32_t count, int32_t frames, Parallel* pool) noexcept {
  if (frames <= 0 || problems[0].weights.outputs <= 0) {
    return;
  }
  if (count == 1 && is_small_row(problems[0], frames)) {
    convolve_small_row(problems[0]);
    return;
  }
  if (problems[0].q8 != nullptr) {
    convolve_q8(problems, count, frames, pool);
    return;
  }
  for (int32_t i = 0; i < count; ++i) {
    const ConvRows& rows = problems[i].rows;
    ConvInput input;
    input.f32 = {rows.x, rows.zeros, rows.frame_stride, 0};
    walk_rows(problems[i], input, 0, frames * rows.out_bins, pool);
  }
}

}  // namespace ligero
