// SPDX-License-Identifier: Apache-2.0
// From reset to main on a Cortex-M55: the vector table, memory, the vector unit. Not: a board's
// clocks.
#include <cstdint>
#include <cstring>

#include "platforms/cortex_m/semihosting.h"

extern "C" {
// Of the linker script.
extern uint32_t ligero_data_from[], ligero_data_begin[], ligero_data_end[];
extern uint32_t ligero_bss_begin[], ligero_bss_end[];
extern uint32_t ligero_stack_begin[], ligero_stack_end[];

int main();

[[noreturn]] void ligero_reset() {
  constexpr uintptr_t kCpacr = 0xE000ED88;  // coprocessor access control
  constexpr uint32_t kVectorUnit = 0xFu << 20;
  *reinterpret_cast<volatile uint32_t*>(kCpacr) |= kVectorUnit;
  __asm__ volatile("dsb\n\tisb" : : : "memory");
  const auto bytes = [](const uint32_t* begin, const uint32_t* end) {
    return reinterpret_cast<uintptr_t>(end) - reinterpret_cast<uintptr_t>(begin);
  };
  std::memcpy(ligero_data_begin, ligero_data_from, bytes(ligero_data_begin, ligero_data_end));
  std::memset(ligero_bss_begin, 0, bytes(ligero_bss_begin, ligero_bss_end));
  ligero::board::finish(main());
}

[[noreturn]] void ligero_fault() {
  constexpr uintptr_t kCfsr = 0xE000ED28;  // configurable fault status
  ligero::board::say("fault, CFSR", *reinterpret_cast<volatile uint32_t*>(kCfsr));
  ligero::board::finish(3);
}
}

namespace {

using Handler = void (*)();

/// The processor's own exceptions; nothing here enables an interrupt.
struct Vectors {
  uint32_t* stack;
  Handler reset;
  Handler faults[14];
};

}  // namespace

extern const Vectors ligero_vectors;
__attribute__((used, section(".vectors"))) const Vectors ligero_vectors = {ligero_stack_end,
                                                                           ligero_reset,
                                                                           {ligero_fault,
                                                                            ligero_fault,
                                                                            ligero_fault,
                                                                            ligero_fault,
                                                                            ligero_fault,
                                                                            ligero_fault,
                                                                            ligero_fault,
                                                                            ligero_fault,
                                                                            ligero_fault,
                                                                            ligero_fault,
                                                                            ligero_fault,
                                                                            ligero_fault,
                                                                            ligero_fault,
                                                                            ligero_fault}};
