// The variants of the deep filter. Not: their code.
#include "ops/kernels/deep_filter/deep_filter.h"

#include "ops/kernels/variants.h"

#define LIGERO_DECLARE(isa, features)         \
  namespace ligero::isa {                     \
  extern const DeepFilterKernels kDeepFilter; \
  }
LIGERO_FOR_EACH_ISA(LIGERO_DECLARE)
#undef LIGERO_DECLARE

namespace ligero {
namespace {

#define LIGERO_ENTRY(isa, features) {features, &isa::kDeepFilter},
constexpr Variant<DeepFilterKernels> kVariants[] = {LIGERO_FOR_EACH_ISA(LIGERO_ENTRY)};
#undef LIGERO_ENTRY

}  // namespace

const DeepFilterKernels& deep_filter_kernels(uint32_t cpu) {
  const DeepFilterKernels* best = nullptr;
  list_variants(kVariants, cpu, &best, 1);
  return *best;
}

size_t deep_filter_variants(uint32_t cpu, const DeepFilterKernels** out, size_t capacity) {
  return list_variants(kVariants, cpu, out, capacity);
}

}  // namespace ligero
