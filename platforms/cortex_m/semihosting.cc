// SPDX-License-Identifier: Apache-2.0
// Arm's "Semihosting for AArch32 and AArch64", release 2: the operation in r0, its arguments in r1.
#include "platforms/cortex_m/semihosting.h"

#include <charconv>
#include <cstring>

namespace ligero::board {
namespace {

enum Operation : uint32_t {
  kOpen = 0x01,
  kClose = 0x02,
  kWriteText = 0x04,
  kWrite = 0x05,
  kRead = 0x06,
  kExitExtended = 0x20,
};
constexpr uintptr_t kApplicationExit = 0x20026;

int32_t call(Operation operation, const void* arguments) {
  register uint32_t r0 __asm__("r0") = operation;
  register const void* r1 __asm__("r1") = arguments;
  __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
  return static_cast<int32_t>(r0);
}

/// Both return how many bytes they have not moved.
size_t moved(Operation operation, int32_t file, uintptr_t data, size_t bytes) {
  const uintptr_t arguments[] = {static_cast<uintptr_t>(file), data, bytes};
  const auto left = static_cast<size_t>(call(operation, arguments));
  return left <= bytes ? bytes - left : 0;
}

}  // namespace

int32_t open_file(const char* name, FileMode mode) {
  const uintptr_t arguments[] = {
      reinterpret_cast<uintptr_t>(name), static_cast<uintptr_t>(mode), std::strlen(name)};
  return call(kOpen, arguments);
}

size_t read_file(int32_t file, void* data, size_t bytes) {
  return moved(kRead, file, reinterpret_cast<uintptr_t>(data), bytes);
}

size_t write_file(int32_t file, const void* data, size_t bytes) {
  return moved(kWrite, file, reinterpret_cast<uintptr_t>(data), bytes);
}

void close_file(int32_t file) {
  call(kClose, &file);
}

void say(const char* text) {
  call(kWriteText, text);
}

void say(const char* name, int64_t value) {
  char digits[24] = {};
  std::to_chars(digits, digits + sizeof(digits) - 1, value);
  say(name);
  say(" ");
  say(digits);
  say("\n");
}

void finish(int code) {
  const uintptr_t arguments[] = {kApplicationExit, static_cast<uintptr_t>(code)};
  for (;;) {
    call(kExitExtended, arguments);
  }
}

}  // namespace ligero::board
