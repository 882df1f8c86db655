/* SPDX-License-Identifier: Apache-2.0 */
/* The processor's SysTick timer as a stopwatch of up to 2^24 ticks. */
#ifndef LIGERO_PLATFORMS_CORTEX_M_TICKS_H_
#define LIGERO_PLATFORMS_CORTEX_M_TICKS_H_

#include <stdint.h>

#define BOARD_MOST_TICKS 0xFFFFFFu

/* Counts the processor's clock from here on. */
static inline void board_start_ticks(void) {
  volatile uint32_t* const systick = (volatile uint32_t*)0xE000E010;
  systick[1] = BOARD_MOST_TICKS; /* reload */
  systick[2] = 0;                /* value */
  systick[0] = 5;                /* enabled, the processor's clock, no interrupt */
}

static inline uint32_t board_ticks(void) {
  return *(volatile uint32_t*)0xE000E018;
}

/* Ticks since board_ticks() was `before`: the timer counts down, and around. */
static inline uint32_t board_ticks_since(uint32_t before) {
  return (before - board_ticks()) & BOARD_MOST_TICKS;
}

/* Ticks in which a million instructions run: the unit of a count where the emulator's clock goes by
 * instructions (qemu -icount). */
static inline uint32_t board_ticks_per_million(void) {
  uint32_t left = 500000;
  const uint32_t before = board_ticks();
  __asm__ volatile("1: subs %0, %0, #1\n\tbne 1b" : "+r"(left) : : "cc");
  return board_ticks_since(before);
}

#endif /* LIGERO_PLATFORMS_CORTEX_M_TICKS_H_ */
