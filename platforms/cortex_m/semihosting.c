/* SPDX-License-Identifier: Apache-2.0 */
/* Semihosting: a breakpoint that the debugger takes for a call. */
#include "platforms/cortex_m/semihosting.h"

#include <string.h>

enum operation {
  OPEN = 0x01,
  CLOSE = 0x02,
  WRITE_TEXT = 0x04,
  WRITE = 0x05,
  READ = 0x06,
  EXIT_EXTENDED = 0x20
};
static const uintptr_t kApplicationExit = 0x20026;

static int32_t call(enum operation operation, const void* arguments) {
  register uint32_t r0 __asm__("r0") = operation;
  register const void* r1 __asm__("r1") = arguments;
  __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
  return (int32_t)r0;
}

/* Both return how many bytes they have not moved. */
static size_t moved(enum operation operation, int32_t file, uintptr_t data, size_t bytes) {
  const uintptr_t arguments[] = {(uintptr_t)file, data, bytes};
  const size_t left = (size_t)call(operation, arguments);
  return left <= bytes ? bytes - left : 0;
}

int32_t board_open(const char* name, board_mode mode) {
  const uintptr_t arguments[] = {(uintptr_t)name, (uintptr_t)mode, strlen(name)};
  return call(OPEN, arguments);
}

size_t board_read(int32_t file, void* data, size_t bytes) {
  return moved(READ, file, (uintptr_t)data, bytes);
}

size_t board_write(int32_t file, const void* data, size_t bytes) {
  return moved(WRITE, file, (uintptr_t)data, bytes);
}

void board_close(int32_t file) {
  call(CLOSE, &file);
}

void board_say(const char* text) {
  call(WRITE_TEXT, text);
}

void board_say_number(const char* name, int64_t value) {
  char digits[24] = "";
  char* at = digits + sizeof(digits) - 1;
  uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
  do {
    *--at = (char)('0' + left % 10);
    left /= 10;
  } while (left > 0);
  if (value < 0) {
    *--at = '-';
  }
  board_say(name);
  board_say(" ");
  board_say(at);
  board_say("\n");
}

void board_finish(int code) {
  const uintptr_t arguments[] = {kApplicationExit, (uintptr_t)code};
  for (;;) {
    call(EXIT_EXTENDED, arguments);
  }
}
