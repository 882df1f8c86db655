// SPDX-License-Identifier: Apache-2.0
// The processor's features, from the compiler's probes on x86 and the auxiliary vector on ARM.
#include "runtime/base/cpu.h"

#include <atomic>
#include <cstdlib>

#if defined(__arm__) || defined(__aarch64__)
#if defined(__linux__)
#include <sys/auxv.h>
#endif
#endif

namespace ligero {
namespace {

uint32_t probe() {
  uint32_t f = 0;
#if defined(__x86_64__) || defined(__i386__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("sse4.1") && __builtin_cpu_supports("ssse3")) {
    f |= kCpuSse4;
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    f |= kCpuAvx2;
  }
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl")) {
    f |= kCpuAvx512;
    if (__builtin_cpu_supports("avx512vnni")) {
      f |= kCpuVnni;
    }
  }
#elif defined(__aarch64__)
  f |= kCpuNeon;
#if defined(__linux__)
  constexpr unsigned long kHwcapAsimdDp = 1ul << 20;
  if (getauxval(AT_HWCAP) & kHwcapAsimdDp) {
    f |= kCpuNeonDot;
  }
#endif
#elif defined(__wasm_simd128__)
  f |= kCpuWasm;
#elif defined(__ARM_FEATURE_MVE)
  f |= kCpuMve;
#elif defined(__arm__) && defined(__linux__)
  constexpr unsigned long kHwcapNeon = 1ul << 12;
  constexpr unsigned long kHwcapVfpv4 = 1ul << 16;
  const unsigned long hwcap = getauxval(AT_HWCAP);
  if ((hwcap & kHwcapNeon) && (hwcap & kHwcapVfpv4)) {
    f |= kCpuNeon;
  }
#endif
#if defined(LIGERO_TESTING)
  if (const char* mask = std::getenv("LIGERO_CPU_MASK")) {
    f &= static_cast<uint32_t>(std::strtoul(mask, nullptr, 0));
  }
#endif
  return f;
}

}  // namespace

uint32_t cpu_features() {
  // Threads that come first together find the same; a static with a guard would need libstdc++.
  constexpr uint32_t kProbed = 1u << 31;
  static std::atomic<uint32_t> features = 0;
  uint32_t found = features.load(std::memory_order_relaxed);
  if (found == 0) {
    found = probe() | kProbed;
    features.store(found, std::memory_order_relaxed);
  }
  return found & ~kProbed;
}

const char* missing_cpu_feature() {
#if defined(__arm__)
  if ((cpu_features() & kCpuNeon) == 0) {
    return "NEON with VFPv4, as Cortex-A7, A15, A17 and newer have";
  }
#endif
  return nullptr;
}

}  // namespace ligero
