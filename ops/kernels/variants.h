// SPDX-License-Identifier: Apache-2.0
// The one mechanism that lists a kernel's variants, by instruction set, and chooses among them.
// Not: the variants.
#ifndef LIGERO_OPS_KERNELS_VARIANTS_H_
#define LIGERO_OPS_KERNELS_VARIANTS_H_

#include <cstddef>
#include <cstdint>

#include "runtime/base/cpu.h"

/// The name of the instruction set that a file is compiled for, as text.
#define LIGERO_TEXT_(x) #x
#define LIGERO_TEXT(x) LIGERO_TEXT_(x)
#define LIGERO_ISA_NAME LIGERO_TEXT(LIGERO_ISA)

/// LIGERO_FOR_EACH_ISA(X, ...) is X(namespace, features, ...) for each set, best first, reference
/// last.
#if defined(LIGERO_HAVE_AVX512)
#define LIGERO_IF_AVX512(X, ...) X(avx512, kCpuAvx512, __VA_ARGS__)
#else
#define LIGERO_IF_AVX512(X, ...)
#endif
#if defined(LIGERO_HAVE_VNNI)
#define LIGERO_IF_VNNI(X, ...) X(vnni, kCpuAvx512 | kCpuVnni, __VA_ARGS__)
#else
#define LIGERO_IF_VNNI(X, ...)
#endif
#if defined(LIGERO_HAVE_AVX2)
#define LIGERO_IF_AVX2(X, ...) X(avx2, kCpuAvx2, __VA_ARGS__)
#else
#define LIGERO_IF_AVX2(X, ...)
#endif
#if defined(LIGERO_HAVE_SSE4)
#define LIGERO_IF_SSE4(X, ...) X(sse4, kCpuSse4, __VA_ARGS__)
#else
#define LIGERO_IF_SSE4(X, ...)
#endif
#if defined(LIGERO_HAVE_NEON)
#define LIGERO_IF_NEON(X, ...) X(neon, kCpuNeon, __VA_ARGS__)
#else
#define LIGERO_IF_NEON(X, ...)
#endif
#if defined(LIGERO_HAVE_ARMV7NEON)
#define LIGERO_IF_ARMV7NEON(X, ...) X(armv7neon, kCpuNeon, __VA_ARGS__)
#else
#define LIGERO_IF_ARMV7NEON(X, ...)
#endif
#if defined(LIGERO_HAVE_NEONDOT)
#define LIGERO_IF_NEONDOT(X, ...) X(neondot, kCpuNeon | kCpuNeonDot, __VA_ARGS__)
#else
#define LIGERO_IF_NEONDOT(X, ...)
#endif
#if defined(LIGERO_HAVE_MVE)
#define LIGERO_IF_MVE(X, ...) X(mve, kCpuMve, __VA_ARGS__)
#else
#define LIGERO_IF_MVE(X, ...)
#endif
#if defined(LIGERO_HAVE_WASM)
#define LIGERO_IF_WASM(X, ...) X(wasm, kCpuWasm, __VA_ARGS__)
#else
#define LIGERO_IF_WASM(X, ...)
#endif
#define LIGERO_FOR_EACH_ISA(X, ...)                             \
  LIGERO_IF_AVX512(X, __VA_ARGS__)                              \
  LIGERO_IF_AVX2(X, __VA_ARGS__)                                \
  LIGERO_IF_SSE4(X, __VA_ARGS__) LIGERO_IF_NEON(X, __VA_ARGS__) \
      LIGERO_IF_ARMV7NEON(X, __VA_ARGS__) LIGERO_IF_WASM(X, __VA_ARGS__) X(ref, 0u, __VA_ARGS__)
/// The same for kernels of float that MVE has too.
#define LIGERO_FOR_EACH_ISA_OR_MVE(X, ...)                      \
  LIGERO_IF_AVX512(X, __VA_ARGS__)                              \
  LIGERO_IF_AVX2(X, __VA_ARGS__)                                \
  LIGERO_IF_SSE4(X, __VA_ARGS__) LIGERO_IF_NEON(X, __VA_ARGS__) \
      LIGERO_IF_ARMV7NEON(X, __VA_ARGS__) LIGERO_IF_WASM(X, __VA_ARGS__) \
      LIGERO_IF_MVE(X, __VA_ARGS__) X(ref, 0u, __VA_ARGS__)
/// The same for kernels of int8.
#define LIGERO_FOR_EACH_Q8_ISA(X, ...)                                                            \
  LIGERO_IF_VNNI(X, __VA_ARGS__)                                                                  \
  LIGERO_IF_AVX2(X, __VA_ARGS__)                                                                  \
  LIGERO_IF_SSE4(X, __VA_ARGS__) LIGERO_IF_NEONDOT(X, __VA_ARGS__) LIGERO_IF_NEON(X, __VA_ARGS__) \
      LIGERO_IF_ARMV7NEON(X, __VA_ARGS__) LIGERO_IF_WASM(X, __VA_ARGS__) \
      LIGERO_IF_MVE(X, __VA_ARGS__) X(ref, 0u, __VA_ARGS__)

namespace ligero {

#define LIGERO_COUNT(isa, features, ...) +1
/// How many sets there are beside the reference: 0 where a build has no vectors.
inline constexpr int kVectorIsas = LIGERO_FOR_EACH_ISA(LIGERO_COUNT, ) - 1;
#undef LIGERO_COUNT

/// A variant and the CpuFeature bits it needs (0: none).
template <typename Kernels>
struct Variant {
  uint32_t cpu;
  const Kernels* kernels;
};

/// The variants of a kernel in this build, best first, the reference last.
template <typename Kernels>
class Variants {
 public:
  template <size_t N>
  constexpr explicit Variants(const Variant<Kernels> (&list)[N]) : list_(list), count_(N) {}

  /// The best variant for a processor with these features (CpuFeature bits). Load time, any thread.
  const Kernels& best(uint32_t cpu) const {
    return *nth(cpu, 0);
  }
  /// Number `n` of the variants that such a processor runs; nullptr where there are not so many.
  const Kernels* nth(uint32_t cpu, size_t n) const {
    for (size_t i = 0; i < count_; ++i) {
      if ((list_[i].cpu & cpu) == list_[i].cpu && n-- == 0) {
        return list_[i].kernels;
      }
    }
    return nullptr;
  }

 private:
  const Variant<Kernels>* list_;
  size_t count_;
};

}  // namespace ligero

#define LIGERO_DECLARE_VARIANT(isa, features, Kernels, name) \
  namespace isa {                                            \
  extern const Kernels name;                                 \
  }
#define LIGERO_VARIANT(isa, features, Kernels, name) {features, &isa::name},
/// Behind a kernel's reference, in its <name>_ref.cc: defines kXVariants, which its header
/// declares, from the kX of each set of FOR_EACH (LIGERO_FOR_EACH_ISA or LIGERO_FOR_EACH_Q8_ISA).
#define LIGERO_VARIANTS(FOR_EACH, Kernels, name)                                              \
  namespace ligero {                                                                          \
  FOR_EACH(LIGERO_DECLARE_VARIANT, Kernels, name)                                             \
  static constexpr Variant<Kernels> name##List[] = {FOR_EACH(LIGERO_VARIANT, Kernels, name)}; \
  constinit const Variants<Kernels> name##Variants(name##List);                               \
  }

#endif  // LIGERO_OPS_KERNELS_VARIANTS_H_
