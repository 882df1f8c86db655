/* SPDX-License-Identifier: Apache-2.0 */
/* From reset to main on a Cortex-M55: the vector table, memory, the vector unit. Not: a board's clocks. */
#include <stdint.h>
#include <string.h>

#include "platforms/cortex_m/semihosting.h"

/* Of the linker script. */
extern uint32_t ligero_data_from[], ligero_data_begin[], ligero_data_end[];
extern uint32_t ligero_bss_begin[], ligero_bss_end[];
extern uint32_t ligero_stack_end[];

int main(void);

static size_t bytes(const uint32_t* begin, const uint32_t* end) {
  return (uintptr_t)end - (uintptr_t)begin;
}

_Noreturn void board_reset(void);
_Noreturn void board_reset(void) {
  volatile uint32_t* const coprocessor_access = (uint32_t*)0xE000ED88;
  *coprocessor_access |= 0xFu << 20; /* the vector unit */
  __asm__ volatile("dsb\n\tisb" : : : "memory");
  memcpy(ligero_data_begin, ligero_data_from, bytes(ligero_data_begin, ligero_data_end));
  memset(ligero_bss_begin, 0, bytes(ligero_bss_begin, ligero_bss_end));
  board_finish(main());
}

static _Noreturn void fault(void) {
  const volatile uint32_t* const fault_status = (uint32_t*)0xE000ED28;
  board_say_number("fault, CFSR", *fault_status);
  board_finish(3);
}

typedef void (*handler)(void);

/* The processor's own exceptions; nothing here enables an interrupt. */
__attribute__((used, section(".vectors"))) static const struct {
  uint32_t* stack;
  handler reset;
  handler faults[14];
} vectors = {ligero_stack_end,
             board_reset,
             {fault, fault, fault, fault, fault, fault, fault, fault, fault, fault, fault, fault, fault, fault}};
