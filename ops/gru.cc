// SPDX-License-Identifier: Apache-2.0
// gru: PyTorch's GRU, one direction. Not: the walk over steps (recurrent.h).
//
//   r = sigmoid(x_r + h_r), u = sigmoid(x_u + h_u), n = tanh(x_n + r h_n), h = n + u (h - n)
//
// where x_* are the input product with its bias and h_* the recurrent one with its own: r acts on
// the latter, bias and all, so that the two cannot be summed.
#include "ops/frames.h"
#include "ops/kernels/vec/vec.h"
#include "ops/recurrent.h"
#include "ops/table.h"

namespace ligero {
namespace {

class GruCell {
 public:
  static constexpr int32_t kGates = 3;  // r, u (PyTorch: z), n
  static constexpr size_t kBiases = 2;
  GruCell(uint32_t cpu, const RecurrentOptions&) : vec_(&kVecVariants.best(cpu)) {}

  /// The memory is the output of the step before.
  void operator()(float* x, const float* r, int32_t hidden, float* c, float* h) const noexcept {
    const int32_t both = 2 * hidden;
    LIGERO_ELEMENTWISE
    for (int32_t i = 0; i < both; ++i) {
      x[i] += r[i];
    }
    vec_->sigmoid_f32(x, static_cast<size_t>(both), x);
    float* n = x + both;
    LIGERO_ELEMENTWISE
    for (int32_t i = 0; i < hidden; ++i) {
      n[i] += x[i] * r[both + i];
    }
    vec_->tanh_f32(n, static_cast<size_t>(hidden), n);
    const float* u = x + hidden;
    LIGERO_ELEMENTWISE
    for (int32_t i = 0; i < hidden; ++i) {
      c[i] = n[i] + u[i] * (c[i] - n[i]);
      h[i] = c[i];
    }
  }

 private:
  const VecKernels* vec_;
};

constexpr Option kOptions[] = {
    LIGERO_INT_OPTION(RecurrentOptions, axis, 0, 0, 1),
    LIGERO_INT_OPTION(RecurrentOptions, reverse, 0, 0, 1),
};

}  // namespace

const Op kGruOp = Recurrent<GruCell>::op("gru", parse<kOptions>);

}  // namespace ligero
