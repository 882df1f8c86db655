// The variants of the attention kernels. Not: their code.
#include "ops/kernels/attention/attention.h"

#include "ops/kernels/variants.h"

#define LIGERO_DECLARE(isa, features)       \
  namespace ligero::isa {                   \
  extern const AttentionKernels kAttention; \
  }
LIGERO_FOR_EACH_ISA(LIGERO_DECLARE)
#undef LIGERO_DECLARE

namespace ligero {
namespace {

#define LIGERO_ENTRY(isa, features) {features, &isa::kAttention},
constexpr Variant<AttentionKernels> kVariants[] = {LIGERO_FOR_EACH_ISA(LIGERO_ENTRY)};
#undef LIGERO_ENTRY

}  // namespace

const AttentionKernels& attention_kernels(uint32_t cpu) {
  const AttentionKernels* best = nullptr;
  list_variants(kVariants, cpu, &best, 1);
  return *best;
}

size_t attention_variants(uint32_t cpu, const AttentionKernels** out, size_t capacity) {
  return list_variants(kVariants, cpu, out, capacity);
}

}  // namespace ligero
