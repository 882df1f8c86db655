// SPDX-License-Identifier: Apache-2.0
// Memory for JavaScript, and the layout that it takes for granted.
#include "platforms/web/memory.h"

#include <cstdlib>

#include "ops/kernels/gemm/gemm.h"
#include "runtime/base/cpu.h"

// What package/core.js reads and writes by number.
static_assert(offsetof(ligero_session_config, block_hops) == 16);
static_assert(offsetof(ligero_model_info, side_output_names) == 20);
static_assert(offsetof(ligero_anchor_report, advice) == 32);

void* ligero_web_allocate(size_t bytes) {
  constexpr size_t kAlignment = 64;
  void* memory = nullptr;
  return posix_memalign(&memory, kAlignment, bytes) == 0 ? memory : nullptr;
}

void ligero_web_free(void* memory) {
  std::free(memory);
}

const char* ligero_web_kernels() {
  return ligero::kGemmVariants.best(ligero::cpu_features()).name;
}
