// The variants of the LSTM cell. Not: their code.
#include "ops/kernels/lstm/lstm.h"

#include "ops/kernels/variants.h"

#define LIGERO_DECLARE(isa, features) \
  namespace ligero::isa {             \
  extern const LstmKernels kLstm;     \
  }
LIGERO_FOR_EACH_ISA(LIGERO_DECLARE)
#undef LIGERO_DECLARE

namespace ligero {
namespace {

#define LIGERO_ENTRY(isa, features) {features, &isa::kLstm},
constexpr Variant<LstmKernels> kVariants[] = {LIGERO_FOR_EACH_ISA(LIGERO_ENTRY)};
#undef LIGERO_ENTRY

}  // namespace

const LstmKernels& lstm_kernels(uint32_t cpu) {
  const LstmKernels* best = nullptr;
  list_variants(kVariants, cpu, &best, 1);
  return *best;
}

size_t lstm_variants(uint32_t cpu, const LstmKernels** out, size_t capacity) {
  return list_variants(kVariants, cpu, out, capacity);
}

}  // namespace ligero
