// Choosing among the variants of a kernel. Not: the variants' tables, which each kernel's <name>.cc
// writes out, best first and the reference last.
#ifndef LIGERO_OPS_KERNELS_VARIANTS_H_
#define LIGERO_OPS_KERNELS_VARIANTS_H_

#include <cstddef>
#include <cstdint>

namespace ligero {

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
