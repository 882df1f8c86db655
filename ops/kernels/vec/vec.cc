// The variants of the array functions. Not: their code.
#include "ops/kernels/vec/vec.h"

#include "ops/kernels/variants.h"

#define LIGERO_DECLARE(isa, features) \
  namespace ligero::isa {             \
  extern const VecKernels kVec;       \
  }
LIGERO_FOR_EACH_ISA(LIGERO_DECLARE)
#undef LIGERO_DECLARE

namespace ligero {
namespace {

#define LIGERO_ENTRY(isa, features) {features, &isa::kVec},
constexpr Variant<VecKernels> kVariants[] = {LIGERO_FOR_EACH_ISA(LIGERO_ENTRY)};
#undef LIGERO_ENTRY

}  // namespace

const VecKernels& vec_kernels(uint32_t cpu) {
  const VecKernels* best = nullptr;
  list_variants(kVariants, cpu, &best, 1);
  return *best;
}

size_t vec_variants(uint32_t cpu, const VecKernels** out, size_t capacity) {
  return list_variants(kVariants, cpu, out, capacity);
}

}  // namespace ligero
