// SPDX-License-Identifier: Apache-2.0
// Atomic operations on 64 bits, which the processor has none of: with interrupts off. One core.
#include <cstdint>

namespace {

class InterruptsOff {
 public:
  InterruptsOff() {
    __asm__ volatile("mrs %0, primask\n\tcpsid i" : "=r"(were_off_) : : "memory");
  }
  ~InterruptsOff() {
    __asm__ volatile("msr primask, %0" : : "r"(were_off_) : "memory");
  }
  InterruptsOff(const InterruptsOff&) = delete;
  InterruptsOff& operator=(const InterruptsOff&) = delete;

 private:
  uint32_t were_off_;
};

}  // namespace

// The names that the compiler calls; it does not let them be defined under these.
extern "C" uint64_t ligero_load_8(const volatile uint64_t* p, int) __asm__("__atomic_load_8");
extern "C" void ligero_store_8(volatile uint64_t* p,
                               uint64_t value,
                               int) __asm__("__atomic_store_8");
extern "C" uint64_t ligero_add_8(volatile uint64_t* p,
                                 uint64_t by,
                                 int) __asm__("__atomic_fetch_add_8");

uint64_t ligero_load_8(const volatile uint64_t* p, int) {
  const InterruptsOff off;
  return *p;
}
void ligero_store_8(volatile uint64_t* p, uint64_t value, int) {
  const InterruptsOff off;
  *p = value;
}
uint64_t ligero_add_8(volatile uint64_t* p, uint64_t by, int) {
  const InterruptsOff off;
  const uint64_t before = *p;
  *p = before + by;
  return before;
}
