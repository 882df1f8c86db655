// SPDX-License-Identifier: Apache-2.0
// Profiles and memory for JavaScript, and the layout that it takes for granted.
#include "platforms/web/memory.h"

#include <cstdlib>
#include <new>
#include <utility>

#include "ops/kernels/gemm/gemm.h"
#include "platforms/capi/handles.h"
#include "platforms/capi/refusal.h"

// What package/core.js reads and writes by number.
static_assert(offsetof(ligero_session_config, block_hops) == 16);
static_assert(sizeof(ligero_model_info) == 36 && offsetof(ligero_model_info, side_output_names) == 20);
static_assert(sizeof(ligero_anchor_report) == 40 && offsetof(ligero_anchor_report, advice) == 32);

void* ligero_web_allocate(size_t bytes) {
  constexpr size_t kAlignment = 64;
  void* memory = nullptr;
  return posix_memalign(&memory, kAlignment, bytes) == 0 ? memory : nullptr;
}

void ligero_web_free(void* memory) {
  std::free(memory);
}

ligero_status ligero_web_profile_parse(const void* data, size_t bytes, ligero_profile** profile) {
  *profile = nullptr;
  ligero::Result<ligero::Profile> parsed =
      ligero::Profile::parse({static_cast<const std::byte*>(data), bytes});
  if (!parsed.ok()) {
    return ligero::capi::refuse(parsed.status());
  }
  *profile = new (std::nothrow) ligero_profile{std::move(parsed.value())};
  return *profile != nullptr
             ? LIGERO_OK
             : ligero::capi::refuse(ligero::Code::kTooLittleMemory, "no memory for a profile");
}

const void* ligero_web_profile_data(const ligero_profile* profile) {
  return profile->profile.bytes().data();
}

size_t ligero_web_profile_bytes(const ligero_profile* profile) {
  return profile->profile.bytes().size();
}

const char* ligero_web_kernels() {
  return ligero::kGemmVariants.best(ligero::cpu_features()).name;
}
