// SPDX-License-Identifier: Apache-2.0
// What the processor can do, read once. Not: which kernel follows from it (ops/kernels).
#ifndef LIGERO_RUNTIME_BASE_CPU_H_
#define LIGERO_RUNTIME_BASE_CPU_H_

#include <cstdint>

#include "runtime/base/target.h"

namespace ligero {

/// Bits of cpu_features().
enum CpuFeature : uint32_t {
  kCpuSse4 = 1u << 0,
  kCpuAvx2 = 1u << 1,    ///< AVX2, FMA and F16C
  kCpuAvx512 = 1u << 2,  ///< F, BW, CD, DQ, VL
  kCpuVnni = 1u << 3,    ///< AVX-512 VNNI
  kCpuNeon = 1u << 4,
  kCpuNeonDot = 1u << 5,
  kCpuMve = 1u << 6,  ///< integers and floats, of a Cortex-M
  kCpuWasm = 1u << 7, ///< WebAssembly's SIMD128
};

/// Features of this processor that the operating system has enabled. In builds with tests the
/// environment variable LIGERO_CPU_MASK (an integer) is and-ed in, so that every variant can be run
/// on one machine.
uint32_t cpu_features();

/// What every kernel of this build needs and this processor has not, or nullptr. Without it only the
/// references run, far too slow for sound. Any thread.
const char* missing_cpu_feature();

}  // namespace ligero

#endif  // LIGERO_RUNTIME_BASE_CPU_H_
