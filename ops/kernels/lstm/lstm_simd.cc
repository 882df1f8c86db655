// The LSTM cell in vectors. Not: the gates' functions (vec_math-inl.h).
#include <string.h>

#include "ops/kernels/lstm/lstm.h"
#include "ops/kernels/variants.h"
#include "ops/kernels/vec/vec_math-inl.h"

namespace ligero {
namespace LIGERO_ISA {
namespace {

using D = hn::CappedTag<float, 16>;
using V = hn::Vec<D>;
constexpr int kLanes = static_cast<int>(hn::MaxLanes(D()));

/// kLanes units; gate q of unit 0 is at z + q * stride.
HWY_INLINE void units(const float* z, int64_t stride, float limit, float* c, float* h) {
  const D d;
  const V i = sigmoid_v(d, hn::LoadU(d, z));
  const V f = sigmoid_v(d, hn::LoadU(d, z + stride));
  const V g = tanh_v(d, hn::LoadU(d, z + 2 * stride));
  const V o = sigmoid_v(d, hn::LoadU(d, z + 3 * stride));
  const V sum = hn::MulAdd(f, hn::LoadU(d, c), hn::Mul(i, g));
  // By magnitude, and not by Min and Max, which differ in what they make of a NaN.
  const V bound = hn::Set(d, limit);
  const V next = hn::IfThenElse(hn::Gt(hn::Abs(sum), bound), hn::CopySign(bound, sum), sum);
  hn::StoreU(next, d, c);
  hn::StoreU(hn::Mul(o, tanh_v(d, next)), d, h);
}

void cell_f32(const float* z, int32_t hidden, float limit, float* c, float* h) noexcept {
  int32_t u = 0;
  for (; u + kLanes <= hidden; u += kLanes) {
    units(z + u, hidden, limit, c + u, h + u);
  }
  if (u < hidden) {
    const size_t bytes = static_cast<size_t>(hidden - u) * sizeof(float);
    float gates[4][kLanes] = {};
    float cell[kLanes] = {};
    float out[kLanes];
    for (int q = 0; q < 4; ++q) {
      memcpy(gates[q], z + static_cast<int64_t>(q) * hidden + u, bytes);
    }
    memcpy(cell, c + u, bytes);
    units(gates[0], kLanes, limit, cell, out);
    memcpy(c + u, cell, bytes);
    memcpy(h + u, out, bytes);
  }
}

}  // namespace

extern const LstmKernels kLstm;
const LstmKernels kLstm = {LIGERO_ISA_NAME, cell_f32};

}  // namespace LIGERO_ISA
}  // namespace ligero
