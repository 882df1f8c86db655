// Choosing among the variants of a kernel. Not: the variants' tables, which each kernel's <name>.cc
// writes out, best first and the reference last.
#ifndef LIGERO_OPS_KERNELS_VARIANTS_H_
#define LIGERO_OPS_KERNELS_VARIANTS_H_

#include <cstddef>
#include <cstdint>

#include "runtime/base/cpu.h"

/// The name of the instruction set that a file is compiled for, as text.
#define LIGERO_TEXT_(x) #x
#define LIGERO_TEXT(x) LIGERO_TEXT_(x)
#define LIGERO_ISA_NAME LIGERO_TEXT(LIGERO_ISA)

/// LIGERO_FOR_EACH_ISA(X) is X(namespace, features) for each set, best first, reference last.
#if defined(LIGERO_HAVE_AVX512)
#define LIGERO_IF_AVX512(X) X(avx512, kCpuAvx512)
#else
#define LIGERO_IF_AVX512(X)
#endif
#if defined(LIGERO_HAVE_VNNI)
#define LIGERO_IF_VNNI(X) X(vnni, kCpuAvx512 | kCpuVnni)
#else
#define LIGERO_IF_VNNI(X)
#endif
#if defined(LIGERO_HAVE_AVX2)
#define LIGERO_IF_AVX2(X) X(avx2, kCpuAvx2)
#else
#define LIGERO_IF_AVX2(X)
#endif
#if defined(LIGERO_HAVE_SSE4)
#define LIGERO_IF_SSE4(X) X(sse4, kCpuSse4)
#else
#define LIGERO_IF_SSE4(X)
#endif
#if defined(LIGERO_HAVE_NEON)
#define LIGERO_IF_NEON(X) X(neon, kCpuNeon)
#else
#define LIGERO_IF_NEON(X)
#endif
#if defined(LIGERO_HAVE_ARMV7NEON)
#define LIGERO_IF_ARMV7NEON(X) X(armv7neon, kCpuNeon)
#else
#define LIGERO_IF_ARMV7NEON(X)
#endif
#if defined(LIGERO_HAVE_NEONDOT)
#define LIGERO_IF_NEONDOT(X) X(neondot, kCpuNeon | kCpuNeonDot)
#else
#define LIGERO_IF_NEONDOT(X)
#endif
#if defined(LIGERO_HAVE_MVE)
#define LIGERO_IF_MVE(X) X(mve, kCpuMve)
#else
#define LIGERO_IF_MVE(X)
#endif
#define LIGERO_FOR_EACH_ISA(X) \
  LIGERO_IF_AVX512(X)          \
  LIGERO_IF_AVX2(X) LIGERO_IF_SSE4(X) LIGERO_IF_NEON(X) LIGERO_IF_ARMV7NEON(X) X(ref, 0u)
/// The same for products of int8.
#define LIGERO_FOR_EACH_Q8_ISA(X)                       \
  LIGERO_IF_VNNI(X) LIGERO_IF_AVX2(X) LIGERO_IF_SSE4(X) \
  LIGERO_IF_NEONDOT(X) LIGERO_IF_NEON(X) LIGERO_IF_ARMV7NEON(X) LIGERO_IF_MVE(X) X(ref, 0u)

namespace ligero {

#define LIGERO_COUNT(isa, features) +1
/// How many sets there are beside the reference: 0 where a build has no vectors.
inline constexpr int kVectorIsas = LIGERO_FOR_EACH_ISA(LIGERO_COUNT) - 1;
#undef LIGERO_COUNT

/// A variant and the CpuFeature bits it needs (0: none).
template <typename Kernels>
struct Variant {
  uint32_t cpu;
  const Kernels* kernels;
};

/// The variants of `list` that a processor with the features `cpu` runs, in order: at most
/// `capacity` are written, all are counted.
template <typename Kernels, size_t N>
size_t list_variants(const Variant<Kernels> (&list)[N],
                     uint32_t cpu,
                     const Kernels** out,
                     size_t capacity) {
  size_t count = 0;
  for (const Variant<Kernels>& v : list) {
    if ((v.cpu & cpu) == v.cpu) {
      if (count < capacity) {
        out[count] = v.kernels;
      }
      ++count;
    }
  }
  return count;
}

}  // namespace ligero

#endif  // LIGERO_OPS_KERNELS_VARIANTS_H_
