// SPDX-License-Identifier: Apache-2.0
// Flush-to-zero for the time of a call, so that silence costs no more than speech.
#ifndef LIGERO_RUNTIME_BASE_FPMODE_H_
#define LIGERO_RUNTIME_BASE_FPMODE_H_

#include <cstdint>

#if defined(__SSE__)
#include <xmmintrin.h>
#endif

namespace ligero {

/// Denormal numbers count as zero while it lives; the caller's mode is restored after. Any thread.
class FlushToZero {
 public:
  FlushToZero() noexcept : saved_(read()) {
    write(saved_ | kBits);
  }
  ~FlushToZero() {
    write(saved_);
  }
  FlushToZero(const FlushToZero&) = delete;
  FlushToZero& operator=(const FlushToZero&) = delete;

 private:
#if defined(__SSE__)
  using Word = unsigned;
  static constexpr Word kBits = 0x8040;  // FTZ and DAZ of MXCSR
  static Word read() noexcept {
    return _mm_getcsr();
  }
  static void write(Word w) noexcept {
    _mm_setcsr(w);
  }
#elif defined(__aarch64__)
  using Word = uint64_t;
  static constexpr Word kBits = Word{1} << 24;  // FZ of FPCR
  static Word read() noexcept {
    Word w;
    __asm__ volatile("mrs %0, fpcr" : "=r"(w));
    return w;
  }
  static void write(Word w) noexcept {
    __asm__ volatile("msr fpcr, %0" : : "r"(w));
  }
#elif defined(__arm__) && defined(__ARM_FP)
  using Word = uint32_t;
  static constexpr Word kBits = Word{1} << 24;  // FZ of FPSCR
  static Word read() noexcept {
    Word w;
    __asm__ volatile("vmrs %0, fpscr" : "=r"(w));
    return w;
  }
  static void write(Word w) noexcept {
    __asm__ volatile("vmsr fpscr, %0" : : "r"(w));
  }
#else
  using Word = uint32_t;
  static constexpr Word kBits = 0;
  static Word read() noexcept {
    return 0;
  }
  static void write(Word) noexcept {}
#endif
  Word saved_;
};

}  // namespace ligero

#endif  // LIGERO_RUNTIME_BASE_FPMODE_H_
