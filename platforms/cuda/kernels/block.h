// SPDX-License-Identifier: Apache-2.0
// The threads of a block as a kernel sees them, on the GPU and, for tests, on the host. Not: a
// kernel.
//
// A kernel is a struct of plain data, its arguments, with
//   static constexpr int kLanes: threads of a block on the GPU;
//   template <int kLanes> void operator()(const Block<kLanes>&) const: what one thread does.
// It is written for any number of threads, so that the host can run it with one, and with a few
// real threads under a race detector.
#ifndef LIGERO_PLATFORMS_CUDA_KERNELS_BLOCK_H_
#define LIGERO_PLATFORMS_CUDA_KERNELS_BLOCK_H_

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__CUDACC__)
#include <cuda_fp16.h>
#define LIGERO_KERNEL __host__ __device__ __forceinline__
#else
#define LIGERO_KERNEL inline
#endif
#if defined(__CUDA_ARCH__)
#define LIGERO_UNROLL _Pragma("unroll")
#else
#define LIGERO_UNROLL
#endif

namespace ligero::cuda {

/// Most threads of a block; what a kernel may ask for in shared memory on every GPU.
inline constexpr int kMostLanes = 256;
inline constexpr int kMostSharedBytes = 40 * 1024;

/// Lets the host's threads of a block wait for each other.
class Barrier {
 public:
  virtual void wait() = 0;

 protected:
  ~Barrier() = default;
};

template <int kLanes>
class Block {
  static_assert((kLanes & (kLanes - 1)) == 0 && kLanes <= kMostLanes);

 public:
  int32_t x = 0;
  int32_t y = 0;
  int32_t z = 0;
  int32_t step = 0;  ///< of a launch that is repeated
  int32_t lane = 0;
  float* shared = nullptr;     ///< what the launch asked for
  double* meeting = nullptr;   ///< [kLanes], of join()
  Barrier* barrier = nullptr;  ///< host only; null where there is one thread

  LIGERO_KERNEL void sync() const {
#if defined(__CUDA_ARCH__)
    __syncthreads();
#else
    if (barrier != nullptr) {
      barrier->wait();
    }
#endif
  }

  /// f(i) for 0 <= i < count, shared out over the threads, neighbours to neighbours.
  template <typename F>
  LIGERO_KERNEL void each(int32_t count, const F& f) const {
    for (int32_t i = lane; i < count; i += kLanes) {
      f(i);
    }
  }

  /// Joins the threads' values pairwise; all get the result.
  template <typename F>
  LIGERO_KERNEL double join(double value, const F& f) const {
    sync();  // all have read what the last call left
    meeting[lane] = value;
    sync();
    for (int32_t half = kLanes / 2; half > 0; half /= 2) {
      if (lane < half) {
        meeting[lane] = f(meeting[lane], meeting[lane + half]);
      }
      sync();
    }
    return meeting[0];
  }
  LIGERO_KERNEL double sum(double value) const {
    return join(value, [](double a, double b) { return a + b; });
  }
  LIGERO_KERNEL double largest(double value) const {
    return join(value, [](double a, double b) { return a > b ? a : b; });
  }
};

/// IEEE half precision as it lies in memory.
struct Half {
  uint16_t bits;
};

LIGERO_KERNEL float widen(float x) {
  return x;
}

/// int8; the scale of its output is still to be applied.
LIGERO_KERNEL float widen(int8_t x) {
  return static_cast<float>(x);
}

LIGERO_KERNEL float widen(Half h) {
#if defined(__CUDA_ARCH__)
  return __half2float(__ushort_as_half(h.bits));
#else
  const uint32_t sign = (h.bits & 0x8000u) << 16;
  const uint32_t exponent = (h.bits >> 10) & 0x1Fu;
  const uint32_t mantissa = h.bits & 0x3FFu;
  if (exponent == 0) {
    const float magnitude = static_cast<float>(mantissa) * 0x1p-24f;
    return sign != 0 ? -magnitude : magnitude;
  }
  const uint32_t bits = sign | ((exponent == 31 ? 255u : exponent + 112u) << 23) | (mantissa << 13);
  float x = 0.0f;
  std::memcpy(&x, &bits, sizeof(x));
  return x;
#endif
}

/// A value that no thread of this launch writes.
LIGERO_KERNEL float read(const float* from) {
#if defined(__CUDA_ARCH__)
  return __ldg(from);
#else
  return *from;
#endif
}

/// Neighbours that are loaded at once.
inline constexpr int32_t kQuad = 4;

/// Four values, aligned to their own size, in one transaction.
template <typename W>
LIGERO_KERNEL void load_quad(const W* from, float (&to)[kQuad]) {
  struct alignas(kQuad * sizeof(W)) Quad {
    W value[kQuad];
  };
  const Quad quad = *reinterpret_cast<const Quad*>(from);
  LIGERO_UNROLL
  for (int32_t i = 0; i < kQuad; ++i) {
    to[i] = widen(quad.value[i]);
  }
}

}  // namespace ligero::cuda

#endif  // LIGERO_PLATFORMS_CUDA_KERNELS_BLOCK_H_
