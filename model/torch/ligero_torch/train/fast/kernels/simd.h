// SPDX-License-Identifier: Apache-2.0
// Vectors of 16 floats in one vocabulary, on AVX-512 or on pairs of AVX2 registers; sigmoid and
// tanh; aligned memory.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace bsrnn {

using bf16 = uint16_t;  // the upper half of a float

// Zeroed memory on a page boundary, 128 bytes longer than asked for: a tile may read past the last
// row, where its weights are zero.
template <class T>
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(size_t count) {
    const size_t bytes = (count * sizeof(T) + 128 + 4095) / 4096 * 4096;
    data_ = static_cast<T*>(std::aligned_alloc(4096, bytes));
    std::memset(data_, 0, bytes);
  }
  Buffer(Buffer&& other) noexcept : data_(std::exchange(other.data_, nullptr)) {}
  Buffer& operator=(Buffer&& other) noexcept {
    std::swap(data_, other.data_);
    return *this;
  }
  ~Buffer() {
    std::free(data_);
  }
  operator T*() {
    return data_;
  }
  operator const T*() const {
    return data_;
  }

 private:
  T* data_ = nullptr;
};

// Denormal numbers count as zero while an object of this type lives.
class FlushDenormals {
 public:
  FlushDenormals() : before_(_mm_getcsr()) {
    _mm_setcsr(before_ | 0x8040);
  }
  ~FlushDenormals() {
    _mm_setcsr(before_);
  }

 private:
  unsigned before_;
};

inline void copy16(const bf16* from, bf16* to) {
  _mm256_storeu_si256((__m256i*)to, _mm256_loadu_si256((const __m256i*)from));
}

}  // namespace bsrnn

// Each defines f32x16, i32x16 and the same functions on them.
#ifdef __AVX512F__
#include "simd_avx512.h"
#else
#include "simd_avx2.h"
#endif

namespace bsrnn {

inline void store_bf16(bf16* p, f32x16 v) {
  _mm256_storeu_si256((__m256i*)p, to_bf16(v));
}
inline void stream_bf16(bf16* p, f32x16 v) {
  _mm256_stream_si256((__m256i*)p, to_bf16(v));
}

inline f32x16 sigmoid(f32x16 x) {
  return inverse(add(exp2(mul(x, all(-1.44269504f))), all(1.f)));
}
inline f32x16 tanh(f32x16 x) {
  return fnmadd(all(2.f), inverse(add(exp2(mul(x, all(2.88539008f))), all(1.f))), all(1.f));
}

// p[0..15] += v
inline void add_to(float* p, f32x16 v) {
  storeu(p, add(loadu(p), v));
}

}  // namespace bsrnn
