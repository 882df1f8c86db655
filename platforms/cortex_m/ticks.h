// SPDX-License-Identifier: Apache-2.0
// The processor's SysTick timer as a stopwatch of up to 2^24 ticks.
#ifndef LIGERO_PLATFORMS_CORTEX_M_TICKS_H_
#define LIGERO_PLATFORMS_CORTEX_M_TICKS_H_

#include <cstdint>

namespace ligero::board {

inline constexpr uint32_t kMostTicks = 0xFFFFFF;

/// Counts the processor's clock from here on.
inline void start_ticks() {
  auto* const systick = reinterpret_cast<volatile uint32_t*>(0xE000E010);
  systick[1] = kMostTicks;  // reload
  systick[2] = 0;           // value
  systick[0] = 5;           // enabled, the processor's clock, no interrupt
}

inline uint32_t ticks() {
  return *reinterpret_cast<volatile uint32_t*>(0xE000E018);
}

/// Ticks since ticks() was `before`: the timer counts down, and around.
inline uint32_t ticks_since(uint32_t before) {
  return (before - ticks()) & kMostTicks;
}

/// Ticks in which a million instructions run: the unit of a count where the emulator's clock goes
/// by instructions (qemu -icount).
inline uint32_t ticks_per_million() {
  uint32_t left = 500000;
  const uint32_t before = ticks();
  __asm__ volatile("1: subs %0, %0, #1\n\tbne 1b" : "+r"(left) : : "cc");
  return ticks_since(before);
}

}  // namespace ligero::board

#endif  // LIGERO_PLATFORMS_CORTEX_M_TICKS_H_
