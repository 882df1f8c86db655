// SPDX-License-Identifier: Apache-2.0
// The array functions of vec.h in vectors. Not: the formulas (vec_math-inl.h).

#include <string.h>

#include "ops/kernels/variants.h"
#include "ops/kernels/vec/vec.h"
#include "ops/kernels/vec/vec_math-inl.h"

namespace ligero {
namespace LIGERO_ISA {
namespace {

using D = hn::CappedTag<float, 16>;
using V = hn::Vec<D>;
constexpr size_t kLanes = hn::MaxLanes(D());

struct Exp {
  static HWY_INLINE V apply(V x) {
    return exp_v(D(), x);
  }
};
struct Sigmoid {
  static HWY_INLINE V apply(V x) {
    return sigmoid_v(D(), x);
  }
};
struct Tanh {
  static HWY_INLINE V apply(V x) {
    return tanh_v(D(), x);
  }
};
struct Gelu {
  static HWY_INLINE V apply(V x) {
    return gelu_v(D(), x);
  }
};
struct Elu {
  static HWY_INLINE V apply(V x) {
    return elu_v(D(), x);
  }
};
struct Relu {
  static HWY_INLINE V apply(V x) {
    return relu_v(D(), x);
  }
};

/// The last, partial vector goes through a buffer, so that every element sees the same arithmetic.
template <class F>
void apply(const float* x, size_t n, float* y) noexcept {
  const D d;
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    hn::StoreU(F::apply(hn::LoadU(d, x + i)), d, y + i);
  }
  if (i < n) {
    alignas(64) float rest[kLanes] = {};
    memcpy(rest, x + i, (n - i) * sizeof(float));
    hn::Store(F::apply(hn::Load(d, rest)), d, rest);
    memcpy(y + i, rest, (n - i) * sizeof(float));
  }
}

void prelu(const float* x, const float* slopes, size_t n, float* y) noexcept {
  const D d;
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    hn::StoreU(prelu_v(d, hn::LoadU(d, x + i), hn::LoadU(d, slopes + i)), d, y + i);
  }
  for (; i < n; ++i) {
    y[i] = x[i] > 0.0f ? x[i] : x[i] * slopes[i];
  }
}

}  // namespace

extern const VecKernels kVec;
const VecKernels kVec = {
    LIGERO_ISA_NAME,
    apply<Exp>,
    apply<Sigmoid>,
    apply<Tanh>,
    apply<Gelu>,
    apply<Elu>,
    apply<Relu>,
    prelu,
};

}  // namespace LIGERO_ISA
}  // namespace ligero
