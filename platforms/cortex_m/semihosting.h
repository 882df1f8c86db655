/* SPDX-License-Identifier: Apache-2.0 */
/* Calls to the debugger or emulator that runs the program: files, text, the end. A product has none. */
#ifndef LIGERO_PLATFORMS_CORTEX_M_SEMIHOSTING_H_
#define LIGERO_PLATFORMS_CORTEX_M_SEMIHOSTING_H_

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum board_mode { BOARD_READ = 1, BOARD_WRITE = 5 } board_mode;

/* A file of the host; -1 where it cannot be opened. */
int32_t board_open(const char* name, board_mode mode);
/* Bytes that were read or written. */
size_t board_read(int32_t file, void* data, size_t bytes);
size_t board_write(int32_t file, const void* data, size_t bytes);
void board_close(int32_t file);

/* To the host's console. */
void board_say(const char* text);
/* "name value\n". */
void board_say_number(const char* name, int64_t value);

/* Ends the program with that exit code. */
#ifdef __cplusplus
[[noreturn]]
#else
_Noreturn
#endif
void board_finish(int code);

#ifdef __cplusplus
}
#endif

#endif /* LIGERO_PLATFORMS_CORTEX_M_SEMIHOSTING_H_ */
